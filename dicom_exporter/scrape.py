"""Which probes run now, and together: a scrape of many targets, in time whatever they do.

```
scrape ─┬─ target ── identity ── identity      one after the other, never two at once at one address
        ├─ target ── …                         targets all together
        └─ target that is under way already    joined, not probed twice (single flight)
```

A probe is a task of the scraper, not of the request: a client that goes away takes nothing with it.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from dicom_exporter.answers import Answers, Asked, was_answered
from dicom_exporter.config import Config, Module, Query, Target
from dicom_exporter.dicom.resolve import LookupThreads, Resolver
from dicom_exporter.gate import Gate
from dicom_exporter.probes.keys import SOP_CLASSES
from dicom_exporter.probes.session import Plan, Wire, probe_session
from dicom_exporter.results import EchoResult, Outcome, QueryOutcome, QueryResult, SessionResult, TargetResult

_Key = tuple[str, tuple[str, ...]]


class Scraper:
    """Probes targets for whoever asks. Create it inside a running event loop, and `close` it there."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._gate = Gate(config.global_.max_concurrent_probes)
        self._lookups = LookupThreads()
        self._answers = Answers()
        self._flights: dict[_Key, asyncio.Task[TargetResult]] = {}
        """Probes under way that a new scrape may join."""
        self._tasks: set[asyncio.Task[TargetResult]] = set()
        """All probes under way; after a reload, some that nobody may join any more."""
        self._log = structlog.get_logger("scrape")

    @property
    def config(self) -> Config:
        """The configuration that the next scrape goes by."""
        return self._config

    @property
    def probes_in_flight(self) -> int:
        """Targets that are being probed now."""
        return len(self._tasks)

    def reconfigure(self, config: Config) -> None:
        """Go by `config` from the next scrape on; what is under way ends as it began."""
        self._config = config
        self._gate.resize(config.global_.max_concurrent_probes)
        self._answers.reload(config.targets)
        self._flights.clear()

    async def close(self) -> None:
        """Abort what is under way and wait until every association has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lookups.close()

    async def scrape(
        self, targets: Sequence[Target], timeout: float | None, modules: Sequence[str] | None = None
    ) -> list[TargetResult]:
        """Probe `targets` together and return their results in the same order, within `timeout` seconds.

        Args:
            timeout: None leaves it to the timeouts of the modules.
            modules: names of modules to run in place of each target's own.

        Never raises for what a peer does. A target that another scrape is probing is waited for, not probed again.
        """
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        resolver = Resolver(self._lookups)
        tasks = [self._fly(target, self._modules(target, modules), deadline, resolver) for target in targets]
        if tasks:
            await asyncio.wait(set(tasks), timeout=timeout)
        return [
            task.result() if task.done() and not task.cancelled() else self._late(target, modules)
            for target, task in zip(targets, tasks, strict=True)
        ]

    def _modules(self, target: Target, names: Sequence[str] | None) -> tuple[Module, ...]:
        return tuple(self._config.modules[name] for name in dict.fromkeys(names or target.modules))

    def _fly(
        self, target: Target, modules: tuple[Module, ...], deadline: float | None, resolver: Resolver
    ) -> asyncio.Task[TargetResult]:
        key = (target.name, tuple(module.name for module in modules))
        task = self._flights.get(key)
        if task is None:
            task = asyncio.create_task(self._probe(target, modules, deadline, resolver))
            self._flights[key] = task
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._land(key, done))
        return task

    def _land(self, key: _Key, task: asyncio.Task[TargetResult]) -> None:
        self._tasks.discard(task)
        if self._flights.get(key) is task:
            del self._flights[key]

    async def _probe(
        self, target: Target, modules: tuple[Module, ...], deadline: float | None, resolver: Resolver
    ) -> TargetResult:
        """All identities of a target, one after the other. Each gets an even share of what time is left."""
        config = self._config
        wire = Wire(resolver, self._gate, config.global_.connect_timeout)
        groups = by_identity(modules)
        sessions = []
        for index, (name, group) in enumerate(groups.items()):
            own = max(module.timeout for module in group)
            begun = asyncio.get_running_loop().time()
            share = own if deadline is None else (deadline - begun) / (len(groups) - index)
            plan, kept = self._plan(target, name, group, begun)
            if not plan.echo and not plan.queries:  # nothing is due: no association for its own sake
                sessions.append(SessionResult(name, None, kept))
                continue
            try:
                found = await probe_session(plan, wire, begun + min(own, share))
            except Exception as bug:  # noqa: BLE001 - ours, and it must not cost the other targets their scrape
                self._log.error("bug, please report it", target=target.name, identity=name, at=place(bug))
                continue
            sessions.append(self._settle(plan, found, kept))
        return TargetResult(target.name, tuple(sessions))

    def _plan(
        self, target: Target, identity_name: str, group: Sequence[Module], now: float
    ) -> tuple[Plan, dict[str, QueryResult]]:
        """What to ask now, and the answers that are young enough to be shown again."""
        identity = self._config.identities[identity_name]
        local = local_time(target)
        due: list[Query] = []
        kept: dict[str, QueryResult] = {}
        minimal: set[str] = set()
        for query in queries(group):
            asked = Asked(target, identity, query)
            in_window = query.only_between is None or query.only_between.contains(local.time())
            if in_window and self._answers.due(asked, now):
                due.append(query)
                if self._answers.wants_minimal_keys(asked):
                    minimal.add(query.name)
            elif (last := self._answers.last(asked)) is not None:
                kept[query.name] = last
        echo = any(module.echo for module in group)
        propose = tuple(SOP_CLASSES[query.model] for query in queries(group))
        return Plan(target, identity, local, echo, tuple(due), propose, minimal=frozenset(minimal)), kept

    def _settle(self, plan: Plan, found: SessionResult, kept: dict[str, QueryResult]) -> SessionResult:
        """Put the new answers beside the kept ones, and keep those that are to be shown again."""
        now = asyncio.get_running_loop().time()
        answers = dict(kept)
        for query in plan.queries:
            result = found.queries[query.name]
            if query.every is not None and was_answered(result):
                result = replace(result, last_run=time.time())
            self._answers.keep(Asked(plan.target, plan.identity, query), result, now)
            answers[query.name] = result
        return replace(found, queries=answers)

    def _late(self, target: Target, names: Sequence[str] | None) -> TargetResult:
        """A target that somebody else's scrape is still probing at our deadline: we know nothing of it."""
        return TargetResult(
            target.name,
            tuple(
                SessionResult(
                    identity,
                    EchoResult(Outcome.OVERLOAD) if any(module.echo for module in group) else None,
                    {query.name: QueryResult(QueryOutcome.OVERLOAD) for query in queries(group)},
                )
                for identity, group in by_identity(self._modules(target, names)).items()
            ),
        )


def by_identity(modules: Iterable[Module]) -> dict[str, list[Module]]:
    """Modules by the name of their identity, both in the order given: those of one identity share an association."""
    groups: dict[str, list[Module]] = {}
    for module in modules:
        groups.setdefault(module.identity, []).append(module)
    return groups


def queries(modules: Iterable[Module]) -> list[Query]:
    """The queries of `modules`, each name once (the config refuses two queries of one name)."""
    return list({query.name: query for module in modules for query in module.queries.values()}.values())


def local_time(target: Target) -> datetime:
    """Now, where the target is; in the system's own zone where the config does not say."""
    return datetime.now(ZoneInfo(target.timezone)) if target.timezone else datetime.now().astimezone()


def place(error: BaseException) -> str:
    """Type and source line of `error`, for a log. Not its text: that may quote what an archive sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
