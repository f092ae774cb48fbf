"""The last results of queries and modules with `every`: however many scrape, an archive is asked no more often."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

from dicom_exporter.config import Config, Identity, Module, Query, Target
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.prober.silence import ABOUT, query_ran_out_of_time, ran_out_of_time
from dicom_exporter.probes.tally import MAX_VALUES, OTHER
from dicom_exporter.results import QueryResult, SessionResult
from dicom_exporter.text import SafeText

MAX_CHOICES = 8
"""Sessions kept of one identity on one target: a request can name any choice of modules, in any order."""

K = TypeVar("K")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class QueryKey:
    """A query as it was asked. Where the configuration changes any of it, the last result is none any more."""

    target: Target
    identity: Identity
    query: Query

    @property
    def names(self) -> tuple[str, str, str]:
        """To look it up by, as the parts themselves do not hash."""
        return (self.target.name, self.identity.name, self.query.name)


@dataclass(frozen=True, slots=True)
class SessionKey:
    """All that an identity asks of a target, if its modules have `every`."""

    target: Target
    identity: Identity
    modules: tuple[Module, ...]

    @property
    def names(self) -> tuple[str, str]:
        """To look it up by, as the parts themselves do not hash."""
        return (self.target.name, self.identity.name)

    @property
    def module_names(self) -> tuple[str, ...]:
        """What a request may choose."""
        return tuple(module.name for module in self.modules)


@dataclass(frozen=True, slots=True)
class _Kept(Generic[K, R]):
    """A result, and how long it may stand for another."""

    key: K
    result: R
    when: float
    """Loop time."""
    seconds: float
    """The time that it had; infinity if more would have changed nothing."""

    def serves(self, key: K, every: float, now: float, seconds: float) -> bool:
        """Whether it is no older than `every`, and had about as much time as a request that allows `seconds`."""
        return self.key == key and now - self.when < every and self.seconds >= seconds * ABOUT


class ResultCache:
    """One result for each key, with the loop time of it: a jump of the wall clock delays nothing.

    A result that ran out of time serves only requests that allow about as much: whoever allows more asks again.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[str, str, str], _Kept[QueryKey, QueryResult]] = {}
        self._minimal: dict[tuple[str, str, str], QueryKey] = {}
        self._sessions: dict[tuple[str, str], dict[tuple[str, ...], _Kept[SessionKey, SessionResult]]] = {}
        self._values: dict[tuple[str, str, str], tuple[QueryKey, dict[str, set[SafeText]]]] = {}
        """The values that each query has been counted by so far, by attribute."""

    def get(self, key: QueryKey) -> QueryResult | None:
        """The last result of exactly this query."""
        kept = self._results.get(key.names)
        return kept.result if kept is not None and kept.key == key else None

    def is_due(self, key: QueryKey, now: float, seconds: float) -> bool:
        """Whether a request that allows `seconds` may ask the query at loop time `now`."""
        every = key.query.every
        kept = self._results.get(key.names)
        return every is None or kept is None or not kept.serves(key, every, now, seconds)

    def keep(self, key: QueryKey, result: QueryResult, now: float, seconds: float) -> None:
        """Keep `result`, a failure too: what failed is asked no more often for that. It was given `seconds`."""
        if key.query.every is not None and reached_the_archive(result):
            had = seconds if query_ran_out_of_time(result) else math.inf
            self._results[key.names] = _Kept(key, result, now, had)
        if result.minimal_keys and result.outcome.is_success:
            self._minimal[key.names] = key

    def with_known_values(self, key: QueryKey, result: QueryResult) -> QueryResult:
        """`result` with at most `MAX_VALUES` values of each attribute in all the results of this query together.

        Otherwise an archive could bring as many new labels with each answer.
        """
        if not result.matches_by and not result.freshness:
            return result
        of, known = self._values.get(key.names, (key, {}))
        if of != key:
            known = {}
        self._values[key.names] = (key, known)
        counts = {
            keyword: _settled(found, known.setdefault(keyword, set())) for keyword, found in result.matches_by.items()
        }
        named = {"", *(key.query.expect_within or {})}
        single = known.setdefault("", set())
        freshness = tuple(each for each in result.freshness if each.value in named or _has_room(each.value, single))
        return replace(result, matches_by=counts, freshness=freshness)

    def wants_minimal_keys(self, key: QueryKey) -> bool:
        """Whether this archive has aborted on the optional keys of this query and answered without them."""
        return self._minimal.get(key.names) == key

    def get_session(self, key: SessionKey, every: float, now: float, seconds: float) -> SessionResult | None:
        """The last session of exactly these modules, if that is not `every` seconds old at loop time `now`, for a
        request that allows `seconds`.
        """
        kept = self._sessions.get(key.names, {}).get(key.module_names)
        return kept.result if kept is not None and kept.serves(key, every, now, seconds) else None

    def keep_session(self, key: SessionKey, session: SessionResult, now: float, seconds: float) -> None:
        """Keep `session`, which was given `seconds`, unless there was no time for it: that is no reason to wait."""
        echo = session.echo.outcome if session.echo is not None else None
        if not any(outcome is not None and outcome.says_nothing for outcome in (echo, session.association)):
            had = seconds if ran_out_of_time(session) else math.inf
            kept = self._sessions.setdefault(key.names, {})
            kept.pop(key.module_names, None)
            kept[key.module_names] = _Kept(key, session, now, had)
            if len(kept) > MAX_CHOICES:
                del kept[next(iter(kept))]

    def reload(self, config: Config) -> None:
        """Forget what a new configuration does not name, and who needed minimal keys: that may have been repaired."""
        names = {target.name for target in config.targets}
        asked = {(module.identity, query) for module in config.modules.values() for query in module.queries}
        self._results = {
            key: entry for key, entry in self._results.items() if key[0] in names and (key[1], key[2]) in asked
        }
        self._sessions = {
            key: {modules: entry for modules, entry in kept.items() if config.modules.keys() >= set(modules)}
            for key, kept in self._sessions.items()
            if key[0] in names and key[1] in config.identities
        }
        self._values = {
            key: entry for key, entry in self._values.items() if key[0] in names and (key[1], key[2]) in asked
        }
        self._minimal.clear()


def reached_the_archive(result: QueryResult) -> bool:
    """Whether the archive got the query at all. Where it did not, the query is still due."""
    return result.outcome not in (QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD)


def _settled(found: Mapping[SafeText, int], known: set[SafeText]) -> dict[SafeText, int]:
    """The counts in `found`; values for which there is no room in `known` count as `OTHER`."""
    counts: dict[SafeText, int] = {}
    for value, count in found.items():
        shown = value if value == OTHER or _has_room(value, known) else OTHER
        counts[shown] = counts.get(shown, 0) + count
    return counts


def _has_room(value: SafeText, known: set[SafeText]) -> bool:
    """Whether `value` is one of at most `MAX_VALUES` that are `known`, from now on if not before."""
    if value not in known and len(known) < MAX_VALUES:
        known.add(value)
    return value in known
