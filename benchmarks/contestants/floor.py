"""The floor: what an asyncio client costs that knows nothing of DICOM.

It sends the bytes that our own client sends, waits for as many bytes as come back, and looks at none of them. No client
on this event loop can be faster.
"""

from __future__ import annotations

import asyncio
import socket
from functools import partial
from itertools import count
from typing import cast

import uvloop

from benchmarks.measuring import Stopwatch, Took, Work
from dicom_exporter.dicom.association import RELEASE_RQ
from dicom_exporter.dicom.requests import associate_request, echo_request
from dicom_exporter.dicom.uids import VERIFICATION


class _Session(asyncio.Protocol):
    """Sends each of `sends` once the answer to the one before is as long as it has to be."""

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
    request = associate_request(work.called, "BENCHMARK", [VERIFICATION])
    sends = [request.data, echo_request(VERIFICATION, request.context_ids[VERIFICATION], 1, 16384), RELEASE_RQ]
    lengths = await asyncio.to_thread(_lengths, work.address(0), sends)
    numbers = count()

    async def one_after_another() -> None:
        while (number := next(numbers)) < work.count:
            done = loop.create_future()
            await loop.create_connection(partial(_Session, sends, lengths, done), *work.address(number))
            await done

    watch = Stopwatch()
    await asyncio.gather(*(one_after_another() for _ in range(work.concurrency)))
    return work.count, watch.took()


def _lengths(address: tuple[str, int], sends: list[bytes]) -> list[int]:
    """How many bytes come back for each send: all of a PDU (PS3.8 9.3.1)."""
    lengths = []
    with socket.create_connection(address) as sock:
        for data in sends:
            sock.sendall(data)
            header = sock.recv(6, socket.MSG_WAITALL)
            body = sock.recv(int.from_bytes(header[2:6], "big"), socket.MSG_WAITALL)
            lengths.append(len(header) + len(body))
    return lengths
