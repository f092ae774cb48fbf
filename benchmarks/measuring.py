"""What a run took: seconds on the wall and of processor, of this process and of the children that it waited for."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """What a contestant is to do."""

    ports: tuple[int, ...]
    """Of one server; connections go to all of them in turn."""
    count: int
    """C-ECHO sessions, or C-FINDs."""
    concurrency: int = 1
    called: str = "ANY-SCP"
    spread: bool = True
    """Whether the server is on all addresses of 127.0.0.0/8, or on 127.0.0.1 alone."""

    def address(self, number: int) -> tuple[str, int]:
        """Where connection `number` goes: 127.64.x.y, another for each of `concurrency`, as real archives are."""
        place = number % max(self.concurrency, 1) + 1
        host = f"127.64.{place // 250}.{place % 250 + 1}" if self.spread else "127.0.0.1"
        return host, self.ports[number % len(self.ports)]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds."""

    wall: float
    cpu: float


class Stopwatch:
    """Runs from its making on."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()

    def took(self) -> Took:
        """Since it was made."""
        return Took(time.perf_counter() - self._wall, cpu_seconds() - self._cpu)


def cpu_seconds() -> float:
    """Seconds of processor that this process and its children which have ended took, in all."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


Run = Callable[[Work], tuple[int, Took]]
"""Does the work; returns how much of it succeeded (sessions, or matches counted), and what it took."""
