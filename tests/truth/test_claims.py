"""Servers at random, on a simulated network: a level that is called known is true, a complete count is whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.testing.truth.asking import Simulation
from tests.testing.truth.finding import DELAYS, faults_of, faults_when_slow, reduced
from tests.testing.truth.model import Server
from tests.testing.truth.strategies import servers
from tests.testing.truth.variants import plain

# The same examples each time: `make truth` looks for others. What fails is reduced by a function that knows servers.
_FIXED = settings(
    derandomize=True, database=None, phases=[Phase.generate], suppress_health_check=[HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def simulation() -> Iterator[Simulation]:
    made = Simulation()
    yield made
    made.close()


@settings(_FIXED, max_examples=400)
@given(server=servers(web=False))
def test_claims_of_dicom_ports_are_true(simulation: Simulation, server: Server) -> None:
    _none(faults_of(server, simulation)[0], server, simulation)


@settings(_FIXED, max_examples=400)
@given(server=servers(web=True))
def test_claims_of_web_servers_are_true(simulation: Simulation, server: Server) -> None:
    _none(faults_of(server, simulation)[0], server, simulation)


@settings(_FIXED, max_examples=200)
@given(server=servers())
def test_claims_of_plain_servers_are_known(simulation: Simulation, server: Server) -> None:
    simple = plain(server)
    _none(faults_of(simple, simulation)[0], simple, simulation)


@settings(_FIXED, max_examples=80)
@given(server=servers())
@pytest.mark.parametrize("delay", DELAYS)
def test_claims_of_a_slower_server_are_no_lower(simulation: Simulation, server: Server, delay: float) -> None:
    assert faults_when_slow(server, delay, simulation) == [], server


def test_claims_of_an_open_server_reach_the_top(simulation: Simulation) -> None:
    server = Server(prove_identity=True)
    assert simulation.ask(server).levels["dimse"].level == 6


def _none(faults: Sequence[str], server: Server, simulation: Simulation) -> None:
    """Fail with the smallest server that has the first of the faults, as `python -m tests.truth --replay` takes it."""
    if faults:
        pytest.fail(f"{faults[0]}\n  {reduced(server, faults[0], simulation)}", pytrace=False)
