"""The exposure ladder: what a stranger got, in one number per service. A pure function of what the probes found.

```
0 closed   1 open port   2 refuses strangers   3 associates   4 queryable   5 lists studies   6 identifies   7 hands out
```

A level is proved by something that happened. What is not known has no level: a DNS failure, no route, a busy
peer or our own overload say nothing about who else gets in, and unknown is not safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from dicom_exporter.results import (
    Attempt,
    Called,
    Check,
    Expect,
    LadderLevel,
    LadderService,
    Outcome,
    QueryOutcome,
    RejectReason,
    Service,
    SessionResult,
    StrangerResult,
    WebAnswer,
    WebResult,
)

_ALLOWED: Mapping[Expect, LadderLevel] = {
    Expect.CLOSED: LadderLevel.CLOSED,
    Expect.GUARDED: LadderLevel.REFUSES_STRANGERS,
    Expect.CONTROL: LadderLevel.HANDS_OUT_IMAGES,
}
_ENDED: Mapping[Outcome, LadderLevel] = {
    Outcome.REFUSED: LadderLevel.CLOSED,
    Outcome.CONNECT_TIMEOUT: LadderLevel.CLOSED,
    Outcome.CLOSED: LadderLevel.OPEN_PORT,
    Outcome.NO_ANSWER: LadderLevel.OPEN_PORT,
    Outcome.NOT_DICOM: LadderLevel.OPEN_PORT,
    Outcome.PROTOCOL_ERROR: LadderLevel.OPEN_PORT,
    Outcome.TLS_FAILURE: LadderLevel.OPEN_PORT,
    Outcome.REJECTED: LadderLevel.REFUSES_STRANGERS,
    Outcome.ABORTED: LadderLevel.REFUSES_STRANGERS,
}
"""Level of an attempt that was not accepted. What is not here says nothing: busy, overload, no name, no route."""
_NOT_CONNECTED = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE, Outcome.DNS_FAILURE})
_SPOKE_DICOM = frozenset({Outcome.SUCCESS, Outcome.REJECTED, Outcome.BUSY, Outcome.ABORTED})
_DENIALS = frozenset({QueryOutcome.REFUSED, QueryOutcome.UNSUPPORTED, QueryOutcome.ABORTED})
_OBSOLETE_TLS = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"})
_WEAK_CIPHERS = ("NULL", "RC4", "EXP", "DES-", "MD5", "ADH", "AECDH")
"""Parts of OpenSSL's names of ciphers that RFC 9325 4.1 forbids."""
_HTTP_SPOKEN = frozenset({WebAnswer.ENTRIES, WebAnswer.EMPTY, WebAnswer.DENIED, WebAnswer.OTHER})
_WEB_LEVELS: Mapping[WebAnswer, LadderLevel | None] = {
    WebAnswer.ENTRIES: LadderLevel.QUERYABLE,
    WebAnswer.EMPTY: LadderLevel.QUERYABLE,
    WebAnswer.DENIED: LadderLevel.REFUSES_STRANGERS,
    WebAnswer.OTHER: LadderLevel.OPEN_PORT,
    WebAnswer.NOT_HTTP: LadderLevel.OPEN_PORT,
    WebAnswer.CLOSED: LadderLevel.CLOSED,
    WebAnswer.UNKNOWN: None,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a stranger got."""

    levels: Mapping[LadderService, LadderLevel | None]
    """None for a service whose level is not known."""
    checks: Mapping[Check, bool]
    """Whether each check holds; without those that are not known."""


def allowed_level(expect: Expect) -> LadderLevel | None:
    """The highest level that `expect` allows; None where nothing is said of strangers."""
    return _ALLOWED.get(expect)


def judge(sessions: Sequence[SessionResult]) -> Verdict | None:
    """The verdict over what strangers found on one target; None where no session was a stranger's."""
    strangers = [session for session in sessions if session.stranger is not None]
    if not strangers:
        return None
    if len(strangers) == 1 and (outcome := _not_connected(strangers[0])) is not None:
        return _verdict_unconnected(outcome)
    return _verdict(strangers)


def _verdict(strangers: Iterable[SessionResult]) -> Verdict:
    levels: dict[LadderService, LadderLevel | None] = {}
    checks: dict[Check, bool | None] = {}
    for session in strangers:
        assert session.stranger is not None
        levels[LadderService.DIMSE] = dimse_level(session.stranger)
        checks |= dimse_checks(session.stranger, levels[LadderService.DIMSE])
        if session.dicomweb is not None:
            levels[LadderService.DICOMWEB] = web_level([session.dicomweb])
        if session.web:
            levels[LadderService.WEB] = web_level(session.web)
        pages = [*([session.dicomweb] if session.dicomweb is not None else []), *session.web]
        checks[Check.HTTP_WITHOUT_TLS] = _http_without_tls(pages)
    return Verdict(levels, {name: holds for name, holds in checks.items() if holds is not None})


def _not_connected(session: SessionResult) -> Outcome | None:
    """The outcome of a stranger's only attempt where that made no connection; else None."""
    if session.stranger is None or session.dicomweb is not None or session.web or len(session.stranger.attempts) != 1:
        return None
    outcome = session.stranger.attempts[0].outcome
    return outcome if outcome in _NOT_CONNECTED else None


@cache
def _verdict_unconnected(outcome: Outcome) -> Verdict:
    """The verdict where the only attempt made no connection. Most closed targets have it, so that all share one object.

    Without that, 10,000 closed targets take a third more time to judge and to encode, and 8 MB more in the history.
    """
    return _verdict([SessionResult("", None, stranger=StrangerResult((Attempt(outcome),)))])


def dimse_level(stranger: StrangerResult) -> LadderLevel | None:
    """The furthest step that any attempt proved; None where the first said nothing and no other got in."""
    levels = [attempt_level(attempt) for attempt in stranger.attempts]
    known = [level for level in levels if level is not None]
    if not known or (levels[0] is None and max(known) < LadderLevel.ASSOCIATES):
        return None
    return max(known)


def attempt_level(attempt: Attempt) -> LadderLevel | None:
    """The step that one association proved."""
    if attempt.outcome is not Outcome.SUCCESS:
        if attempt.tls is not None and attempt.tls.client_certificate_required:
            return LadderLevel.REFUSES_STRANGERS
        return _ENDED.get(attempt.outcome)
    if attempt.image_received:
        return LadderLevel.HANDS_OUT_IMAGES
    if attempt.identity_seen:
        return LadderLevel.IDENTIFIES_PATIENTS
    if any(query.matches for query in attempt.queries.values()):  # a match is a match, however the C-FIND ended
        return LadderLevel.LISTS_STUDIES
    if any(query.outcome.is_success for query in attempt.queries.values()):
        return LadderLevel.QUERYABLE
    return LadderLevel.ASSOCIATES


def dimse_checks(stranger: StrangerResult, level: LadderLevel | None) -> dict[Check, bool | None]:
    """The single facts beside the ladder; None for what is not known."""
    accepted = [attempt for attempt in stranger.attempts if attempt.outcome is Outcome.SUCCESS]
    asked = next((attempt for attempt in accepted if attempt.services), None)
    # An open port that is silent proves nothing about what it serves.
    kept_out = level in (LadderLevel.CLOSED, LadderLevel.REFUSES_STRANGERS)
    return {
        Check.CALLING_AE_TITLE_UNCHECKED: _calling_unchecked(stranger.attempts),
        Check.CALLED_AE_TITLE_UNCHECKED: _called_unchecked(stranger.attempts),
        Check.PLAINTEXT_ACCEPTED: _plaintext_accepted(stranger.attempts),
        Check.TLS_BELOW_PROFILE: _tls_below_profile(stranger),
        Check.WORKLIST_QUERYABLE: False if kept_out else _worklist_queryable(asked),
        Check.RETRIEVE_NEGOTIABLE: False if kept_out else _negotiable(asked, Service.STUDY_GET, Service.STUDY_MOVE),
        Check.STORE_NEGOTIABLE: False if kept_out else _negotiable(asked, Service.STORAGE),
    }


def _calling_unchecked(attempts: Iterable[Attempt]) -> bool | None:
    """A random calling title was accepted, or refused as such. RJ 1/1/7 says nothing of it: dcm4che looks there
    first.
    """
    attempts = list(attempts)
    if any(attempt.outcome is Outcome.SUCCESS for attempt in attempts):
        return True
    calling_unknown = any(_reason(attempt) is RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED for attempt in attempts)
    return False if calling_unknown else None


def _called_unchecked(attempts: Sequence[Attempt]) -> bool | None:
    """A random called title was accepted; or refused where the configured one fared better, which proves the check.

    Where both are refused as unknown called titles it is no proof: dcmqrscp says that to a stranger, too.
    """
    random = next((attempt for attempt in attempts if attempt.called is Called.RANDOM), None)
    if random is None:
        return None
    if random.outcome is Outcome.SUCCESS:
        return True
    others = [attempt for attempt in attempts if attempt is not random]
    if any(other.outcome is Outcome.SUCCESS for other in others):
        return False if random.outcome in (Outcome.REJECTED, Outcome.ABORTED) else None
    called_unknown = _reason(random) is RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
    calling_unknown = any(_reason(other) is RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED for other in others)
    return False if called_unknown and calling_unknown else None


def _plaintext_accepted(attempts: Sequence[Attempt]) -> bool | None:
    if any(attempt.outcome in _SPOKE_DICOM and not attempt.over_tls for attempt in attempts):
        return True
    spoke_tls = any(attempt.over_tls and attempt.tls is not None for attempt in attempts)
    return False if spoke_tls else None


def _tls_below_profile(stranger: StrangerResult) -> bool | None:
    """PS3.15 B.12: TLS 1.2 at least, and no cipher that BCP 195 forbids."""
    if stranger.obsolete_tls_accepted:
        return True
    facts = [attempt.tls for attempt in stranger.attempts if attempt.tls is not None]
    if any(tls.version in _OBSOLETE_TLS or any(part in (tls.cipher or "") for part in _WEAK_CIPHERS) for tls in facts):
        return True
    return False if stranger.obsolete_tls_accepted is False and any(tls.version for tls in facts) else None


def _worklist_queryable(asked: Attempt | None) -> bool | None:
    worklist = asked.queries.get("worklist") if asked is not None else None
    if worklist is None:
        return None
    if worklist.outcome.is_success or worklist.matches:
        return True
    return False if worklist.outcome in _DENIALS else None


def _negotiable(asked: Attempt | None, *services: Service) -> bool | None:
    offered = [asked.services[service] for service in services if service in asked.services] if asked else []
    return any(offered) if offered else None


def web_level(results: Iterable[WebResult]) -> LadderLevel | None:
    """The furthest step over some URLs; None where one said nothing and no other lists or answers anything."""
    levels = [_web_level(result) for result in results]
    known = [level for level in levels if level is not None]
    if not known or (None in levels and max(known) < LadderLevel.QUERYABLE):
        return None
    return max(known)


def _web_level(result: WebResult) -> LadderLevel | None:
    if result.image_received:
        return LadderLevel.HANDS_OUT_IMAGES
    if result.identity_seen:
        return LadderLevel.IDENTIFIES_PATIENTS
    if result.lists_studies:
        return LadderLevel.LISTS_STUDIES
    return LadderLevel.QUERYABLE if result.queryable else _WEB_LEVELS[result.answer]


def _http_without_tls(pages: Iterable[WebResult]) -> bool | None:
    spoken = [page for page in pages if page.answer in _HTTP_SPOKEN]
    return any(not page.over_tls for page in spoken) if spoken else None


def _reason(attempt: Attempt) -> RejectReason | None:
    return attempt.rejection.reason if attempt.rejection is not None else None
