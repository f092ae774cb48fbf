"""Look for untrue claims: `python -m tests.truth --minutes 60 --seed 1`. The exit code is 1 if there are any.

Servers are made at random, in batches with seeds that follow one another; the exporter probes each on a simulated
network. Each kind of fault is printed once, with the smallest server that shows it. `--replay` takes that line.
Between the batches, some servers are run on sockets of loopback, if other clients are asked, too.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

import hypothesis
from hypothesis import HealthCheck, Phase

from tests.testing.truth import model
from tests.testing.truth.asking import Simulation
from tests.testing.truth.comparing import compare_all, sample
from tests.testing.truth.finding import DELAYS, faults_of, faults_when_slow, reduced
from tests.testing.truth.levels import truth
from tests.testing.truth.model import Server
from tests.testing.truth.strategies import servers
from tests.testing.truth.variants import plain, slowed

_BATCH = 500
_AT_ONCE = 8
"""Servers on sockets at once."""
_MOST_REDUCED = 20
"""Servers that are reduced for one fault in the same words: that takes longer than to find them."""
_SAME_KIND = re.compile(
    r"\bip='[^']*'(, )?|1\.2\.840[\d.]*|, prove_\w+=True"
    r"|(?<=redirects=)\d|(?<=status=)\d+|(?<=gateway=)\d+|(?<=studies=)\d+|(?<=matches=)\d+|(?<=delay=)[\d.]+|get=Get\(\)"
)
"""What does not make a server one of another kind."""


@dataclass
class Run:
    """The result so far."""

    servers: int = 0
    compared: int = 0
    """Servers on sockets, if other clients were asked, too."""
    known: Counter[str] = field(default_factory=Counter)
    """Service and level, or that it is unknown -> servers."""
    faults: Counter[str] = field(default_factory=Counter)
    """What is untrue, in words -> how often."""
    smallest: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Kind of server -> what is untrue of the smallest one of that kind, and that one."""


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.truth", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--real", type=float, default=0.2, help="share of the time for servers on real sockets")
    parser.add_argument("--replay", metavar="SERVER", help="probe this server only, as it was printed")
    options = parser.parse_args()
    simulation = Simulation()
    try:
        if options.replay:
            return _replay(options.replay, simulation)
        return _search(options.minutes, options.seed, options.real, simulation)
    finally:
        simulation.close()


def _replay(text: str, simulation: Simulation) -> int:
    server = eval(text, vars(model))  # noqa: S307 - typed in by who runs it
    found, claims = faults_of(server, simulation)
    sys.stdout.write(f"{server}\n  claims: {claims}\n  truth:  {truth(server)}\n")
    sys.stdout.writelines(f"  UNTRUE: {fault}\n" for fault in found)
    return 1 if found else 0


def _search(minutes: float, seed: int, share: float, simulation: Simulation) -> int:
    run = Run()
    begin = time.monotonic()
    end = begin + minutes * 60
    batch, spent = seed, 0.0
    while time.monotonic() < end:
        _batch(batch, end, run, simulation)
        while (now := time.monotonic()) < end and spent < share * (now - begin):
            _compare(batch + run.compared, run)
            spent += time.monotonic() - now
        batch += 1
    _report(run, seed, batch - 1)
    return 1 if run.faults else 0


def _batch(seed: int, end: float, run: Run, simulation: Simulation) -> None:
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=_BATCH,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(servers())
    def look(server: Server) -> None:
        if time.monotonic() < end:
            _look(server, seed, run, simulation)

    look()


def _compare(seed: int, run: Run) -> None:
    for each in asyncio.run(compare_all(sample(seed, _AT_ONCE), _AT_ONCE)):
        run.compared += 1
        for fault in each.faults:
            run.faults[f"on sockets: {fault}"] += 1
            shown = repr(each.server)
            if run.faults[f"on sockets: {fault}"] == 1:
                run.smallest[f"on sockets: {shown}"] = (f"on sockets: {fault}", shown)
                sys.stdout.write(f"seed {seed}, on sockets: {fault}\n  {shown}\n")


def _look(server: Server, seed: int, run: Run, simulation: Simulation) -> None:
    found, claims = faults_of(server, simulation)
    run.servers += 1
    if claims is not None:
        run.known.update(
            f"{service} {level.level if level.known else 'unknown'}" for service, level in claims.levels.items()
        )
    _note(server, found, seed, run, simulation)
    simple = plain(server)
    _note(simple, faults_of(simple, simulation)[0], seed, run, simulation)
    delay = DELAYS[run.servers % len(DELAYS)]
    _note(slowed(server, delay), faults_when_slow(server, delay, simulation), seed, run, simulation)


def _note(server: Server, found: list[str], seed: int, run: Run, simulation: Simulation) -> None:
    for fault in found:
        run.faults[fault] += 1
        if run.faults[fault] <= _MOST_REDUCED:
            smaller = repr(reduced(server, fault, simulation))
            kind = re.sub(_SAME_KIND, "", smaller)
            if kind not in run.smallest:
                sys.stdout.write(f"seed {seed}: {fault}\n  {smaller}\n")
                sys.stdout.flush()
            if kind not in run.smallest or len(smaller) < len(run.smallest[kind][1]):
                run.smallest[kind] = (fault, smaller)


def _report(run: Run, first: int, last: int) -> None:
    sys.stdout.write(f"\n{run.servers} servers and {run.compared} on sockets, seeds {first} to {last}\n")
    sys.stdout.writelines(f"  {name}: {count}\n" for name, count in sorted(run.known.items()))
    if not run.faults:
        sys.stdout.write("every claim is true\n")
        return
    sys.stdout.write(f"{sum(run.faults.values())} untrue claims; of each kind the smallest server, smallest first:\n")
    for fault, server in sorted(run.smallest.values(), key=lambda item: len(item[1])):
        sys.stdout.write(f"  {fault}\n      {server}\n")


if __name__ == "__main__":
    sys.exit(main())
