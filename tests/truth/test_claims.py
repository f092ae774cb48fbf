"""Servers at random, on a simulated network: a level that is called known is true, a complete count is whole."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings

from tests.testing.truth.asking import Simulation
from tests.testing.truth.judging import lower, untrue
from tests.testing.truth.levels import truth
from tests.testing.truth.model import Server
from tests.testing.truth.slowing import slowed
from tests.testing.truth.strategies import servers

# The same examples each time: `make truth` looks for others.
_FIXED = settings(derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    made = Simulation()
    yield made
    made.close()


@settings(_FIXED, max_examples=300)
@given(server=servers(web=False))
def test_claims_of_dicom_ports_are_true(simulation: Simulation, server: Server) -> None:
    assert untrue(simulation.ask(server), truth(server)) == []


@settings(_FIXED, max_examples=300)
@given(server=servers(web=True))
def test_claims_of_dicomweb_roots_are_true(simulation: Simulation, server: Server) -> None:
    assert untrue(simulation.ask(server), truth(server)) == []


@settings(_FIXED, max_examples=60)
@given(server=servers())
@pytest.mark.parametrize("delay", [0.5, 4.0, 40.0])
def test_claims_of_a_slower_server_are_no_lower(simulation: Simulation, server: Server, delay: float) -> None:
    slow = slowed(server, delay)
    claims = simulation.ask(slow)
    assert untrue(claims, truth(slow)) == []
    assert lower(claims, simulation.ask(slowed(server, 0.0))) == []


def test_claims_of_an_open_server_reach_the_top(simulation: Simulation) -> None:
    claims = simulation.ask(replace(Server(), prove_identity=True))
    assert claims.levels["dimse"].level == 6
