"""The exposure ladder: what a stranger got, in one number per service. A pure function of what the probes found.

```
0 closed   1 open port   2 refuses strangers   3 associates   4 queryable   5 lists studies   6 identifies   7 hands out
```

A level is proved by something that happened. What could not be told has no level: a DNS failure, no route, a busy
peer or our own overload say nothing about who else gets in, and unknown is not safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from dicom_exporter.results import (
    Attempt,
    Called,
    Outcome,
    QueryOutcome,
    Service,
    SessionResult,
    StrangerResult,
    WebAnswer,
    WebResult,
)

CLOSED: Final = 0
OPEN_PORT: Final = 1
REFUSES_STRANGERS: Final = 2
ASSOCIATES: Final = 3
QUERYABLE: Final = 4
LISTS_STUDIES: Final = 5
IDENTIFIES_PATIENTS: Final = 6
HANDS_OUT_IMAGES: Final = 7

_ALLOWED = {"closed": CLOSED, "guarded": REFUSES_STRANGERS, "control": HANDS_OUT_IMAGES}
_ENDED: Mapping[Outcome, int | None] = {
    Outcome.REFUSED: CLOSED,
    Outcome.CONNECT_TIMEOUT: CLOSED,
    Outcome.CLOSED: OPEN_PORT,
    Outcome.NO_ANSWER: OPEN_PORT,
    Outcome.NOT_DICOM: OPEN_PORT,
    Outcome.PROTOCOL_ERROR: OPEN_PORT,
    Outcome.TLS_FAILURE: OPEN_PORT,
    Outcome.REJECTED: REFUSES_STRANGERS,
    Outcome.ABORTED: REFUSES_STRANGERS,
}
"""Level of an attempt that was not accepted. What is not here tells nothing: busy, overload, no name, no route."""
_NOT_CONNECTED = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE, Outcome.DNS_FAILURE})
_SPOKE_DICOM = frozenset({Outcome.SUCCESS, Outcome.REJECTED, Outcome.BUSY, Outcome.ABORTED})
_DENIALS = frozenset({QueryOutcome.REFUSED, QueryOutcome.UNSUPPORTED, QueryOutcome.ABORTED})
_CALLING_UNKNOWN = "calling-ae-title-not-recognized"
_CALLED_UNKNOWN = "called-ae-title-not-recognized"
_OBSOLETE_TLS = frozenset({"SSLv2", "SSLv3", "TLSv1", "TLSv1.1"})
_WEAK_CIPHERS = ("NULL", "RC4", "EXP", "DES-", "MD5", "ADH", "AECDH")
"""Parts of OpenSSL's names of ciphers that RFC 9325 4.1 forbids."""
_HTTP_SPOKEN = frozenset({WebAnswer.ENTRIES, WebAnswer.EMPTY, WebAnswer.DENIED, WebAnswer.OTHER})
_WEB_LEVELS: Mapping[WebAnswer, int | None] = {
    WebAnswer.ENTRIES: QUERYABLE,
    WebAnswer.EMPTY: QUERYABLE,
    WebAnswer.DENIED: REFUSES_STRANGERS,
    WebAnswer.OTHER: OPEN_PORT,
    WebAnswer.NOT_HTTP: OPEN_PORT,
    WebAnswer.CLOSED: CLOSED,
    WebAnswer.UNKNOWN: None,
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How far a stranger got."""

    levels: Mapping[str, int | None]
    """service (``dimse``, ``dicomweb``, ``web``) -> level; None where it could not be told."""
    checks: Mapping[str, bool]
    """check -> whether it holds; without those that could not be told."""


def allowed_level(expect: str) -> int | None:
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
    levels: dict[str, int | None] = {}
    checks: dict[str, bool | None] = {}
    for session in strangers:
        assert session.stranger is not None
        levels["dimse"] = dimse_level(session.stranger)
        checks |= dimse_checks(session.stranger, levels["dimse"])
        if session.dicomweb is not None:
            levels["dicomweb"] = web_level([session.dicomweb])
        if session.web:
            levels["web"] = web_level(session.web)
        pages = [*([session.dicomweb] if session.dicomweb is not None else []), *session.web]
        checks["http_without_tls"] = _http_without_tls(pages)
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


def dimse_level(stranger: StrangerResult) -> int | None:
    """The furthest step that any attempt proved; None where the first told nothing and no other got in."""
    levels = [attempt_level(attempt) for attempt in stranger.attempts]
    known = [level for level in levels if level is not None]
    if not known or (levels[0] is None and max(known) < ASSOCIATES):
        return None
    return max(known)


def attempt_level(attempt: Attempt) -> int | None:
    """The step that one association proved."""
    if attempt.outcome is not Outcome.SUCCESS:
        if attempt.tls is not None and attempt.tls.client_certificate_required:
            return REFUSES_STRANGERS
        return _ENDED.get(attempt.outcome)
    if attempt.image_received:
        return HANDS_OUT_IMAGES
    if attempt.identity_seen:
        return IDENTIFIES_PATIENTS
    if any(query.matches for query in attempt.queries.values()):  # a match is a match, however the C-FIND ended
        return LISTS_STUDIES
    if any(query.outcome.is_success for query in attempt.queries.values()):
        return QUERYABLE
    return ASSOCIATES


def dimse_checks(stranger: StrangerResult, level: int | None) -> dict[str, bool | None]:
    """The single facts beside the ladder; None for what could not be told."""
    accepted = [attempt for attempt in stranger.attempts if attempt.outcome is Outcome.SUCCESS]
    asked = next((attempt for attempt in accepted if attempt.services), None)
    kept_out = level in (CLOSED, REFUSES_STRANGERS)  # an open port that is silent proves nothing of what it serves
    return {
        "calling_ae_title_unchecked": _calling_unchecked(stranger.attempts),
        "called_ae_title_unchecked": _called_unchecked(stranger.attempts),
        "plaintext_accepted": _plaintext_accepted(stranger.attempts),
        "tls_below_profile": _tls_below_profile(stranger),
        "worklist_queryable": False if kept_out else _worklist_queryable(asked),
        "retrieve_negotiable": False if kept_out else _negotiable(asked, Service.STUDY_GET, Service.STUDY_MOVE),
        "store_negotiable": False if kept_out else _negotiable(asked, Service.STORAGE),
    }


def _calling_unchecked(attempts: Iterable[Attempt]) -> bool | None:
    """A random calling title was accepted, or refused as such. RJ 1/1/7 says nothing of it: dcm4che looks there
    first.
    """
    attempts = list(attempts)
    if any(attempt.outcome is Outcome.SUCCESS for attempt in attempts):
        return True
    return False if any(_reason(attempt) == _CALLING_UNKNOWN for attempt in attempts) else None


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
    told_apart = _reason(random) == _CALLED_UNKNOWN and any(_reason(other) == _CALLING_UNKNOWN for other in others)
    return False if told_apart else None


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


def web_level(results: Iterable[WebResult]) -> int | None:
    """The furthest step over some URLs; None where one told nothing and no other lists or answers anything."""
    levels = [_web_level(result) for result in results]
    known = [level for level in levels if level is not None]
    if not known or (None in levels and max(known) < QUERYABLE):
        return None
    return max(known)


def _web_level(result: WebResult) -> int | None:
    if result.image_received:
        return HANDS_OUT_IMAGES
    if result.identity_seen:
        return IDENTIFIES_PATIENTS
    if result.lists_studies:
        return LISTS_STUDIES
    return QUERYABLE if result.queryable else _WEB_LEVELS[result.answer]


def _http_without_tls(pages: Iterable[WebResult]) -> bool | None:
    spoken = [page for page in pages if page.answer in _HTTP_SPOKEN]
    return any(not page.over_tls for page in spoken) if spoken else None


def _reason(attempt: Attempt) -> str | None:
    return attempt.rejection.reason if attempt.rejection is not None else None
