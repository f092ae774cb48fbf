"""The exporter's own probe, as the prober calls it: all rules, limits and deadlines included."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import count

from benchmarks.measuring import Stopwatch, Took, Work
from dicom_exporter.cli.process import run
from dicom_exporter.config import Address, Identity, Level, Model, Query, Target
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.probes.session import Plan, Wire, probe_session
from dicom_exporter.results import Outcome

_TIMEOUT = 60.0
_IDENTITY = Identity("monitor", "BENCHMARK")
_STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY, max_matches=10_000_000)


def echo(work: Work) -> tuple[int, Took]:
    """C-ECHO sessions."""
    return run(_echo(work))


def find(work: Work) -> tuple[int, Took]:
    """C-FINDs; returns the matches."""
    return run(_find(work))


async def _echo(work: Work) -> tuple[int, Took]:
    loop = asyncio.get_running_loop()
    wire = _wire(work)
    plans = [_plan(work, number) for number in range(max(work.concurrency, len(work.ports)))]
    numbers = count()
    succeeded = 0

    async def one_after_another(mine: int) -> None:
        nonlocal succeeded
        while next(numbers) < work.count:
            result = await probe_session(plans[mine], wire, loop.time() + _TIMEOUT)
            succeeded += result.echo is not None and result.echo.outcome is Outcome.SUCCESS

    watch = Stopwatch()
    await asyncio.gather(*(one_after_another(mine) for mine in range(work.concurrency)))
    return succeeded, watch.took()


async def _find(work: Work) -> tuple[int, Took]:
    loop = asyncio.get_running_loop()
    wire = _wire(work)
    plan = _plan(work, 0, queries=(_STUDIES,))
    matches = 0
    watch = Stopwatch()
    for _ in range(work.count):
        result = await probe_session(plan, wire, loop.time() + _TIMEOUT)
        matches += result.queries["studies"].matches or 0
    return matches, watch.took()


def _wire(work: Work) -> Wire:
    return Wire(Resolver(LookupThreads()), ConnectionLimits(max(work.concurrency, 1)), connect_timeout=_TIMEOUT)


def _plan(work: Work, number: int, queries: tuple[Query, ...] = ()) -> Plan:
    target = Target(f"target{number}", Address(*work.address(number)), called_ae_title=work.called)
    return Plan(target, _IDENTITY, datetime.now().astimezone(), echo=not queries, queries=queries)
