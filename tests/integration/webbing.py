"""Probes of HTTP servers as tests want them: short, and with everything that a scrape would hand in."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

from dicom_exporter.dicom.resolve import LookupThreads, Resolver
from dicom_exporter.dicom.stranger_tls import stranger_context
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.http.credentials import HTTPCredentials
from dicom_exporter.probes.web import probe_web
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
    """`probe_dicomweb`, as a stranger unless told otherwise."""
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
    """A port that ends TLS and passes the bytes on to `port`, as hospitals put it before their archives."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        ends = [writer]
        forward = None
        try:
            behind, before = await asyncio.open_connection("127.0.0.1", port)
            ends.append(before)
            forward = asyncio.create_task(_pass_on(reader, before))
            await _pass_on(behind, writer)
        except asyncio.CancelledError:  # swallowed: asyncio's streams report a cancelled handler as a bug
            pass
        finally:
            if forward is not None:
                forward.cancel()
                await asyncio.gather(forward, return_exceptions=True)
            for end in ends:
                end.transport.abort() if task.cancelling() else end.close()
            tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # what was aborted closes its socket in the next round of the loop


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
