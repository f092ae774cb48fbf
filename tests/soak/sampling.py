"""What the exporter's process holds, and whether that stays flat."""

from __future__ import annotations

import json
import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Sample:
    """One quiet moment."""

    at: float
    """Seconds since the beginning."""
    sockets: int
    files: int
    tasks: int
    threads: int
    memory: float
    """MiB of resident memory."""
    cpu: float
    """Seconds since the process began."""
    load: float
    """The machine's load average over a minute, for each of its processors."""


def sample(pid: int, at: float, watched: Path) -> Sample:
    """Look at process `pid`, whose watcher writes to `watched`."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:  # closed meanwhile
            continue
    status = dict(
        line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.count(":") == 1
    )
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    resident = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    return Sample(
        at=at,
        sockets=sum(link.startswith("socket:") for link in links),
        files=len(links),
        tasks=json.loads(watched.read_text())["tasks"],
        threads=int(status["Threads"]),
        memory=resident / 2**20,
        cpu=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        load=os.getloadavg()[0] / (os.cpu_count() or 1),
    )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What one quantity may grow by, from the second third of the time to the last: by so much, or so many parts."""

    name: str
    absolute: float
    relative: float = 0.0


TOLERANCES = (
    Tolerance("sockets", 2),
    Tolerance("files", 2),
    Tolerance("tasks", 2),
    Tolerance("threads", 1),
    Tolerance("memory", 8.0, 0.05),
)
_ENOUGH = 9
"""Samples. With fewer of them nothing is said about growth: the first third is for warming up."""


def growth(samples: Sequence[Sample], tolerance: Tolerance) -> tuple[float, float, bool] | None:
    """The median of the second third and of the last, and whether the difference is tolerable; None with too few."""
    if len(samples) < _ENOUGH:
        return None
    third = len(samples) // 3
    values = [float(getattr(each, tolerance.name)) for each in samples]
    before, after = statistics.median(values[third : 2 * third]), statistics.median(values[2 * third :])
    return before, after, after - before <= max(tolerance.absolute, tolerance.relative * before)
