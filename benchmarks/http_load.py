"""Many concurrent HTTP requests, at low cost for the client, because the exporter is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

from benchmarks.exporter import PROMETHEUS

_HEADERS = "".join(f"{name}: {value}\r\n" for name, value in PROMETHEUS.items())


async def fetch_all(port: int, paths: Sequence[str], at_once: int) -> float:
    """GET all `paths` from 127.0.0.1 over `at_once` persistent connections; return the wall-clock seconds.

    Raises RuntimeError for a status other than 200.
    """
    queue = iter(paths)

    async def one_after_another() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in queue:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: benchmark\r\n{_HEADERS}\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{path}: {head[:40]!r}")
            await _read(reader, head.lower())
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(min(at_once, len(paths)))))
    return time.perf_counter() - start


async def _read(reader: asyncio.StreamReader, head: bytes) -> None:
    """Read the body behind the `head`, which is in lower case."""
    if b"transfer-encoding: chunked" not in head:
        begin = head.index(b"content-length:") + len(b"content-length:")
        await reader.readexactly(int(head[begin : head.index(b"\r\n", begin)]))
        return
    length = 1
    while length:
        length = int(await reader.readuntil(b"\r\n"), 16)
        await reader.readexactly(length + 2)
