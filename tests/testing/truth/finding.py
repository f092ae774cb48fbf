"""What is untrue of one server on the simulated network, and the smallest server of which it is, too."""

from __future__ import annotations

import re
from functools import partial

from tests.testing.truth.asking import MONITOR, Claims, Simulation
from tests.testing.truth.judging import lower, unknown, untrue, untrue_counts
from tests.testing.truth.levels import truth
from tests.testing.truth.model import Server
from tests.testing.truth.reducing import smallest
from tests.testing.truth.variants import plain, slowed

DELAYS = (0.5, 4.0, 40.0)
"""Seconds: hardly any, one of a few answers in time, and longer than any deadline."""


def faults_of(server: Server, simulation: Simulation) -> tuple[list[str], Claims | None]:
    """What is untrue of the claims about `server`, in words. An exception is a fault, too; then there are no claims.

    Where the server is a plain one, a level that is not known is a fault.
    """
    try:
        claims = simulation.ask(server)
        of_monitor = simulation.ask(server, MONITOR)
    except Exception as error:  # noqa: BLE001 - the property is that there is none
        return [f"{type(error).__name__}: {error}"[:300]], None
    true = truth(server)
    found = untrue(claims, true) + untrue_counts(of_monitor, true)
    if server == plain(server):
        found += unknown(claims)
    return found, claims


def faults_when_slow(server: Server, delay: float, simulation: Simulation) -> list[str]:
    """What is untrue where each answer of `server` takes `delay` seconds; if nothing, what is lower than without."""
    found, slow = faults_of(slowed(server, delay), simulation)
    _, fast = faults_of(slowed(server, 0.0), simulation)
    return found or (lower(slow, fast) if slow is not None and fast is not None else [])


def reduced(server: Server, fault: str, simulation: Simulation) -> Server:
    """The smallest server with a fault of the same kind."""
    return smallest(server, partial(_has, _kind(fault), simulation))


def _has(kind: str, simulation: Simulation, server: Server) -> bool:
    return kind in map(_kind, faults_of(server, simulation)[0])


def _kind(fault: str) -> str:
    """A fault without its numbers, save levels."""
    return fault if "level" in fault else re.sub(r"\d+(/\d+)*", "N", fault)
