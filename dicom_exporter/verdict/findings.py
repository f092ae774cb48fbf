"""How a target stands against what its owner expects of it, in one word: a pure function of what was found last.

The alert rules judge over time, in Prometheus, and by the same outcomes. This is for whoever looks at the exporter
itself, and for its log; the words come worst first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import StrEnum

from dicom_exporter.config import Expect, Target
from dicom_exporter.results import LadderLevel, LadderService, Outcome, QueryOutcome, SessionResult, WebAnswer
from dicom_exporter.verdict.ladder import Verdict, allowed_level, judge


class Standing(StrEnum):
    """What is to be said of a target first."""

    EXPOSED = "exposed"
    """A stranger gets further than `expect` allows."""
    DOWN = "down"
    """It must answer us, and does not."""
    BLIND = "blind"
    """A control target that is known to be open reads closed: what this vantage says of the others is worth nothing."""
    UNKNOWN = "unknown"
    """It could not be told. Unknown is not safe."""
    TROUBLED = "troubled"
    """It answers, and refuses us, is busy, or does not do all that it was asked."""
    NEVER_PROBED = "never_probed"
    """Nothing has asked for it since the exporter started."""
    OK = "ok"


RANKS = {standing: rank for rank, standing in enumerate(Standing)}
"""0 is the worst."""

_MUST_ANSWER = (Expect.AVAILABLE, Expect.GUARDED)
_MUST_BE_SHUT = (Expect.CLOSED, Expect.GUARDED)
_ECHO: dict[Outcome, Standing] = {
    Outcome.SUCCESS: Standing.OK,
    Outcome.REJECTED: Standing.TROUBLED,
    Outcome.BUSY: Standing.TROUBLED,
    Outcome.NOT_OFFERED: Standing.TROUBLED,
    Outcome.OVERLOAD: Standing.UNKNOWN,
}
"""Refused is not down, busy is neither, and our own overload says nothing. What is not here is down."""
_WEB: dict[WebAnswer, Standing] = {
    WebAnswer.ENTRIES: Standing.OK,
    WebAnswer.EMPTY: Standing.OK,
    WebAnswer.DENIED: Standing.TROUBLED,
    WebAnswer.UNKNOWN: Standing.UNKNOWN,
}
"""The same of DICOMweb."""
_NOT_ASKED = (QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD)
"""The echo says it already."""


def stand(target: Target, sessions: Sequence[SessionResult]) -> Standing:
    """The worst that the last session of each identity says of `target`."""
    found = [*_strangers(target, sessions), *_own(target, sessions)]
    return min(found, key=RANKS.__getitem__, default=Standing.NEVER_PROBED if not sessions else Standing.OK)


def of_echo(outcome: Outcome) -> Standing:
    """What the outcome of our own C-ECHO says of an archive that must answer."""
    return _ECHO.get(outcome, Standing.DOWN)


def of_web(answer: WebAnswer) -> Standing:
    """What the answer to our own query over DICOMweb says of one."""
    return _WEB.get(answer, Standing.DOWN)


def exceeding(target: Target, verdict: Verdict) -> list[tuple[LadderService, LadderLevel]]:
    """Services and levels of those where a stranger gets further than allowed, the furthest first."""
    allowed = allowed_level(target.expect)
    if allowed is None:
        return []
    over = [(service, level) for service, level in verdict.levels.items() if level is not None and level > allowed]
    return sorted(over, key=lambda found: -found[1])


def _strangers(target: Target, sessions: Sequence[SessionResult]) -> Iterable[Standing]:
    verdict = judge(sessions)
    if verdict is None:
        if sessions and target.expect in (Expect.CLOSED, Expect.CONTROL):
            yield Standing.UNKNOWN  # whoever asked did not ask as a stranger
        return
    if exceeding(target, verdict):
        yield Standing.EXPOSED
    known = [level for level in verdict.levels.values() if level is not None]
    if target.expect is Expect.CONTROL and known and max(known) < LadderLevel.ASSOCIATES:
        yield Standing.BLIND
    if target.expect in _MUST_BE_SHUT and None in verdict.levels.values():
        yield Standing.UNKNOWN
    if target.expect is Expect.CONTROL and not known:
        yield Standing.UNKNOWN


def _own(target: Target, sessions: Iterable[SessionResult]) -> Iterable[Standing]:
    if target.expect not in _MUST_ANSWER:
        return
    for session in sessions:
        if session.stranger is not None:
            continue
        if session.echo is not None:
            yield of_echo(session.echo.outcome)
        if any(not query.outcome.is_success and query.outcome not in _NOT_ASKED for query in session.queries.values()):
            yield Standing.TROUBLED
        if session.store is not None and not session.store.success:
            yield Standing.TROUBLED
        if session.dicomweb is not None:
            yield of_web(session.dicomweb.answer)
