"""What whoever looks on is told of each probe."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Module, Target
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import Outcome, TargetResult
from tests.testing import hostile

pytestmark = pytest.mark.integration

ECHO = Module("availability", timeout=10.0)


async def scrape(prober: Prober, times: int = 1) -> list[TargetResult]:
    found = await asyncio.gather(*(prober.probe_targets(prober.config.targets, None) for _ in range(times)))
    return [result for results in found for result in results]


async def test_on_result_is_called_once_per_probe() -> None:
    told: list[ProbeRecord] = []
    async with hostile.server(hostile.honest.honest()) as peer:
        target = Target("main", Address("127.0.0.1", peer.port))
        prober = Prober(Config((target,), modules={ECHO.name: ECHO}), told.append)
        before = time.time()
        results = await scrape(prober, times=3)
        await prober.close()
    (finished,) = told
    assert finished.target is target
    assert finished.modules == ("availability",)
    assert before <= finished.start <= time.time()
    assert finished.reused == frozenset()
    assert all(result is finished.result for result in results)


async def test_on_result_cached_identity_is_marked_as_reused() -> None:
    told: list[ProbeRecord] = []
    async with hostile.server(hostile.honest.honest()) as peer:
        module = replace(ECHO, every=3600.0)
        target = Target("main", Address("127.0.0.1", peer.port))
        prober = Prober(Config((target,), modules={module.name: module}), told.append)
        await scrape(prober)
        await scrape(prober)
        await prober.close()
    assert [finished.reused for finished in told] == [frozenset(), frozenset({"monitor"})]
    assert told[0].result.sessions == told[1].result.sessions


async def test_on_result_exception_does_not_break_the_scrape() -> None:
    def fail(finished: ProbeRecord) -> None:
        raise RuntimeError("ours")

    async with hostile.server(hostile.honest.honest()) as peer:
        target = Target("main", Address("127.0.0.1", peer.port))
        prober = Prober(Config((target,), modules={ECHO.name: ECHO}), fail)
        (result,) = await scrape(prober)
        await prober.close()
    (session,) = result.sessions
    assert session.echo is not None
    assert session.echo.outcome is Outcome.SUCCESS
