"""The duration of a run: wall-clock and CPU seconds, of this process and of its finished child processes."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Work:
    """The work for one client."""

    ports: tuple[int, ...]
    """Ports of one server; the connections are distributed over them."""
    count: int
    """C-ECHO sessions, or C-FINDs."""
    concurrency: int = 1
    called: str = "ANY-SCP"
    spread: bool = True
    """Whether the server listens on all addresses of 127.0.0.0/8, or only on 127.0.0.1."""

    def address(self, number: int) -> tuple[str, int]:
        """The address of connection `number`: 127.64.x.y, one for each of `concurrency`, as with real archives."""
        place = number % max(self.concurrency, 1) + 1
        host = f"127.64.{place // 250}.{place % 250 + 1}" if self.spread else "127.0.0.1"
        return host, self.ports[number % len(self.ports)]


@dataclass(frozen=True, slots=True)
class Took:
    """Seconds."""

    wall: float
    cpu: float


class Stopwatch:
    """Measures the time since it was created."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), cpu_seconds()

    def took(self) -> Took:
        """The time since it was created."""
        return Took(time.perf_counter() - self._wall, cpu_seconds() - self._cpu)


def cpu_seconds() -> float:
    """CPU seconds of this process and of its finished child processes."""
    usages = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


Run = Callable[[Work], tuple[int, Took]]
"""Does the work; returns how much succeeded (sessions, or matches counted), and the duration."""
