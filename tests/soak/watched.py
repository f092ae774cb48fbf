"""The exporter with a watcher thread that records its internal state: `python -m tests.soak.watched FILE …`.

Every half second, the thread writes the number of asyncio tasks, the delay of the event loop and its longest stop so
far to FILE. All other arguments are for the exporter.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from pathlib import Path

import uvloop

from dicom_exporter.cli.main import main as run_exporter

_EVERY = 0.5
"""Seconds."""
_START = 5.0
"""Seconds for the imports of the start, which stop the event loop and no probe."""
_TICK = 0.02
"""Seconds between two measurements of how late the event loop is."""
_LENGTH = 200
"""Length of the written text in bytes: always the same, so that it replaces the previous text completely."""


def main() -> int:
    """Run the exporter with its watcher."""
    path = Path(sys.argv.pop(1))
    loops: list[asyncio.AbstractEventLoop] = []
    longest = [0.0]

    def tick(loop: asyncio.AbstractEventLoop, due: float) -> None:
        now = time.monotonic()
        if now - started > _START:
            longest[0] = max(longest[0], now - due)
        loop.call_later(_TICK, tick, loop, now + _TICK)

    started = time.monotonic()
    make = uvloop.new_event_loop

    def new_event_loop() -> uvloop.Loop:
        loop = make()
        loops.append(loop)
        loop.call_soon(tick, loop, time.monotonic())
        return loop

    uvloop.new_event_loop = new_event_loop
    threading.Thread(target=_watch, args=(path, loops, longest), daemon=True).start()
    return run_exporter(sys.argv[1:])


def _watch(path: Path, loops: list[asyncio.AbstractEventLoop], longest: list[float]) -> None:
    file = os.open(path, os.O_CREAT | os.O_WRONLY)  # kept open, because there may be no free file descriptor later
    pause = threading.Event()
    while not pause.wait(_EVERY):  # time.sleep does not work under libfaketime
        for loop in loops:
            asked = time.monotonic()
            answered = threading.Event()
            try:
                loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # the loop is closed: the process is about to end
                return
            answered.wait(30)
            facts = {"tasks": len(asyncio.all_tasks(loop)), "lag": time.monotonic() - asked, "at": asked}
            facts["longest_stop"] = longest[0]
            os.pwrite(file, json.dumps(facts).ljust(_LENGTH).encode(), 0)


if __name__ == "__main__":
    sys.exit(main())
