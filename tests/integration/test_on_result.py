"""The callback that gets the record of each probe."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Module, Target
from dicom_exporter.enums import Outcome
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from tests.testing import hostile

pytestmark = pytest.mark.integration

ECHO = Module("availability", timeout=10.0)


async def scrape(prober: Prober, times: int = 1) -> list[ProbeRecord]:
    found = await asyncio.gather(*(prober.probe_targets(prober.config.targets, None) for _ in range(times)))
    return [record for records in found for record in records]


async def test_on_result_probe_shared_by_three_scrapes_is_reported_once() -> None:
    reported: list[ProbeRecord] = []
    async with hostile.server(hostile.honest.honest()) as peer:
        target = Target("main", Address("127.0.0.1", peer.port))
        prober = Prober(Config((target,), modules={ECHO.name: ECHO}), reported.append)
        before = time.time()
        records = await scrape(prober, times=3)
        await prober.close()
    (record,) = reported
    assert record.target is target
    assert record.modules == ("availability",)
    assert before <= record.start <= time.time()
    assert record.reused == frozenset()
    assert all(each is record for each in records)


async def test_on_result_session_not_due_is_reported_as_reused() -> None:
    reported: list[ProbeRecord] = []
    async with hostile.server(hostile.honest.honest()) as peer:
        module = replace(ECHO, every=3600.0)
        target = Target("main", Address("127.0.0.1", peer.port))
        prober = Prober(Config((target,), modules={module.name: module}), reported.append)
        await scrape(prober)
        await scrape(prober)
        await prober.close()
    assert [record.reused for record in reported] == [frozenset(), frozenset({"monitor"})]
    assert reported[0].sessions == reported[1].sessions


async def test_on_result_callback_that_raises_does_not_break_the_scrape() -> None:
    def fail(record: ProbeRecord) -> None:
        raise RuntimeError("ours")

    async with hostile.server(hostile.honest.honest()) as peer:
        target = Target("main", Address("127.0.0.1", peer.port))
        prober = Prober(Config((target,), modules={ECHO.name: ECHO}), fail)
        (record,) = await scrape(prober)
        await prober.close()
    (session,) = record.sessions
    assert session.echo is not None
    assert session.echo.outcome is Outcome.SUCCESS
