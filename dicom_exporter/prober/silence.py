"""What silence proves: nothing, if the request for a probe allowed too little time for an answer.

```
seconds of the request >= a third of the longest timeout of its modules      no answer is the peer's doing
                       <                                                     "hurried": no answer is our overload
```

A connection has a bound of its own: it counts as not answered after `global.connect_timeout`, or a third of the
module's timeout if that is shorter (`ProbeContext.connect_proof`). Prometheus allows ten seconds by default, as the
modules do, less the offset in which the scrape is answered: such a scrape is not hurried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from dicom_exporter.enums import Outcome, QueryOutcome, StoreOutcome, UnknownReason, WebAnswer
from dicom_exporter.results import Attempt, CanaryResult, QueryResult, SessionResult, StoreResult

ENOUGH: Final = 1 / 3
"""Share of a timeout after which silence counts."""
ABOUT: Final = 0.8
"""Share of the time of a request that a result must have had to serve it. What is left after other probes varies."""

_SILENCE: Final = frozenset({Outcome.NO_ANSWER, Outcome.DNS_FAILURE})
"""Outcomes that more time might have changed. A `connect_timeout` had its time, or it would be `overload`."""
_STORE_OUT_OF_TIME: Final = frozenset({StoreOutcome.TIMEOUT, StoreOutcome.OVERLOAD, StoreOutcome.NO_ASSOCIATION})
_OUR_DOUBTS: Final = frozenset({UnknownReason.TIMEOUT, UnknownReason.OVERLOAD, UnknownReason.NOT_ASKED})

T = TypeVar("T")


def is_hurried(seconds: float, longest_timeout: float) -> bool:
    """Whether a request of `seconds` is too short for modules of which one may take `longest_timeout`."""
    return seconds < longest_timeout * ENOUGH


def as_overload(found: T) -> T:
    """What a hurried probe `found`, in which silence is our overload; what is no session and no store as it is."""
    if isinstance(found, StoreResult) and found.outcome is StoreOutcome.TIMEOUT:
        return replace(found, outcome=StoreOutcome.OVERLOAD)
    if isinstance(found, CanaryResult):
        return CanaryResult(tuple(replace(each, success=each.success or None) for each in found.steps))  # type: ignore[return-value]
    return _session(found) if isinstance(found, SessionResult) else found  # type: ignore[return-value]


def ran_out_of_time(session: SessionResult) -> bool:
    """Whether something in `session` might have been answered, or asked, in more time."""
    if session.store is not None and session.store.outcome in _STORE_OUT_OF_TIME:
        return True
    if session.canary is not None and not all(each.success for each in session.canary.steps):
        return True
    doubts = set() if session.stranger is None else set(session.stranger.doubts)
    outcomes = {session.association, None if session.echo is None else session.echo.outcome}
    queries = [*session.queries.values()]
    for attempt in _attempts(session):
        doubts |= attempt.doubts
        outcomes.add(attempt.outcome)
        queries += attempt.queries.values()
    for page in [*([session.dicomweb] if session.dicomweb is not None else []), *session.web]:
        doubts |= page.doubts
        if page.answer is WebAnswer.UNKNOWN:
            return True
    no_time = _SILENCE | {Outcome.OVERLOAD}
    return bool(outcomes & no_time or doubts & _OUR_DOUBTS) or any(map(query_ran_out_of_time, queries))


def query_ran_out_of_time(query: QueryResult) -> bool:
    """Whether the query might have been answered in more time."""
    return query.outcome in (QueryOutcome.TIMEOUT, QueryOutcome.OVERLOAD)


def _attempts(session: SessionResult) -> Iterator[Attempt]:
    if session.stranger is not None:
        yield from session.stranger.attempts


def _session(session: SessionResult) -> SessionResult:
    echo, stranger = session.echo, session.stranger
    return replace(
        session,
        echo=None if echo is None else replace(echo, outcome=_outcome(echo.outcome)),
        association=None if session.association is None else _outcome(session.association),
        queries=_queries(session.queries),
        stranger=None if stranger is None else replace(stranger, attempts=tuple(map(_attempt, stranger.attempts))),
    )


def _attempt(attempt: Attempt) -> Attempt:
    echo = attempt.echo
    return replace(
        attempt,
        outcome=_outcome(attempt.outcome),
        echo=None if echo is None else replace(echo, outcome=_outcome(echo.outcome)),
        queries=_queries(attempt.queries),
    )


def _queries(queries: Mapping[str, QueryResult]) -> Mapping[str, QueryResult]:
    return {
        name: replace(query, outcome=QueryOutcome.OVERLOAD) if query.outcome is QueryOutcome.TIMEOUT else query
        for name, query in queries.items()
    }


def _outcome(outcome: Outcome) -> Outcome:
    return Outcome.OVERLOAD if outcome in _SILENCE else outcome
