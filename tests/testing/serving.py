"""A small application with a web configuration file, on loopback."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, TCPConnector, web

from dicom_exporter.server.listening import ListenAddress, listen
from dicom_exporter.webconfig.live import LiveConfig
from dicom_exporter.webconfig.middleware import protect
from dicom_exporter.webconfig.passwords import PasswordChecker
from dicom_exporter.webconfig.site import MAX_OPENING, Site
from tests.testing.peers import Certificates
from tests.testing.web_config import basic


@dataclass
class Server:
    """A running server, and its file."""

    file: Path
    port: int
    live: LiveConfig

    def write(self, text: str) -> None:
        """Replace the file by a new one, as an editor does."""
        replace(self.file, text)

    def write_in_place(self, text: str) -> None:
        """Overwrite the file."""
        self.file.write_text(text)

    def remove(self) -> None:
        """Remove the file."""
        self.file.unlink()

    async def get(
        self,
        path: str = "/",
        *,
        auth: tuple[str, str] | None = None,
        scheme: str = "http",
        context: ssl.SSLContext | bool = True,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, Any]:
        """Over a new connection: status, text, headers."""
        url = f"{scheme}://127.0.0.1:{self.port}{path}"
        headers = basic(*auth) if auth else headers
        async with (
            ClientSession(connector=TCPConnector(force_close=True)) as client,
            client.get(url, ssl=context, headers=headers) as response,
        ):
            return response.status, await response.text(), response.headers

    async def status(self, path: str = "/", **how: Any) -> int:
        """Only the status."""
        return (await self.get(path, **how))[0]


def replace(file: Path, text: str) -> None:
    """Replace `file` by a new file, for the owner alone."""
    new = file.with_suffix(".new")
    new.touch(0o600)
    new.write_text(text)
    new.replace(file)


def client_context(certificates: Certificates, *, certificate: bool = False) -> ssl.SSLContext:
    """A client that trusts the authority, and has a client certificate if `certificate`."""
    context = ssl.create_default_context(cafile=certificates.authority)
    if certificate:
        context.load_cert_chain(certificates.client, certificates.client_key)
    return context


@asynccontextmanager
async def serving(
    file: Path, text: str, checker: PasswordChecker | None = None, *, max_opening: int = MAX_OPENING
) -> AsyncIterator[Server]:
    """Serve a page that shows the scheme, and one that fails, with `text` as the web configuration file."""
    replace(file, text)

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=request.scheme, headers={"X-Frame-Options": "sameorigin"})

    async def failing(request: web.Request) -> web.Response:
        raise RuntimeError

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_get("/failing", failing)
    live = LiveConfig(str(file))
    protect(app, live, checker)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        (sock,) = listen([ListenAddress("127.0.0.1", 0)])
        port = sock.getsockname()[1]
        await Site(runner, sock, live, max_opening).start()
        yield Server(file, port, live)
    finally:
        await runner.cleanup()
