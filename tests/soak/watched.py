"""The exporter with a watcher thread that records its internal state: `python -m tests.soak.watched FILE …`.

Every half second, the thread writes the number of asyncio tasks, the delay of the event loop, its longest stop so far,
and what it did meanwhile, to FILE. All other arguments are for the exporter.
"""

from __future__ import annotations

import asyncio
import collections
import gc
import json
import os
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

import uvloop

from dicom_exporter.cli import process
from dicom_exporter.cli.main import main as run_exporter

_EVERY = 0.5
"""Seconds."""
_TICK = 0.02
"""Seconds between two measurements of how late the event loop is."""
_LONG = 0.08
"""Seconds of a stop after which it is looked at what the event loop is doing."""
_DEPTH = 4
"""Functions of a stack that are noted."""
_LENGTH = 1000
"""Length of the written text in bytes: always the same, so that it replaces the previous text completely."""


@dataclass(slots=True)
class _Stops:
    """The longest stop of the event loop so far, and the one with most processor time: others may have the machine."""

    last: float
    """When the event loop ran last."""
    ready: bool = False
    """Whether requests were answered already: before that, imports stop the event loop, and no probe."""
    longest: float = 0.0
    busiest: float = 0.0
    """Seconds of processor time."""
    where: str = ""
    """Which functions ran in that stop, and how often they were seen."""
    seen: collections.Counter[str] = field(default_factory=collections.Counter)
    """The same, in the stop that is under way."""
    spent: float = 0.0
    collected: float = 0.0
    """When the last garbage collection began."""

    def tick(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        now, spent = time.monotonic(), time.thread_time()
        if self.ready:
            self.longest = max(self.longest, now - due)
            if min(spent - self.spent, now - due) > self.busiest:
                self.busiest = min(spent - self.spent, now - due)
                self.where = ", ".join(f"{count} {each}" for each, count in self.seen.most_common(8))
        self.last, self.spent, self.seen = now, spent, collections.Counter()
        loop.call_later(_TICK, self.tick, loop, now + _TICK)

    def look(self) -> None:
        """Note again and again what the event loop does, if it has stopped for long."""
        pause = threading.Event()
        main = threading.main_thread().ident or 0
        while not pause.wait(_LONG / 16):
            if time.monotonic() - self.last > _LONG:
                frame: FrameType | None = sys._current_frames()[main]
                names: list[str] = []
                while frame is not None and len(names) < _DEPTH:
                    names.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}")
                    frame = frame.f_back
                self.seen[" < ".join(names)] += 1

    def collecting(self, phase: str, info: dict[str, int]) -> None:
        """A garbage collection: no other thread can look meanwhile."""
        now = time.monotonic()
        if phase == "start":
            self.collected = now
        elif now - self.collected > _LONG:
            self.seen[f"garbage collection of generation {info['generation']}: {now - self.collected:.2f} s"] += 1


def main() -> int:
    """Run the exporter with its watcher."""
    path = Path(sys.argv.pop(1))
    loops: list[asyncio.AbstractEventLoop] = []
    stops = _Stops(time.monotonic())
    gc.callbacks.append(stops.collecting)
    make = uvloop.new_event_loop

    begin_to_serve = process.collect_garbage_less_often

    def on_ready() -> None:
        begin_to_serve()
        loops[-1].call_later(2 * _TICK, setattr, stops, "ready", True)

    process.collect_garbage_less_often = on_ready

    def new_event_loop() -> uvloop.Loop:
        loop = make()
        loops.append(loop)
        loop.call_soon(stops.tick, loop, time.monotonic())
        return loop

    uvloop.new_event_loop = new_event_loop
    threading.Thread(target=_watch, args=(path, loops, stops), daemon=True).start()
    threading.Thread(target=stops.look, daemon=True).start()
    return run_exporter(sys.argv[1:])


def _watch(path: Path, loops: list[asyncio.AbstractEventLoop], stops: _Stops) -> None:
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
            facts: dict[str, object] = {
                "tasks": len(asyncio.all_tasks(loop)),
                "lag": time.monotonic() - asked,
                "at": asked,
            }
            stop = {"longest_stop": stops.longest, "busiest": stops.busiest, "where": stops.where[-700:]}
            os.pwrite(file, json.dumps(facts | stop).ljust(_LENGTH).encode(), 0)


if __name__ == "__main__":
    sys.exit(main())
