"""How a query ends and when it is sent, against pynetdicom's SCP: outcome, count and completeness of each ending."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.events import Event

from dicom_exporter.config import Address, Config, Level, Model, Module, Query, RelativeDate, Target
from dicom_exporter.config.values.time import TimeWindow
from dicom_exporter.enums import Outcome, QueryOutcome
from dicom_exporter.prober.prober import Prober
from dicom_exporter.results import QueryResult
from tests.testing.peers import Orthanc, synthetic
from tests.testing.probing import STUDIES, probe

pytestmark = pytest.mark.integration


def _answers(
    matches: int, final: int | None, *, pending: int = 0xFF00, instances: bool = True
) -> Callable[[Event], Iterator[tuple[int, Dataset | None]]]:
    def on_find(event: Event) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(matches):
            match = Dataset()
            match.StudyInstanceUID = synthetic.uid(number)
            if instances:
                match.NumberOfStudyRelatedInstances = 2
            yield pending, match
        if final is not None:
            yield final, None

    return on_find


def _aborts_on_instances(event: Event) -> Iterator[tuple[int, Dataset | None]]:
    if "NumberOfStudyRelatedInstances" in event.identifier:
        event.assoc.abort()
        return
    yield from _answers(4, None, instances=False)(event)


def _aborts_half_way(event: Event) -> Iterator[tuple[int, Dataset | None]]:
    yield from _answers(3, None)(event)
    event.assoc.abort()


def _raises(event: Event) -> Iterator[tuple[int, Dataset | None]]:
    raise RuntimeError("SECRET^PHI")
    yield 0, None


ENDINGS: Mapping[str, tuple[Any, QueryOutcome, int | None, bool | None, int | None]] = {
    "B001 after 50": (_answers(50, 0xB001), QueryOutcome.TRUNCATED, 50, False, 100),
    "A700": (_answers(0, 0xA700), QueryOutcome.REFUSED, None, None, None),
    "A700 after 3": (_answers(3, 0xA700), QueryOutcome.FAILED, 3, False, 6),
    "0124": (_answers(0, 0x0124), QueryOutcome.REFUSED, None, None, None),
    "A900": (_answers(0, 0xA900), QueryOutcome.UNSUPPORTED, None, None, None),
    "FE00 unasked": (_answers(7, 0xFE00), QueryOutcome.TRUNCATED, 7, False, 14),
    "FF01": (_answers(5, None, pending=0xFF01), QueryOutcome.ALLOWED, 5, True, 10),
    "nothing": (_answers(0, None), QueryOutcome.EMPTY, 0, True, 0),
    "exactly 100": (_answers(100, None), QueryOutcome.ALLOWED, 100, None, 200),
    "no instances": (_answers(5, None, instances=False), QueryOutcome.ALLOWED, 5, True, None),
    "abort on NumberOfStudyRelatedInstances": (_aborts_on_instances, QueryOutcome.ALLOWED, 4, True, None),
    "abort half way": (_aborts_half_way, QueryOutcome.ABORTED, 3, False, 6),
    "a handler that fails": (_raises, QueryOutcome.REFUSED, None, None, None),
}
"""name -> handler, and the outcome, matches, completeness and images that it has to give"""


@pytest.mark.parametrize("name", ENDINGS)
async def test_query_ending_of_each_behaviour(pynetdicom_scp: Callable[..., Address], name: str) -> None:
    handler, *expected = ENDINGS[name]
    address = pynetdicom_scp((evt.EVT_C_FIND, handler))
    result = await probe(address.host, address.port, STUDIES)
    assert result.echo is not None
    assert result.echo.outcome is Outcome.SUCCESS
    found = result.queries["studies"]
    assert [found.outcome, found.matches, found.complete, found.instances] == expected
    assert found.minimal_keys is (handler is _aborts_on_instances)
    assert found.outcome.is_success is (found.outcome in ("allowed", "empty", "truncated"))
    if found.matches and found.matches > 1:
        assert found.duration is not None
        assert found.first_match is not None
        assert found.match_interval_mean is not None
        assert found.match_interval_max is not None
        assert 0 <= found.match_interval_mean <= found.match_interval_max <= found.duration


async def test_query_model_not_accepted_is_unsupported(pynetdicom_scp: Callable[..., Address]) -> None:
    address = pynetdicom_scp((evt.EVT_C_FIND, _answers(3, None)), services=["1.2.840.10008.1.1"])
    found = (await probe(address.host, address.port, STUDIES)).queries["studies"]
    assert (found.outcome, found.matches) == (QueryOutcome.UNSUPPORTED, None)


# -- when it is asked -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def scraping(query: Query, *targets: Target) -> AsyncIterator[Callable[[Target], Any]]:
    module = Module("availability", queries={query.name: query})
    prober = Prober(Config(targets, modules={module.name: module}))

    async def scrape(target: Target) -> QueryResult | None:
        (result,) = await prober.probe_targets([target], 10.0)
        found: QueryResult | None = result.sessions[0].queries.get(query.name)
        return found

    try:
        yield scrape
    finally:
        await prober.close()


def _target(address: Any, name: str = "main", **more: Any) -> Target:
    return Target(name, Address(address.host, address.port), **more)


async def test_query_today_is_in_the_time_zone_of_the_target(orthanc: Callable[..., Orthanc]) -> None:
    """Two zones that are 26 hours apart: it is never the same day in both."""
    archive = orthanc(DicomAlwaysAllowFind=True)
    zones = {"Pacific/Kiritimati": 2, "Etc/GMT+12": 3}
    first = 1
    for zone, count in zones.items():
        archive.upload(synthetic.studies(count, first=first, date=datetime.now(ZoneInfo(zone)).date()))
        first += count
    targets = {zone: _target(archive.dicom, zone, timezone=zone) for zone in zones}
    today = Query("today", Model.STUDY_ROOT, Level.STUDY, {"StudyDate": RelativeDate(0, 0)})
    async with scraping(today, *targets.values()) as scrape:
        for zone, count in zones.items():
            found = await scrape(targets[zone])
            assert found is not None
            assert found.matches == count


class Changing:
    """An archive whose answers change: `status` comes after `matches` studies; counts how often it was asked."""

    def __init__(self) -> None:
        self.matches, self.status, self.asked = 5, 0x0000, 0

    def __call__(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        self.asked += 1
        yield from _answers(self.matches, self.status or None)(event)


async def test_query_every_shows_last_result_between_runs(
    pynetdicom_scp: Callable[..., Address],
) -> None:
    archive = Changing()
    target = _target(pynetdicom_scp((evt.EVT_C_FIND, archive)))
    async with scraping(replace(STUDIES, every=3600.0), target) as scrape:
        first = await scrape(target)
        archive.matches = 6
        again = await scrape(target)
        assert (first.matches, again.matches, archive.asked) == (5, 5, 1)
        assert first.last_run == again.last_run
        assert abs(first.last_run - datetime.now().timestamp()) < 60  # noqa: DTZ005 - a Unix time has no zone
    async with scraping(replace(STUDIES, every=0.000001), target) as scrape:
        good = await scrape(target)
        archive.matches, archive.status = 0, 0xA700
        bad = await scrape(target)
        assert (good.outcome, good.matches) == (QueryOutcome.ALLOWED, 6)
        assert (bad.outcome, bad.matches, bad.complete) == (QueryOutcome.REFUSED, None, None)
        assert bad.last_run > good.last_run


async def test_query_every_shows_last_failure_too(pynetdicom_scp: Callable[..., Address]) -> None:
    archive = Changing()
    archive.matches, archive.status = 0, 0x0124
    target = _target(pynetdicom_scp((evt.EVT_C_FIND, archive)))
    async with scraping(replace(STUDIES, every=3600.0), target) as scrape:
        for _ in range(2):
            assert (await scrape(target)).outcome is QueryOutcome.REFUSED
    assert archive.asked == 1


async def test_query_runs_only_in_its_window(pynetdicom_scp: Callable[..., Address]) -> None:
    """Twelve hours around now at the target, and the other twelve."""
    archive = Changing()
    target = _target(pynetdicom_scp((evt.EVT_C_FIND, archive)), timezone="Asia/Tokyo")
    now = datetime.now(ZoneInfo("Asia/Tokyo"))
    start, end = ((now + timedelta(hours=hours)).time() for hours in (-6, 6))
    async with scraping(replace(STUDIES, only_between=TimeWindow(end, start)), target) as scrape:
        assert await scrape(target) is None
        assert archive.asked == 0
    async with scraping(replace(STUDIES, only_between=TimeWindow(start, end)), target) as scrape:
        assert (await scrape(target)).matches == 5
