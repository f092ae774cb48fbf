"""Which probes run now, and together: a scrape of many targets, in time whatever they do.

```
scrape ─┬─ target ── identity ── identity      one after the other, never two at once at one address
        ├─ target ── …                         targets all together
        └─ target that is under way already    joined, not probed twice (single flight)
```

A probe is a task of the prober, not of the request: a client that goes away takes nothing with it.
"""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import structlog

from dicom_exporter.config import Config, Module, Target
from dicom_exporter.net.limits import UNLIMITED, ConnectionLimits
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.net.timing import OnPhase
from dicom_exporter.prober.allowlist import Admission
from dicom_exporter.prober.cache import Answers, Visited
from dicom_exporter.prober.plan import Visit, queries, visit
from dicom_exporter.prober.record import OnResult, ProbeRecord
from dicom_exporter.probes.session import Wire
from dicom_exporter.results import (
    EchoResult,
    Outcome,
    QueryOutcome,
    QueryResult,
    SessionResult,
    StrangerResult,
    TargetResult,
    WebAnswer,
    WebResult,
)

_Key = tuple[str, tuple[str, ...]]

GRACE = 0.2
"""Seconds beyond the deadline that a scrape waits for probes that end at it; well inside the offset of the timeout."""

_BEGUN_AT_ONCE = 16
"""Targets that are begun in one turn of the event loop. Ten thousand in one turn would take a second or more, in which
nobody looks whether a connection was made: it would be said to have timed out."""


class Prober:
    """Probes targets for whoever asks. Create it inside a running event loop, and `close` it there.

    `on_result` is called with the record of each probe that has ended. What it raises is logged, nothing more.
    `on_phase` hears of the phases of all probes, for a person who looks on while there is one. At most
    `max_connections` to peers are made or pending at once.
    """

    def __init__(
        self,
        config: Config,
        on_result: OnResult | None = None,
        on_phase: OnPhase | None = None,
        *,
        max_connections: int = UNLIMITED,
    ) -> None:
        self._config = config
        self._on_phase = on_phase
        self._on_result = on_result
        self._limits = ConnectionLimits(config.global_.max_concurrent_probes, max_connections)
        self._lookups = LookupThreads()
        self._admission = Admission()
        self._answers = Answers()
        self._in_flight: dict[_Key, asyncio.Task[TargetResult]] = {}
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
        self._limits.resize(config.global_.max_concurrent_probes)
        self._answers.reload(config)
        self._in_flight.clear()

    async def close(self) -> None:
        """Abort what is under way and wait until every association has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lookups.close()
        self._admission.close()

    async def probe_targets(
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
        config = self._config  # a reload may come while we wait
        wanted = [(target, _modules(config, target, modules)) for target in targets]
        tasks = []
        for target, chosen in wanted:
            key = (target.name, _names(chosen))
            tasks.append(self._start_or_join(key, config, target, chosen, deadline, resolver, self._answers))
            if len(tasks) % _BEGUN_AT_ONCE == 0:
                await asyncio.sleep(0)
        return await self._collect(wanted, tasks, timeout)

    async def probe_address(
        self, target: Target, timeout: float | None, modules: Sequence[str] | None = None
    ) -> TargetResult:
        """Probe `target`, which is not one of the configuration's, within `timeout` seconds, if it is allowed.

        Nothing of it is kept: a query or a module with `every` is asked each time.

        Raises:
            NotAllowed: before anything is sent to it.
            Overloaded: it could not be looked up, as too many others are.
        """
        loop = asyncio.get_running_loop()
        config = self._config
        chosen = _modules(config, target, modules)
        begun = loop.time()
        longest = max(module.timeout for module in chosen)
        until = begun + (longest if timeout is None else min(timeout, longest))
        address, resolver = await self._admission.admit(target.address, config.probe, until)
        target = replace(target, address=address)
        left = None if timeout is None else max(0.0, begun + timeout - loop.time())
        deadline = None if left is None else loop.time() + left
        place = await resolver.resolve(address.host, address.port)
        # No target of the configuration has a name with a slash.
        key = (f"{place.ip}/{address}/{target.called_ae_title}", _names(chosen))
        task = self._start_or_join(key, config, target, chosen, deadline, resolver, Answers())
        (result,) = await self._collect([(target, chosen)], [task], left)
        return result

    async def _collect(
        self,
        wanted: Sequence[tuple[Target, tuple[Module, ...]]],
        tasks: Sequence[asyncio.Task[TargetResult]],
        timeout: float | None,
    ) -> list[TargetResult]:
        if tasks:
            # Probes end at the deadline by themselves, each with its own outcome: a moment for them to say so.
            await asyncio.wait(set(tasks), timeout=None if timeout is None else timeout + min(GRACE, timeout / 2))
        return [
            task.result() if task.done() and not task.cancelled() else late(target, chosen)
            for (target, chosen), task in zip(wanted, tasks, strict=True)
        ]

    def _start_or_join(
        self,
        key: _Key,
        config: Config,
        target: Target,
        modules: tuple[Module, ...],
        deadline: float | None,
        resolver: Resolver,
        answers: Answers,
    ) -> asyncio.Task[TargetResult]:
        current = config is self._config  # else: joined by nobody, as the same name may be another place by now
        task = self._in_flight.get(key) if current else None
        if task is None:
            task = asyncio.create_task(self._probe(config, target, modules, deadline, resolver, answers))
            if current:
                self._in_flight[key] = task
            self._tasks.add(task)
            task.add_done_callback(lambda done: self._forget(key, done))
        return task

    def _forget(self, key: _Key, task: asyncio.Task[TargetResult]) -> None:
        self._tasks.discard(task)
        if self._in_flight.get(key) is task:
            del self._in_flight[key]

    async def _probe(
        self,
        config: Config,
        target: Target,
        modules: tuple[Module, ...],
        deadline: float | None,
        resolver: Resolver,
        answers: Answers,
    ) -> TargetResult:
        """All identities of a target, one after the other. Each gets an even share of what time is left."""
        wire = Wire(resolver, self._limits, config.global_.connect_timeout, self._on_phase)
        groups = by_identity(modules)
        start = time.time()
        sessions = []
        reused = set()
        for index, (name, group) in enumerate(groups.items()):
            now = asyncio.get_running_loop().time()
            own = max(module.timeout for module in group)
            share = own if deadline is None else (deadline - now) / (len(groups) - index)
            asked = Visit(target, config.identities[name], tuple(group), self._compared(config, target))
            try:
                session, kept = await self._visit(asked, answers, wire, now + min(own, share))
                sessions.append(session)
                if kept:
                    reused.add(name)
            except Exception as bug:  # noqa: BLE001 - ours, and it must not cost the other targets their scrape
                self._log.error("bug, please report it", target=target.name, identity=name, at=place(bug))
                sessions.append(unknown(target, name, group))
        result = TargetResult(target.name, tuple(sessions))
        self._notify(ProbeRecord(target, _names(modules), result, start, frozenset(reused)))
        return result

    def _notify(self, finished: ProbeRecord) -> None:
        if self._on_result is None:
            return
        try:
            self._on_result(finished)
        except Exception as bug:  # noqa: BLE001 - ours, and a scrape does not depend on who looks on
            self._log.error("bug, please report it", target=finished.target.name, at=place(bug))

    async def _visit(self, asked: Visit, answers: Answers, wire: Wire, deadline: float) -> tuple[SessionResult, bool]:
        """One identity's visit; or its last one again, and True, where its modules' `every` is not over yet."""
        every = asked.modules[0].every  # the same for all of one identity, or the config is refused
        if every is None:
            return await visit(asked, answers, wire, deadline), False
        loop = asyncio.get_running_loop()
        visited = Visited(asked.target, asked.identity, asked.modules)
        last = answers.last_visit(visited, every, loop.time())
        if last is not None:
            return last, True
        found = replace(await visit(asked, answers, wire, deadline), last_run=time.time())
        answers.keep_visit(visited, found, loop.time())
        return found, False

    def _compared(self, config: Config, target: Target) -> frozenset[str]:
        """Queries of `target` whose studies are compared with another target's."""
        return frozenset(
            compare.query for compare in config.compare if target.name in (compare.source, compare.destination)
        )


def _modules(config: Config, target: Target, names: Sequence[str] | None) -> tuple[Module, ...]:
    return tuple(config.modules[name] for name in dict.fromkeys(names or target.modules))


def _names(modules: Iterable[Module]) -> tuple[str, ...]:
    return tuple(module.name for module in modules)


def late(target: Target, modules: Iterable[Module]) -> TargetResult:
    """A target that somebody else's scrape is still probing at our deadline: we know nothing of it."""
    groups = by_identity(modules)
    return TargetResult(target.name, tuple(unknown(target, name, group) for name, group in groups.items()))


def unknown(target: Target, identity: str, group: Sequence[Module]) -> SessionResult:
    """What one identity's visit says that never took place: nothing about the peer, and that it is not known."""
    exposed = any(module.exposure is not None for module in group)
    web = WebResult(WebAnswer.UNKNOWN)
    return SessionResult(
        identity,
        EchoResult(Outcome.OVERLOAD) if exposed or any(module.echo for module in group) else None,
        association=Outcome.OVERLOAD,
        queries={query.name: QueryResult(QueryOutcome.OVERLOAD) for query in queries(group)},
        stranger=StrangerResult() if exposed else None,
        dicomweb=web if exposed and target.dicomweb is not None else None,
        web=tuple(web for _ in target.web) if exposed else (),
    )


def by_identity(modules: Iterable[Module]) -> dict[str, list[Module]]:
    """Modules by the name of their identity, both in the order given: those of one identity share an association."""
    groups: dict[str, list[Module]] = {}
    for module in modules:
        groups.setdefault(module.identity, []).append(module)
    return groups


def place(error: BaseException) -> str:
    """Type and source line of `error`, for a log. Not its text: that may quote what an archive sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
