"""Probes of HTTP servers with short timeouts, and with all arguments that the prober would give."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from dicom_exporter.http_client.client import HTTPCredentials
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.web_page import probe_web
from dicom_exporter.results import WebResult

PATIENCE = 5.0
"""Seconds for servers that answer."""
SHORT = 0.4
"""Seconds for servers that do not."""


async def dicomweb(
    url: str,
    *,
    timeout: float = PATIENCE,
    tls: ssl.SSLContext | None = None,
    credentials: HTTPCredentials | None = None,
    getaddrinfo: Callable[..., list[Any]] | None = None,
    **options: Any,
) -> WebResult:
    """`probe_dicomweb`, as a stranger by default."""
    lookups = LookupThreads(getaddrinfo) if getaddrinfo else LookupThreads()
    try:
        return await probe_dicomweb(
            url,
            resolver=Resolver(lookups),
            deadline=asyncio.get_running_loop().time() + timeout,
            tls=tls or stranger_context(),
            credentials=credentials,
            **{"connect_timeout": 3.0, **options},
        )
    finally:
        lookups.close()


async def web(url: str, *, timeout: float = PATIENCE, product: str = "unknown") -> WebResult:
    """`probe_web`, as a stranger."""
    lookups = LookupThreads()
    try:
        return await probe_web(
            url,
            resolver=Resolver(lookups),
            deadline=asyncio.get_running_loop().time() + timeout,
            connect_timeout=3.0,
            tls=stranger_context(),
            product=product,
        )
    finally:
        lookups.close()


@asynccontextmanager
async def tls_front(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port that terminates TLS and forwards the bytes to `port`, like a reverse proxy."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        behind, before = await asyncio.open_connection("127.0.0.1", port)
        ways = [asyncio.create_task(_pass_on(reader, before)), asyncio.create_task(_pass_on(behind, writer))]
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        before.close()
        writer.close()
        tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        await asyncio.gather(*tasks)  # each ends with its client, and the clients are gone
        await asyncio.sleep(0)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
