"""Seconds spent in each phase of a probe, for DICOM and HTTP alike."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from dicom_exporter.enums import Phase

OnPhase: TypeAlias = Callable[[Phase, float | None], None]
"""Called with (phase, None) when a phase begins and with (phase, seconds) when it ends. Must be quick and not raise."""


@dataclass(slots=True)
class PhaseTimer:
    """Adds up the seconds of each phase. A phase that was never entered has no entry."""

    on_phase: OnPhase | None = None
    clock: Callable[[], float] = time.perf_counter
    """Seconds; not the event loop's, as uvloop counts whole milliseconds."""
    seconds: dict[Phase, float] = field(default_factory=dict)

    def time(self, phase: Phase) -> _Timing:
        """Add the seconds of a `with` block to `phase`, also when it ends in an exception."""
        return _Timing(self, phase)

    def add(self, phase: Phase, seconds: float) -> None:
        """Add `seconds`, which were measured elsewhere, to `phase`."""
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds
        if self.on_phase is not None:
            self.on_phase(phase, seconds)


class _Timing:
    """The context manager of `PhaseTimer.time`.

    A class, because a generator takes three times as long, five times in each association.
    """

    __slots__ = ("_begin", "_phase", "_timer")

    def __init__(self, timer: PhaseTimer, phase: Phase) -> None:
        self._timer = timer
        self._phase = phase

    def __enter__(self) -> None:
        timer = self._timer
        if timer.on_phase is not None:
            timer.on_phase(self._phase, None)
        self._begin = timer.clock()

    def __exit__(self, *_: object) -> None:
        timer, phase = self._timer, self._phase
        elapsed = timer.clock() - self._begin
        timer.seconds[phase] = timer.seconds.get(phase, 0.0) + elapsed
        if timer.on_phase is not None:
            timer.on_phase(phase, elapsed)
