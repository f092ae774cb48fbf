"""One identity at one target: every probe of the table that its modules ask for, one after the other.

```
modules of the identity ─> merged ─> scheduled: which queries are due ─> probe, probe, … ─> one SessionResult
                                          └── the last results of those that are not ─────────┘
```
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cache, lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from dicom_exporter.config import Config, Module, Query, Target
from dicom_exporter.enums import Outcome
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.prober.cache import QueryKey, ResultCache, reached_the_archive
from dicom_exporter.prober.silence import as_overload
from dicom_exporter.probes import PROBES, Probe
from dicom_exporter.probes.freshness import while_kept
from dicom_exporter.probes.store import check_store
from dicom_exporter.results import QueryResult, SessionResult

_Found = dict[str, Any]
"""Fields of `SessionResult` that are known so far, by name."""


async def probe_as(target: Target, module: Module, context: ProbeContext, results: ResultCache) -> SessionResult:
    """Run what `module` asks of `target`, as the identity and before the deadline of `context`.

    Never raises for what a peer does. `results` has the queries that are not due, and keeps those that are asked.

    Raises:
        NotPermitted: before anything is sent, if the module would store images and may not.
    """
    if module.writes:
        check_store(target, context)
    module, kept = scheduled(target, module, context, results)
    found: _Found = {"echo": None, "queries": kept}
    due = [query for query in module.queries.values() if query.due]
    duration = timeout = None
    begun = time.perf_counter()
    seconds = context.deadline - asyncio.get_running_loop().time()
    for probe in PROBES:
        if not probe.is_wanted(target, module):
            continue
        share = probe.share(target, module)
        own = context if share == 1.0 else context.until(share)
        if found.get("peer") is not None:
            own = replace(own, peer=found["peer"])
        if probe.makes_associations and timeout is None:
            timeout = own.deadline - asyncio.get_running_loop().time()
        result = await probe.run(target, module, own)
        fill(found, probe, as_overload(result) if context.hurried else result)
        asked = [query for query in due if query.name in found["queries"]]
        if asked:
            found["queries"] = _remember(target, asked, context, seconds, found["queries"], results)
            due = [query for query in due if query not in asked]
        if probe.makes_associations:
            duration = time.perf_counter() - begun
    record = context.notes.names.get((target.address.host, target.address.port))
    return SessionResult(
        context.identity.name,
        **found,
        phases=context.phases.seconds,
        duration=duration,
        timeout=timeout,
        prove=frozenset() if module.exposure is None else module.exposure.steps,
        surface=module.exposure is not None and module.exposure.surface,
        addresses=None if record is None else record.total,
        addresses_failed=None if record is None else len(record.failed),
    )


def merged(modules: Sequence[Module]) -> Module:
    """The modules that one identity runs on a target, as one.

    The configuration has checked that they agree in `every`, in queries of one name, and in all blocks such as
    `store`, of which there is at most one of each kind.
    """
    first, *others = modules
    if not others:
        return first
    blocks: dict[str, Any] = {
        field.name: next((block for module in modules if (block := getattr(module, field.name)) is not None), None)
        for field in fields(Module)
        if field.default is None
    }
    services = tuple(dict.fromkeys(service for module in modules for service in module.services or ()))
    blocks["services"] = services or None
    return replace(
        first,
        name=",".join(module.name for module in modules),
        timeout=max(module.timeout for module in modules),
        echo=any(module.echo for module in modules),
        software=any(module.software for module in modules),
        queries={name: query for module in modules for name, query in module.queries.items()},
        **blocks,
    )


def comparing(module: Module, compared: Mapping[str, bool]) -> Module:
    """`module` with hashes of the studies asked for in those of its queries that are `compared` -> images, too."""
    names = compared.keys() & module.queries.keys()
    if not names:
        return module
    hashed = {
        name: replace(module.queries[name], digest_key=_digest_key(), count_images=compared[name]) for name in names
    }
    return replace(module, queries={**module.queries, **hashed})


def scheduled(
    target: Target, module: Module, context: ProbeContext, results: ResultCache
) -> tuple[Module, Mapping[str, QueryResult]]:
    """`module` with its queries marked as due or not, and the last results of those that are not."""
    if not module.queries:
        return module, {}
    now = asyncio.get_running_loop().time()
    seconds = context.deadline - now
    queries: dict[str, Query] = {}
    kept: dict[str, QueryResult] = {}
    for name, query in module.queries.items():
        key = _key(target, context, query)
        in_window = query.only_between is None or query.only_between.contains(context.now.time())
        due = in_window and results.is_due(key, now, seconds)
        if not due and (last := results.get(key)) is not None:
            kept[name] = while_kept(query, last, context.now)
        minimal = due and results.wants_minimal_keys(key)
        queries[name] = query if due and not minimal else replace(query, due=due, minimal_keys=minimal)
    return replace(module, queries=queries), kept


def fill(found: _Found, probe: Probe, result: object) -> None:
    """Put what `probe` fills of a session, taken from its `result`, beside what others have `found`."""
    if not isinstance(result, SessionResult):
        (name,) = probe.fills
        found[name] = result
        return
    before = found.get("queries")
    queries = {**before, **result.queries} if before else result.queries
    found.update((name, getattr(result, name)) for name in probe.fills)
    found["queries"] = queries


def _remember(
    target: Target,
    due: Iterable[Query],
    context: ProbeContext,
    seconds: float,
    found: Mapping[str, QueryResult],
    results: ResultCache,
) -> Mapping[str, QueryResult]:
    """Keep the results of the queries that were due; return all that were `found`, with when those with `every` ran.

    `seconds` is the time that they were given.
    """
    now = asyncio.get_running_loop().time()
    shown = dict(found)
    for query in due:
        key = _key(target, context, query)
        result = shown[query.name] = results.with_known_values(key, shown[query.name])
        if query.every is not None and reached_the_archive(result):
            result = shown[query.name] = replace(result, last_run=time.time())
        results.keep(key, result, now, seconds)
    return shown


def _key(target: Target, context: ProbeContext, query: Query) -> QueryKey:
    """What the result of `query` is kept by: that a token was renewed makes the query no other one."""
    return QueryKey(target, context.configured_identity or context.identity, query)


def never_probed(target: Target, module: Module) -> SessionResult:
    """What is known if there was no time to run `module`: nothing about the peer, and that it is not known."""
    found: _Found = {"echo": None, "association": Outcome.OVERLOAD}
    for probe in PROBES:
        if probe.is_wanted(target, module):
            fill(found, probe, probe.never_run(target, module))
    return SessionResult(module.identity, **found)


@dataclass(frozen=True, slots=True)
class Choice:
    """The modules that a target is asked, as its probe needs them: one for all targets that are asked the same."""

    names: tuple[str, ...]
    groups: tuple[tuple[tuple[Module, ...], Module], ...]
    """The modules of each identity, which share an association, and these as one (`merged`)."""
    longest: float
    """The longest timeout of a module."""
    seconds: float
    """What all identities together may take."""


def choice(config: Config, names: Sequence[str]) -> Choice:
    """The modules of `config` with these `names`, both in the order given."""
    groups: dict[str, tuple[Module, ...]] = {}
    for name in dict.fromkeys(names):
        module = config.modules[name]
        groups[module.identity] = (*groups.get(module.identity, ()), module)
    timeouts = [max(module.timeout for module in group) for group in groups.values()]
    return Choice(
        tuple(dict.fromkeys(names)),
        tuple((group, merged(group)) for group in groups.values()),
        max(timeouts),
        sum(timeouts),
    )


def local_time(target: Target) -> datetime:
    """Now, in whole seconds, where the target is; in the system's own zone if the configuration does not say."""
    return _local_time(target.timezone, int(time.time()))


@lru_cache(maxsize=256)
def _local_time(timezone: str | None, now: int) -> datetime:
    """Cached, as it is the same for all targets that are probed in one second."""
    return datetime.fromtimestamp(now, ZoneInfo(timezone)) if timezone else datetime.fromtimestamp(now).astimezone()


@cache
def _digest_key() -> bytes:
    """The key of the hashes that targets are compared by: random, and never leaves the process."""
    return secrets.token_bytes(32)
