"""The exporter, and a thread that writes what cannot be seen from outside: `python -m tests.soak.watched FILE …`.

FILE gets the number of asyncio's tasks, and how late the event loop was, anew every half second. All other arguments
are the exporter's own.
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
_LENGTH = 200
"""Bytes of what is written, always the same, so that nothing of the last time stays."""


def main() -> int:
    """Run the exporter and watch it."""
    path = Path(sys.argv.pop(1))
    loops: list[asyncio.AbstractEventLoop] = []
    make = uvloop.new_event_loop

    def new_event_loop() -> uvloop.Loop:
        loop = make()
        loops.append(loop)
        return loop

    uvloop.new_event_loop = new_event_loop
    threading.Thread(target=_watch, args=(path, loops), daemon=True).start()
    return run_exporter(sys.argv[1:])


def _watch(path: Path, loops: list[asyncio.AbstractEventLoop]) -> None:
    file = os.open(path, os.O_CREAT | os.O_WRONLY)  # kept, as there may soon be none left to open
    pause = threading.Event()
    while not pause.wait(_EVERY):  # libfaketime has no answer to time.sleep
        for loop in loops:
            asked = time.monotonic()
            answered = threading.Event()
            try:
                loop.call_soon_threadsafe(answered.set)
            except RuntimeError:  # closed: we are about to end
                return
            answered.wait(30)
            facts = {"tasks": len(asyncio.all_tasks(loop)), "lag": time.monotonic() - asked, "at": asked}
            os.pwrite(file, json.dumps(facts).ljust(_LENGTH).encode(), 0)


if __name__ == "__main__":
    sys.exit(main())
