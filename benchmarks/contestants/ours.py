"""The exporter's own probe, as the prober calls it: all rules, limits and deadlines included."""

from __future__ import annotations

import asyncio
from datetime import datetime
from itertools import count

from benchmarks.measuring import Stopwatch, Took, Work
from dicom_exporter.cli.process import collect_garbage_less_often, run
from dicom_exporter.config import Address, Identity, Level, Model, Module, Query, Target
from dicom_exporter.enums import Outcome
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.probes.session import probe_session

_TIMEOUT = 60.0
_IDENTITY = Identity("monitor", "BENCHMARK")
_STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY, max_matches=10_000_000)


def echo(work: Work) -> tuple[int, Took]:
    """C-ECHO sessions."""
    collect_garbage_less_often()  # as the commands do once their configuration is loaded
    return run(_echo(work))


def find(work: Work) -> tuple[int, Took]:
    """C-FINDs; returns the matches."""
    collect_garbage_less_often()
    return run(_find(work))


async def _echo(work: Work) -> tuple[int, Took]:
    targets = [_target(work, number) for number in range(max(work.concurrency, len(work.ports)))]
    module = Module("ping", identity=_IDENTITY.name)
    context = _context(work)
    numbers = count()
    succeeded = 0

    async def one_after_another(mine: int) -> None:
        nonlocal succeeded
        while next(numbers) < work.count:
            result = await probe_session(targets[mine], module, _fresh(context))
            succeeded += result.echo is not None and result.echo.outcome is Outcome.SUCCESS

    watch = Stopwatch()
    await asyncio.gather(*(one_after_another(mine) for mine in range(work.concurrency)))
    return succeeded, watch.took()


async def _find(work: Work) -> tuple[int, Took]:
    target = _target(work, 0)
    module = Module("count", identity=_IDENTITY.name, echo=False, queries={_STUDIES.name: _STUDIES})
    context = _context(work)
    matches = 0
    watch = Stopwatch()
    for _ in range(work.count):
        result = await probe_session(target, module, _fresh(context))
        matches += result.queries["studies"].matches or 0
    return matches, watch.took()


def _target(work: Work, number: int) -> Target:
    return Target(f"target{number}", Address(*work.address(number)), called_ae_title=work.called)


def _context(work: Work) -> ProbeContext:
    limits = ConnectionLimits(max(work.concurrency, 1))
    return ProbeContext(_IDENTITY, Resolver(LookupThreads()), limits, _TIMEOUT, 0.0, datetime.now().astimezone())


def _fresh(context: ProbeContext) -> ProbeContext:
    """As the prober makes it for each identity of a target, with the deadline and the phases of one probe."""
    return ProbeContext(
        context.identity,
        context.resolver,
        context.limits,
        context.connect_timeout,
        asyncio.get_running_loop().time() + _TIMEOUT,
        context.now,
    )
