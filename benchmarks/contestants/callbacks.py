"""A lower bound of the cost: callbacks on an event loop only, without coroutines and without DICOM.

It sends the same bytes as dicom_exporter and waits for the same number of bytes, without reading them. It shows the
cost of the machine and of the event loop. A client with coroutines cannot be as fast.
"""

from __future__ import annotations

import asyncio
from functools import partial
from itertools import count
from typing import cast

import uvloop

from benchmarks.canned import canned, lengths_of_answers
from benchmarks.measuring import Stopwatch, Took, Work


class _Session(asyncio.Protocol):
    """Sends each of `sends` after the complete response to the previous one."""

    def __init__(self, sends: list[bytes], lengths: list[int], done: asyncio.Future[None]) -> None:
        self._sends, self._lengths, self._done = sends, lengths, done
        self._step = self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._missing -= len(data)
        if self._missing > 0:
            return
        if self._step < len(self._sends):
            self._send()
        else:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)

    def _send(self) -> None:
        self._missing = self._lengths[self._step]
        self._transport.write(self._sends[self._step])
        self._step += 1


def echo(work: Work) -> tuple[int, Took]:
    """C-ECHO sessions."""
    return uvloop.run(_echo(work))


async def _echo(work: Work) -> tuple[int, Took]:
    loop = asyncio.get_running_loop()
    sends = canned(work.called)
    lengths = await asyncio.to_thread(lengths_of_answers, work.address(0), sends)
    numbers = count()

    async def one_after_another() -> None:
        while (number := next(numbers)) < work.count:
            done = loop.create_future()
            await loop.create_connection(partial(_Session, sends, lengths, done), *work.address(number))
            await done

    watch = Stopwatch()
    await asyncio.gather(*(one_after_another() for _ in range(work.concurrency)))
    return work.count, watch.took()
