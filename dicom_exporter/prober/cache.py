"""The last answers of queries that carry `every`: a heavy question is put to an archive no oftener, whoever scrapes."""

from __future__ import annotations

from dataclasses import dataclass

from dicom_exporter.config import Config, Identity, Module, Query, Target
from dicom_exporter.results import Outcome, QueryOutcome, QueryResult, SessionResult

MAX_CHOICES = 8
"""Visits kept of one identity to one target: a request can name any choice of modules, in any order."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as it was put. When the config changes any of it, the old answer is no answer any more."""

    target: Target
    identity: Identity
    query: Query

    @property
    def key(self) -> tuple[str, str, str]:
        """By name, as the parts themselves do not hash."""
        return (self.target.name, self.identity.name, self.query.name)


@dataclass(frozen=True, slots=True)
class Visited:
    """All that an identity asks of a target, where its modules say `every`."""

    target: Target
    identity: Identity
    modules: tuple[Module, ...]

    @property
    def key(self) -> tuple[str, str]:
        """By name, as the parts themselves do not hash."""
        return (self.target.name, self.identity.name)

    @property
    def module_names(self) -> tuple[str, ...]:
        """What a request may choose."""
        return tuple(module.name for module in self.modules)


class Answers:
    """One answer a question, with the loop time at which it was got: a jump of the clock on the wall delays nothing."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, str], tuple[Asked, QueryResult, float]] = {}
        self._minimal: dict[tuple[str, str, str], Asked] = {}
        self._visits: dict[tuple[str, str], dict[tuple[str, ...], tuple[Visited, SessionResult, float]]] = {}

    def last(self, asked: Asked) -> QueryResult | None:
        """The last answer to exactly this question."""
        entry = self._answers.get(asked.key)
        return entry[1] if entry is not None and entry[0] == asked else None

    def due(self, asked: Asked, now: float) -> bool:
        """Whether the question may be put again at loop time `now`."""
        every = asked.query.every
        entry = self._answers.get(asked.key)
        return every is None or entry is None or entry[0] != asked or now - entry[2] >= every

    def keep(self, asked: Asked, result: QueryResult, now: float) -> None:
        """Keep `result`, a failure too: what failed is not asked more often for that."""
        if asked.query.every is not None and was_answered(result):
            self._answers[asked.key] = (asked, result, now)
        if result.minimal_keys and result.outcome.is_success:
            self._minimal[asked.key] = asked

    def wants_minimal_keys(self, asked: Asked) -> bool:
        """Whether this archive has aborted on the optional keys of this query and answered without them."""
        return self._minimal.get(asked.key) == asked

    def last_visit(self, visited: Visited, every: float, now: float) -> SessionResult | None:
        """What exactly this visit found, where that is not `every` seconds old at loop time `now`."""
        entry = self._visits.get(visited.key, {}).get(visited.module_names)
        return entry[1] if entry is not None and entry[0] == visited and now - entry[2] < every else None

    def keep_visit(self, visited: Visited, result: SessionResult, now: float) -> None:
        """Keep `result`, unless we never got to it: that is no reason to wait."""
        echo = result.echo.outcome if result.echo is not None else None
        if Outcome.OVERLOAD not in (echo, result.association):
            kept = self._visits.setdefault(visited.key, {})
            kept.pop(visited.module_names, None)
            kept[visited.module_names] = (visited, result, now)
            if len(kept) > MAX_CHOICES:
                del kept[next(iter(kept))]

    def reload(self, config: Config) -> None:
        """Forget what a new configuration does not name, and who needed minimal keys: that may have been repaired."""
        names = {target.name for target in config.targets}
        asked = {(module.identity, query) for module in config.modules.values() for query in module.queries}
        self._answers = {
            key: entry for key, entry in self._answers.items() if key[0] in names and (key[1], key[2]) in asked
        }
        self._visits = {
            key: {modules: entry for modules, entry in kept.items() if config.modules.keys() >= set(modules)}
            for key, kept in self._visits.items()
            if key[0] in names and key[1] in config.identities
        }
        self._minimal.clear()


def was_answered(result: QueryResult) -> bool:
    """Whether the archive got the query at all. What never reached it is still due."""
    return result.outcome not in (QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD)
