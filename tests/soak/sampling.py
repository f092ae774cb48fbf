"""The resources of the exporter's process, and whether they grow."""

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
    """The resources at one time, while no scrape is in progress."""

    at: float
    """Seconds since the start of the test."""
    sockets: int
    files: int
    tasks: int
    threads: int
    memory: float
    """MiB of resident memory."""
    most_memory: float
    """The most so far."""
    cpu: float
    """CPU seconds since the start of the process."""
    load: float
    """The one-minute load average of the machine, divided by the number of its CPUs."""


def sample(pid: int, at: float, watched: Path) -> Sample:
    """Take a sample of process `pid`; `watched` is the file that its watcher writes."""
    links = []
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        try:
            links.append(str(entry.readlink()))
        except OSError:  # closed in the meantime
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
        most_memory=int(status["VmHWM"].split()[0]) / 1024,
        cpu=(int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"),
        load=os.getloadavg()[0] / (os.cpu_count() or 1),
    )


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The allowed growth of one quantity, from the second third of the time to the last: absolute or relative."""

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
"""Minimum number of samples for a check of growth. The first third is the warm-up."""


def growth(samples: Sequence[Sample], tolerance: Tolerance) -> tuple[float, float, bool] | None:
    """The medians of the second and of the last third, and whether the growth is allowed; None with too few samples."""
    if len(samples) < _ENOUGH:
        return None
    third = len(samples) // 3
    values = [float(getattr(each, tolerance.name)) for each in samples]
    before, after = statistics.median(values[third : 2 * third]), statistics.median(values[2 * third :])
    return before, after, after - before <= max(tolerance.absolute, tolerance.relative * before)
