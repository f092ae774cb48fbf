"""A server that lists any number of studies, faster than a client can count them.

Run as a process: ``python -m tests.testing.flood 1000000`` prints its port, and serves until its standard
input ends.
"""

from __future__ import annotations

import asyncio
import sys

from tests.testing import hostile
from tests.testing.hostile import Behaviour, Peer, honest, messages

BATCH = 1000
"""Matches that are sent at once; all of them are made once, at the start of an answer."""


def flood(count: int) -> Behaviour:
    """An archive with `count` studies, a multiple of `BATCH`, with two images each."""

    async def behaviour(peer: Peer) -> None:
        await honest.associate(peer)
        request = await honest.next_find(peer)
        batch = b"".join(honest.pending(request, number, instances=2) for number in range(BATCH))
        for _ in range(count // BATCH):
            await peer.send(batch)
        await peer.send(honest.final(request, messages.SUCCESS))
        await honest.serve(peer)

    return behaviour


async def main(count: int) -> None:
    """Serve until standard input ends."""
    async with hostile.server(flood(count)) as server:
        sys.stdout.write(f"{server.port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
