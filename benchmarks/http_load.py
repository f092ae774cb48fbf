"""Many concurrent HTTP requests, at low cost for the client, because the exporter is measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence


async def fetch_all(port: int, paths: Sequence[str], at_once: int) -> float:
    """GET all `paths` from 127.0.0.1 over `at_once` persistent connections; return the wall-clock seconds.

    Raises RuntimeError for a status other than 200.
    """
    queue = iter(paths)

    async def one_after_another() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for path in queue:
            writer.write(f"GET {path} HTTP/1.1\r\nHost: benchmark\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError(f"{path}: {head[:40]!r}")
            await reader.readexactly(_length(head))
        writer.close()

    start = time.perf_counter()
    await asyncio.gather(*(one_after_another() for _ in range(min(at_once, len(paths)))))
    return time.perf_counter() - start


def _length(head: bytes) -> int:
    lower = head.lower()
    begin = lower.index(b"content-length:") + len(b"content-length:")
    return int(lower[begin : lower.index(b"\r\n", begin)])
