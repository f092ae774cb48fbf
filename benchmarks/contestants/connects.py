"""A bare asyncio client that connects to addresses, most of which do not answer, and writes a line for each."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence

import uvloop

from benchmarks.files import raise_file_limit


async def connect_to_all(addresses: Sequence[tuple[str, int]], timeout: float) -> str:
    """Connect to all `addresses` at once; one line for each, whether it was connected within `timeout` seconds."""

    async def connected(host: str, port: int) -> bool:
        try:
            async with asyncio.timeout(timeout):
                _, writer = await asyncio.open_connection(host, port)
        except (TimeoutError, OSError):
            return False
        writer.close()
        return True

    found = await asyncio.gather(*(connected(*address) for address in addresses))
    lines = zip(addresses, found, strict=True)
    return "".join(f'connected{{target="{host}:{port}"}} {int(is_up)}\n' for (host, port), is_up in lines)


def main() -> None:
    """Read the timeout and then addresses from standard input, a line each; print the seconds that it took."""
    raise_file_limit()
    timeout, *lines = sys.stdin.read().split()
    addresses = [(host, int(port)) for host, _, port in (line.rpartition(":") for line in lines)]
    begun = time.perf_counter()
    uvloop.run(connect_to_all(addresses, float(timeout)))
    sys.stdout.write(f"{time.perf_counter() - begun}\n")


if __name__ == "__main__":
    main()
