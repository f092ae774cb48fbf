"""The last results of queries and modules with `every`: however many scrape, an archive is asked no more often."""

from __future__ import annotations

from dataclasses import dataclass

from dicom_exporter.config import Config, Identity, Module, Query, Target
from dicom_exporter.results import Outcome, QueryOutcome, QueryResult, SessionResult

MAX_CHOICES = 8
"""Sessions kept of one identity on one target: a request can name any choice of modules, in any order."""


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
    """All that an identity asks of a target, where its modules have `every`."""

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


class ResultCache:
    """One result for each key, with the loop time of it: a jump of the wall clock delays nothing."""

    def __init__(self) -> None:
        self._results: dict[tuple[str, str, str], tuple[QueryKey, QueryResult, float]] = {}
        self._minimal: dict[tuple[str, str, str], QueryKey] = {}
        self._sessions: dict[tuple[str, str], dict[tuple[str, ...], tuple[SessionKey, SessionResult, float]]] = {}

    def get(self, key: QueryKey) -> QueryResult | None:
        """The last result of exactly this query."""
        entry = self._results.get(key.names)
        return entry[1] if entry is not None and entry[0] == key else None

    def is_due(self, key: QueryKey, now: float) -> bool:
        """Whether the query may be asked again at loop time `now`."""
        every = key.query.every
        entry = self._results.get(key.names)
        return every is None or entry is None or entry[0] != key or now - entry[2] >= every

    def keep(self, key: QueryKey, result: QueryResult, now: float) -> None:
        """Keep `result`, a failure too: what failed is asked no more often for that."""
        if key.query.every is not None and reached_the_archive(result):
            self._results[key.names] = (key, result, now)
        if result.minimal_keys and result.outcome.is_success:
            self._minimal[key.names] = key

    def wants_minimal_keys(self, key: QueryKey) -> bool:
        """Whether this archive has aborted on the optional keys of this query and answered without them."""
        return self._minimal.get(key.names) == key

    def get_session(self, key: SessionKey, every: float, now: float) -> SessionResult | None:
        """The last session of exactly these modules, where that is not `every` seconds old at loop time `now`."""
        entry = self._sessions.get(key.names, {}).get(key.module_names)
        return entry[1] if entry is not None and entry[0] == key and now - entry[2] < every else None

    def keep_session(self, key: SessionKey, session: SessionResult, now: float) -> None:
        """Keep `session`, unless there was no time for it: that is no reason to wait."""
        echo = session.echo.outcome if session.echo is not None else None
        if Outcome.OVERLOAD not in (echo, session.association):
            kept = self._sessions.setdefault(key.names, {})
            kept.pop(key.module_names, None)
            kept[key.module_names] = (key, session, now)
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
        self._minimal.clear()


def reached_the_archive(result: QueryResult) -> bool:
    """Whether the archive got the query at all. Where it did not, the query is still due."""
    return result.outcome not in (QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD)
