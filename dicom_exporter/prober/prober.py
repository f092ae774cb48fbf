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
import gc
import time
import traceback
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import structlog
from yarl import URL

from dicom_exporter.config import Config, Target
from dicom_exporter.config.values.network import is_ip_address
from dicom_exporter.enums import Outcome, Phase
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.limits import UNLIMITED, ConnectionLimits
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.net.timing import OnPhase, PhaseTimer
from dicom_exporter.prober.allowlist import Allowlist
from dicom_exporter.prober.cache import ResultCache, SessionKey
from dicom_exporter.prober.credentials import Credentials
from dicom_exporter.prober.permissions import check_choice, may_show_credentials, may_store
from dicom_exporter.prober.plan import Choice, choice, comparing, local_time, never_probed, probe_as
from dicom_exporter.prober.record import OnResult, ProbeRecord, make_record
from dicom_exporter.prober.silence import ABOUT, ENOUGH, is_hurried, ran_out_of_time
from dicom_exporter.results import TargetResult

OnStep = Callable[[str, Phase, float | None], None]
"""Called with the name of an identity, and with what `OnPhase` is called with."""
_Key = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class _Flight:
    """A probe under way, which others may join."""

    seconds: float
    """The time that it was given: at most what its modules may take."""
    longest: float
    """The longest timeout of its modules."""
    archive: str
    """The name of the target; of an address that a request names, where it is."""
    turn: str | None
    """See `ProbeContext`."""

    def serves(self, seconds: float) -> bool:
        """Whether a request that allows `seconds` may join it: it has no less, or about as much and was not hurried."""
        return self.seconds >= seconds * (1 if is_hurried(self.seconds, self.longest) else ABOUT)


_MAX_CHOICES = 8
"""Probes of one target that one client can have under way at once, by naming modules or by allowing little time."""

GRACE = 0.2
"""Seconds beyond the deadline that a scrape waits for probes that end at it; well inside the offset of the timeout."""

_STARTED_AT_ONCE = 16
"""Targets that are started in one turn of the event loop. Ten thousand in one turn would take a second or more, in
which no connection is seen to be made: those would read as timed out."""

_NONE: frozenset[str] = frozenset()
"""One for all records: each takes 216 bytes."""
_MANY = 500
"""Targets of a scrape that pauses garbage collection. Each would look at the hundred objects of every target in flight,
a quarter of the cost of a filtered one, and find next to nothing: probes hardly leave cycles."""


class Prober:
    """Probes targets on request. Create it inside a running event loop, and `close` it there.

    `on_result` is called with the record of each probe that has ended. What it raises is logged, and affects no scrape.
    `on_phase` is called for the phases of all probes, for a person who watches one. At most `max_connections` to peers
    are made or pending at once.
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
        self._choose = _chooser(config)
        self._credentials = Credentials(config.identities)
        self._on_phase = on_phase
        self._on_result = on_result
        self.outcomes: Counter[Outcome] = Counter()
        """Of the C-ECHO or the association of each identity, over all probes that have ended."""
        settings = config.global_
        self._limits = ConnectionLimits(
            settings.max_concurrent_probes, max_connections, pause=settings.pause_between_associations
        )
        self._lookups = LookupThreads()
        self._allowlist = Allowlist()
        self._results = ResultCache()
        self._in_flight: dict[_Key, tuple[_Flight, asyncio.Task[ProbeRecord]]] = {}
        """Probes under way that a new scrape may join, unless it allows more time than they have."""
        self._watchers: dict[str, list[OnStep]] = {}
        self._choices: Counter[tuple[str, str]] = Counter()
        """Client and archive -> probes under way that are not what the configuration asks, in its time."""
        self._tasks: set[asyncio.Task[ProbeRecord]] = set()
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

    @property
    def stale_credential_files(self) -> dict[tuple[str, str], bool]:
        """Identity and key of each credential file -> whether it cannot be used, and older contents are in use."""
        return self._credentials.stale_files()

    def reconfigure(self, config: Config) -> None:
        """Go by `config` from the next scrape on; what is under way ends as it began."""
        if config.vantages != self._config.vantages:
            self._results = ResultCache()  # what was found, or not, may be another proxy's doing
        self._config = config
        self._choose = _chooser(config)
        self._credentials = Credentials(config.identities)
        self._limits.resize(config.global_.max_concurrent_probes, config.global_.pause_between_associations)
        self._results.reload(config)
        self._in_flight.clear()

    @contextmanager
    def watched(self, target: str, on_step: OnStep) -> Iterator[None]:
        """Call `on_step` for the phases of the probes of `target`, a name, that begin before the block ends."""
        self._watchers.setdefault(target, []).append(on_step)
        try:
            yield
        finally:
            self._watchers[target].remove(on_step)
            if not self._watchers[target]:
                del self._watchers[target]

    def _on_phase_of(self, target: str, identity: str) -> OnPhase | None:
        if target not in self._watchers:
            return self._on_phase

        def on_phase(phase: Phase, seconds: float | None) -> None:
            for on_step in self._watchers.get(target, ()):
                on_step(identity, phase, seconds)

        return on_phase

    async def close(self) -> None:
        """Abort what is under way and wait until every association has ended."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lookups.close()
        self._allowlist.close()

    async def probe_targets(
        self,
        targets: Sequence[Target],
        timeout: float | None,
        modules: Sequence[str] | None = None,
        client: str = "",
    ) -> list[ProbeRecord]:
        """Probe `targets` together and return their records in the same order, within `timeout` seconds.

        Args:
            timeout: None leaves it to the timeouts of the modules.
            modules: names of modules to run in place of each target's own.
            client: who asks.

        Never raises for what a peer does. A target that another scrape is probing is waited for, not probed again,
        unless that scrape allows less time. What the configuration asks of a target, in the time that it allows, goes
        before what else a client asks; clients have their turn one after the other.

        Raises:
            NotPermitted: before anything is sent, if a target may not be asked these `modules`.
        """
        loop = asyncio.get_running_loop()
        deadline = None if timeout is None else loop.time() + timeout
        resolver = Resolver(self._lookups)
        config, credentials = self._config, self._credentials  # a reload may come while we wait
        if modules is not None:
            for target in targets:
                check_choice(config, target, modules)
        choose = self._choose
        wanted = [(target, choose(tuple(modules or target.modules))) for target in targets]
        tasks = []
        pause = len(targets) >= _MANY and gc.isenabled()  # the first of several scrapes decides, and ends it
        if pause:
            gc.disable()
        try:
            for target, chosen in wanted:
                seconds = chosen.seconds if timeout is None else min(timeout, chosen.seconds)
                own = modules is None or chosen.names == target.modules
                turn = None if own and not is_hurried(seconds, chosen.longest) else client
                probe = partial(
                    self._probe, config, credentials, target, chosen, deadline, seconds, resolver, self._results, turn
                )
                flight = _Flight(seconds, chosen.longest, target.name, turn)
                tasks.append(self._start_or_join((target.name, chosen.names), config, flight, probe))
                if len(tasks) % _STARTED_AT_ONCE == 0:
                    await asyncio.sleep(0)
            return await self._collect(wanted, tasks, timeout)
        finally:
            if pause:
                gc.enable()

    async def probe_address(
        self, target: Target, timeout: float | None, modules: Sequence[str] | None = None, client: str = ""
    ) -> ProbeRecord:
        """Probe `target`, which is not one of the configuration's, within `timeout` seconds, if it is allowed.

        Nothing of it is kept: a query or a module with `every` is asked each time.

        Raises:
            NotPermitted: it may not be asked these modules.
            NotAllowed: before anything is sent to it.
            Overloaded: it could not be looked up, as too many others are.
        """
        loop = asyncio.get_running_loop()
        config, credentials = self._config, self._credentials
        chosen = self._choose(tuple(modules or target.modules))
        check_choice(config, target, chosen.names)
        begun = loop.time()
        until = begun + (chosen.longest if timeout is None else min(timeout, chosen.longest))
        address = await self._allowlist.check(target.address, config.probe, until)
        target = replace(target, address=address)
        left = None if timeout is None else max(0.0, begun + timeout - loop.time())
        deadline = None if left is None else loop.time() + left
        # No target of the configuration has a name with a slash.
        ips = ",".join(each.ip for each in address.socket_addresses)
        key = (f"{ips}/{address}/{target.called_ae_title}", chosen.names)
        seconds, resolver = chosen.seconds if left is None else min(left, chosen.seconds), Resolver(self._lookups)
        probe = partial(
            self._probe, config, credentials, target, chosen, deadline, seconds, resolver, ResultCache(), client
        )
        flight = _Flight(seconds, chosen.longest, f"{ips}/{address.port}", client)
        task = self._start_or_join(key, config, flight, probe)
        (result,) = await self._collect([(target, chosen)], [task], left)
        return result

    async def _collect(
        self,
        wanted: Sequence[tuple[Target, Choice]],
        tasks: Sequence[asyncio.Task[ProbeRecord] | None],
        timeout: float | None,
    ) -> list[ProbeRecord]:
        """The records of `tasks` within `timeout` seconds; of those that are not done by then, that it is not known."""
        if under_way := {task for task in tasks if task is not None}:
            # Probes end at the deadline by themselves, each with its own outcome: a moment for them to do so.
            await asyncio.wait(under_way, timeout=None if timeout is None else timeout + min(GRACE, timeout / 2))
        return [
            late(target, chosen) if task is None or not task.done() or task.cancelled() else task.result()
            for (target, chosen), task in zip(wanted, tasks, strict=True)
        ]

    def _start_or_join(
        self, key: _Key, config: Config, flight: _Flight, probe: Callable[[], Coroutine[Any, Any, ProbeRecord]]
    ) -> asyncio.Task[ProbeRecord] | None:
        """Start `probe`, or join the one under way with the same `key`; None if the client has too many under way.

        Whoever asks for one set of modules after another, or for more and more time, could else fill the line before an
        archive.
        """
        current = config is self._config  # else nobody may join: the same name may be another address by now
        under_way = self._in_flight.get(key) if current else None
        if under_way is not None and under_way[0].serves(flight.seconds):
            return under_way[1]
        if flight.turn is not None:
            if self._choices[flight.turn, flight.archive] >= _MAX_CHOICES:
                return None
            self._choices[flight.turn, flight.archive] += 1
        task = asyncio.create_task(probe())
        if current:
            self._in_flight[key] = flight, task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._forget(key, flight, done))
        return task

    def _forget(self, key: _Key, flight: _Flight, task: asyncio.Task[ProbeRecord]) -> None:
        self._tasks.discard(task)
        if key in self._in_flight and self._in_flight[key][1] is task:
            del self._in_flight[key]
        if flight.turn is not None:
            self._choices[flight.turn, flight.archive] -= 1
            if not self._choices[flight.turn, flight.archive]:
                del self._choices[flight.turn, flight.archive]

    async def _probe(
        self,
        config: Config,
        credentials: Credentials,
        target: Target,
        chosen: Choice,
        deadline: float | None,
        seconds: float,
        resolver: Resolver,
        results: ResultCache,
        turn: str | None,
    ) -> ProbeRecord:
        """All identities of a target, one after the other. Each gets an even share of what time is left.

        `seconds` is the time that the request allows, at most what `chosen` may take.
        """
        hurried = is_hurried(seconds, chosen.longest)
        compared = _compared(config, target) if config.compare else {}
        start, loop = time.time(), asyncio.get_running_loop()
        sessions = []
        reused = cut_short = _NONE
        for index, (group, module) in enumerate(chosen.groups):
            name = module.identity
            if compared:
                module = comparing(module, compared)
            key = SessionKey(target, config.identities[name], group)
            now = loop.time()
            share = module.timeout if deadline is None else (deadline - now) / (len(chosen.groups) - index)
            given = min(module.timeout, share)
            until = now + given
            try:
                session = None if module.every is None else results.get_session(key, module.every, now, given)
                if session is not None:
                    reused |= {name}
                else:
                    context = ProbeContext(
                        await credentials.current(name, until),
                        resolver,
                        self._limits,
                        config.global_.connect_timeout,
                        until,
                        local_time(target),
                        target.ip_version,
                        PhaseTimer(self._on_phase_of(target.name, name)),
                        server_names=_server_names(config, target, chosen) if module.exposure is not None else (),
                        hurried=hurried,
                        turn=turn,
                        connect_proof=min(config.global_.connect_timeout, module.timeout * ENOUGH),
                        configured_identity=key.identity,
                        may_show_credentials=may_show_credentials(config, target, name),
                        may_store=may_store(config, target),
                        vantage=config.vantage_of(target),
                    )
                    session = await probe_as(target, module, context, results)
                    if hurried and ran_out_of_time(session):
                        cut_short |= {name}
                    elif module.every is not None:
                        session = replace(session, last_run=time.time())
                        results.keep_session(key, session, loop.time(), given)
                sessions.append(session)
            except Exception as bug:  # noqa: BLE001 - ours, and it must not cost the other targets their scrape
                self._log.error("bug, please report it", target=target.name, identity=name, at=raised_at(bug))
                sessions.append(never_probed(target, module))
        result = TargetResult(target.name, tuple(sessions))
        record = make_record(target, chosen.names, result, start, reused, cut_short)
        self._notify(record)
        return record

    def _notify(self, record: ProbeRecord) -> None:
        for session in record.sessions:
            outcome = session.association if session.echo is None else session.echo.outcome
            if outcome is not None and session.identity not in record.reused:
                self.outcomes[outcome] += 1
        if self._on_result is None:
            return
        try:
            self._on_result(record)
        except Exception as bug:  # noqa: BLE001 - ours, and a scrape does not depend on who listens
            self._log.error("bug, please report it", target=record.target.name, at=raised_at(bug))


def _chooser(config: Config) -> Callable[[tuple[str, ...]], Choice]:
    """`choice` of `config`, which remembers: almost all probes choose the same few."""
    return lru_cache(maxsize=256)(partial(choice, config))


def _compared(config: Config, target: Target) -> Mapping[str, bool]:
    """Queries of `target` whose studies are compared with another target's -> whether their images are, too."""
    found: dict[str, bool] = {}
    for compare in config.compare:
        if target.name in (compare.source, compare.destination):
            found[compare.query] = found.get(compare.query, False) or compare.images
    return found


_MOST_SERVER_NAMES = 4


def _server_names(config: Config, target: Target, chosen: Choice) -> tuple[str, ...]:
    """Names under which strangers may ask for `target` in TLS: the one it has, or all that the configuration knows."""
    if target.server_name is not None:
        return (target.server_name,)
    identities = [config.identities[module.identity] for _, module in chosen.groups]
    known = [identity.tls.server_name for identity in identities if identity.tls is not None]
    urls = [URL(url).raw_host for url in (target.dicomweb, *(page.url for page in target.web)) if url is not None]
    names = [target.address.host, *(name for name in (*known, *urls) if name and not is_ip_address(name))]
    return tuple(dict.fromkeys(names))[:_MOST_SERVER_NAMES]


def late(target: Target, chosen: Choice) -> ProbeRecord:
    """The record of a target that another scrape is still probing at our deadline: nothing is known of it yet."""
    sessions = tuple(never_probed(target, module) for _, module in chosen.groups)
    return make_record(target, chosen.names, TargetResult(target.name, sessions), time.time())


def raised_at(error: BaseException) -> str:
    """Type and source line of `error`, for a log. Not its text: that may quote what an archive sent."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
