"""The floor: a bare asyncio client that sends the same bytes as dicom_exporter and reads as many bytes as come back.

It connects, writes and reads with asyncio streams on the same event loop, without any DICOM code: no deadline, no
limits, no state and no error messages.
"""

from __future__ import annotations

import asyncio
from itertools import count

import uvloop

from benchmarks.canned import canned, lengths_of_answers
from benchmarks.measuring import Stopwatch, Took, Work


def echo(work: Work) -> tuple[int, Took]:
    """C-ECHO sessions."""
    return uvloop.run(_echo(work))


async def _echo(work: Work) -> tuple[int, Took]:
    sends = canned(work.called)
    lengths = await asyncio.to_thread(lengths_of_answers, work.address(0), sends)
    numbers = count()

    async def one_after_another() -> None:
        while (number := next(numbers)) < work.count:
            reader, writer = await asyncio.open_connection(*work.address(number))
            for data, length in zip(sends, lengths, strict=True):
                writer.write(data)
                await reader.readexactly(length)
            writer.close()

    watch = Stopwatch()
    await asyncio.gather(*(one_after_another() for _ in range(work.concurrency)))
    return work.count, watch.took()
