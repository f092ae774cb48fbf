"""Seconds spent in each phase of a probe."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from dicom_exporter.results import Phase


@dataclass(slots=True)
class Phases:
    """A stopwatch with one hand per phase; a phase that was never entered has no time.

    `listener`, where given, hears of every phase that begins and ends: (phase, None) and (phase, seconds).
    """

    seconds: dict[Phase, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.perf_counter
    listener: Callable[[Phase, float | None], None] | None = None

    @contextmanager
    def time(self, phase: Phase) -> Iterator[None]:
        """Add the seconds of the block to `phase`, also when it ends in an exception."""
        if self.listener is not None:
            self.listener(phase, None)
        begin = self.clock()
        try:
            yield
        finally:
            elapsed = self.clock() - begin
            self.seconds[phase] = self.seconds.get(phase, 0.0) + elapsed
            if self.listener is not None:
                self.listener(phase, elapsed)
