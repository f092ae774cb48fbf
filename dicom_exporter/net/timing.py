"""Seconds spent in each phase of a probe."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from dicom_exporter.results import Phase

Listener: TypeAlias = Callable[[Phase, float | None], None]
"""Hears of every phase that begins and ends: (phase, None) and (phase, seconds). It must be quick and never raise."""


@dataclass(slots=True)
class Phases:
    """A stopwatch with one hand per phase; a phase that was never entered has no time.

    `listener`, where given, is told of each.
    """

    seconds: dict[Phase, float] = field(default_factory=dict)
    clock: Callable[[], float] = time.perf_counter
    listener: Listener | None = None

    def time(self, phase: Phase) -> _Timing:
        """Add the seconds of a `with` block to `phase`, also when it ends in an exception."""
        return _Timing(self, phase)


class _Timing:
    """One passage through a phase. A class, as a generator costs three times as much, five times an association."""

    __slots__ = ("_begin", "_phase", "_phases")

    def __init__(self, phases: Phases, phase: Phase) -> None:
        self._phases = phases
        self._phase = phase

    def __enter__(self) -> None:
        phases = self._phases
        if phases.listener is not None:
            phases.listener(self._phase, None)
        self._begin = phases.clock()

    def __exit__(self, *_: object) -> None:
        phases, phase = self._phases, self._phase
        elapsed = phases.clock() - self._begin
        phases.seconds[phase] = phases.seconds.get(phase, 0.0) + elapsed
        if phases.listener is not None:
            phases.listener(phase, elapsed)
