"""Probes of HTTP servers on this machine, without a configuration file."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

from dicom_exporter.config import (
    Address,
    BasicAuth,
    Exposure,
    HTTPSettings,
    Module,
    Secret,
    Target,
    TLSSettings,
    WebEntry,
)
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.web_page import probe_web
from dicom_exporter.results import WebResult
from tests.testing.context import MONITOR, PEER, STRANGER, lookup_threads, probe_context

_TARGET = Target("target", Address("192.0.2.1", 104))
PATIENCE = 5.0
"""Seconds for servers that answer."""
SHORT = 0.4
"""Seconds for servers that do not."""


async def dicomweb(
    url: str,
    *,
    timeout: float = PATIENCE,
    connect_timeout: float = 3.0,
    tls: ssl.SSLContext | None = None,
    password: str | None = None,
    getaddrinfo: Callable[..., list[Any]] | None = None,
    max_studies: int = 1000,
    prove_identity: bool = False,
    prove_download: bool = False,
    surface: bool = False,
) -> WebResult:
    """`probe_dicomweb` as a stranger; with `tls` or a `password` of the user ``monitor``, as an identity with those."""
    prove = {"identity": prove_identity, "download": prove_download}
    known = tls is not None or password is not None
    http = None if password is None else HTTPSettings(BasicAuth("monitor", Secret(password)))
    identity = replace(MONITOR, tls=None if tls is None else TLSSettings(context=tls), http=http) if known else STRANGER
    steps = tuple(name for name, wanted in prove.items() if wanted)
    exposure = None if known else Exposure(max_studies, steps, surface)
    module = Module("module", identity=identity.name, exposure=exposure)
    with lookup_threads(getaddrinfo) as lookups:
        context = probe_context(
            lookups, identity, seconds=timeout, connect_timeout=connect_timeout, may_show_credentials=True
        )
        return await probe_dicomweb(replace(_TARGET, dicomweb=url), module, context)


async def web(url: str, *, timeout: float = PATIENCE, product: str = "unknown") -> WebResult:
    """`probe_web` of one page, as a stranger; `product` is what its DICOM side says it is."""
    target = replace(_TARGET, web=(WebEntry(url),))
    with lookup_threads() as lookups:
        context = probe_context(lookups, STRANGER, seconds=timeout, peer=replace(PEER, product=product))
        (found,) = await probe_web(target, Module("module", identity=STRANGER.name, exposure=Exposure()), context)
    return found


@asynccontextmanager
async def tls_front(port: int, context: ssl.SSLContext) -> AsyncIterator[int]:
    """A port that terminates TLS and forwards the bytes to `port`, like a reverse proxy."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not listener.is_serving():  # its client hung up after the handshake, which ended only now
            writer.transport.abort()
            return
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
