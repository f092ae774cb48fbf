"""Contestants in turn, several times round, each in a process of its own: what else the machine does hits them all."""

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
"""Seconds that one run may take."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A contestant, and what it is to do in each round: enough to be timed, little enough to wait for."""

    name: str
    module: str
    work: Work


@dataclass(slots=True)
class Rate:
    """Of one contestant: what it did per second in each round, and the microseconds of processor for each of that."""

    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)
    problem: str | None = None
    """Why there is no figure."""

    @property
    def rate(self) -> float | None:
        """The median; None without a figure."""
        return median(self.rates) if self.rates else None

    @property
    def cost(self) -> float | None:
        """The median, in microseconds."""
        return median(self.costs) if self.costs else None


def race(what: str, entries: Sequence[Entry], rounds: int) -> Mapping[str, Rate]:
    """Have all `entries` do `what` (``echo`` or ``find``), one after the other, `rounds` times."""
    found = {entry.name: Rate() for entry in entries}
    for number in range(rounds):
        # The other way round every second time, so that nobody always comes after the same.
        for entry in entries if number % 2 == 0 else reversed(entries):
            mine = found[entry.name]
            if mine.problem is None:
                _run(what, entry, mine)
        tell(f"  round {number + 1} of {rounds}: " + ", ".join(_shown(name, rate) for name, rate in found.items()))
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
        mine.problem = f"not done within {LIMIT:.0f} s"
        return
    except (subprocess.CalledProcessError, ValueError, IndexError) as error:
        lines = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        mine.problem = lines[-1] if lines else "it failed"
        return
    wanted = entry.work.count if what == "echo" else took["done"]
    if not took["done"] or took["done"] < wanted:
        mine.problem = f"{took['done']} of {wanted} succeeded"
        return
    mine.rates.append(took["done"] / took["wall"])
    mine.costs.append(took["cpu"] / took["done"] * 1e6)


def _shown(name: str, rate: Rate) -> str:
    return f"{name} {rate.rates[-1]:,.0f}/s" if rate.rates and rate.problem is None else f"{name} {rate.problem}"


def tell(line: str) -> None:
    """Say how far it is: on standard error, as standard output has the table."""
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()
