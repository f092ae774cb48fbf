"""Run all clients in several rounds, each in a separate process, so that other load affects all of them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median

from benchmarks.cores import client_cores, started_on
from benchmarks.measuring import Work
from benchmarks.servers import ROOT

LIMIT = 180.0
"""Time limit of one run, in seconds."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A client, and its work in each round: long enough to measure, short enough to wait for."""

    name: str
    module: str
    work: Work


@dataclass(slots=True)
class Rate:
    """Results of one client: its rate per second in each round, and the CPU time for each item in microseconds."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    problem: str | None = None
    """The reason if there is no figure."""

    @property
    def rate(self) -> float | None:
        """The median rate; None without a figure."""
        return median(self.rates) if self.rates else None

    @property
    def cost(self) -> float | None:
        """The median cost, in microseconds."""
        return median(self.costs) if self.costs else None


def race(what: str, entries: Sequence[Entry], rounds: int) -> Mapping[str, Rate]:
    """Run `what` (``echo`` or ``find``) for all `entries`, one after the other, `rounds` times."""
    found = {entry.name: Rate() for entry in entries}
    for number in range(rounds):
        # Every second round is in reverse order, so that no client always runs after the same one.
        for entry in entries if number % 2 == 0 else reversed(entries):
            mine = found[entry.name]
            if mine.problem is None:
                _run(what, entry, mine)
        progress(f"  round {number + 1} of {rounds}: " + ", ".join(_shown(name, rate) for name, rate in found.items()))
    return found


def _run(what: str, entry: Entry, mine: Rate) -> None:
    command = [sys.executable, "-m", "benchmarks.contestants", entry.module, what, json.dumps(asdict(entry.work))]
    try:
        with started_on(client_cores()):
            done = subprocess.run(
                command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=True, stdin=subprocess.DEVNULL
            )
        took = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        mine.problem = f"not finished within {LIMIT:.0f} s"
        return
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        mine.problem = lines[-1] if lines else "unknown error"
        return
    wanted = entry.work.count if what == "echo" else took["done"]
    if not took["done"] or took["done"] < wanted:
        mine.problem = f"{took['done']} of {wanted} succeeded"
        return
    mine.rates.append(took["done"] / took["wall"])
    mine.costs.append(took["cpu"] / took["done"] * 1e6)


def _shown(name: str, rate: Rate) -> str:
    return f"{name} {rate.rates[-1]:,.0f}/s" if rate.rates and rate.problem is None else f"{name} {rate.problem}"


def progress(line: str) -> None:
    """Report progress on standard error, because standard output has the tables."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
