"""What a reload does to a scrape that is under way. No probe leaves the process."""

from __future__ import annotations

import asyncio

import pytest

from dicom_exporter.config import Address, Config, Identity, Module, Target
from dicom_exporter.prober import prober
from dicom_exporter.prober.cache import Answers
from dicom_exporter.prober.plan import Visit
from dicom_exporter.prober.prober import Prober
from dicom_exporter.probes.session import Wire
from dicom_exporter.results import EchoResult, Outcome, SessionResult
from dicom_exporter.server.probe_endpoints import _scrape_all
from tests.testing import in_process

COUNT = 40
"""More than are begun in one turn of the event loop."""


def configuration(identity: str, port: int) -> Config:
    """Forty targets at `port`, probed by `identity`."""
    targets = tuple(Target(f"t{n}", Address("127.0.0.1", port), modules=("m",)) for n in range(COUNT))
    return Config(
        targets, identities={identity: Identity(identity, "US")}, modules={"m": Module("m", identity=identity)}
    )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Visit]:
    """Every visit that is paid."""
    visits: list[Visit] = []

    async def visit(asked: Visit, answers: Answers, wire: Wire, deadline: float) -> SessionResult:
        visits.append(asked)
        for _ in range(50):  # long enough for others to join
            await asyncio.sleep(0)
        return SessionResult(asked.identity.name, EchoResult(Outcome.SUCCESS))

    monkeypatch.setattr(prober, "visit", visit)
    return visits


async def test_a_scrape_ends_as_it_began_where_a_reload_takes_its_identity_away(asked: list[Visit]) -> None:
    old = configuration("old", 1001)
    prober = Prober(old)
    under_way = asyncio.create_task(prober.probe_targets(old.targets, 30.0))
    await asyncio.sleep(0)
    prober.reconfigure(configuration("new", 1001))
    results = await under_way
    assert [result.sessions[0].identity for result in results] == ["old"] * COUNT
    await prober.close()


async def test_after_a_reload_nobody_is_told_what_was_found_at_the_old_address(asked: list[Visit]) -> None:
    old, new = configuration("us", 1001), configuration("us", 2002)
    prober = Prober(old)
    under_way = asyncio.create_task(prober.probe_targets(old.targets, 30.0))
    await asyncio.sleep(0)
    prober.reconfigure(new)
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the old scrape has begun more of its targets by now
    await asyncio.gather(under_way, prober.probe_targets(new.targets, 30.0))
    assert {visit.target.name for visit in asked if visit.target.address.port == 2002} == {t.name for t in new.targets}
    await prober.close()


async def test_a_reload_that_comes_between_a_request_and_its_scrape_costs_nothing(asked: list[Visit]) -> None:
    old = configuration("us", 1001)
    new = Config(
        tuple(Target(t.name, t.address, modules=("other",)) for t in old.targets),
        identities=old.identities,
        modules={"other": Module("other", identity="us")},
    )
    prober = Prober(old)
    state = in_process.state(prober, lambda: new)
    scrape_of_a_request = asyncio.ensure_future(_scrape_all(state, 30.0))
    prober.reconfigure(new)
    await scrape_of_a_request
    assert len(asked) == COUNT
    await prober.close()
