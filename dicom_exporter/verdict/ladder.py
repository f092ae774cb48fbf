"""The exposure ladder: what a stranger got, in one number per service. A pure function of what the probes found.

```
0 closed   1 open port   2 refuses strangers   3 associates   4 queryable   5 lists studies   6 identifies   7 hands out

attempts, web results ─> evidence: what was proved, what is in doubt, and how far that could have got ─> Verdict
```

A level is known if it was proved, and nothing that ended by our doing, or by the moment, could have brought more.
Only the peer shows that a stranger gets no further: by refusing, rejecting, 401, or the status of a query. The rest is
a doubt with a reason (`UnknownReason`): a name that does not resolve, a busy peer, silence until our deadline, a
question that was never put. Unknown is not safe; what was proved all the same is `Verdict.at_least`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from dicom_exporter.enums import (
    Called,
    Check,
    Expect,
    LadderLevel,
    LadderService,
    Outcome,
    Phase,
    QueryOutcome,
    RejectReason,
    SecureProfile,
    Service,
    TLSFailure,
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.results import Attempt, CertificateKey, SessionResult, StrangerResult, TLSFacts, WebResult
from dicom_exporter.verdict.tls_profile import OBSOLETE, Kept, judge_posture, together

_ALLOWED: Final[Mapping[Expect, LadderLevel]] = {
    Expect.CLOSED: LadderLevel.CLOSED,
    Expect.GUARDED: LadderLevel.REFUSES_STRANGERS,
    Expect.CONTROL: LadderLevel.HANDS_OUT_IMAGES,
}
_ENDED: Final[Mapping[Outcome, tuple[LadderLevel | None, UnknownReason | None]]] = {
    Outcome.REFUSED: (LadderLevel.CLOSED, None),
    Outcome.CONNECT_TIMEOUT: (LadderLevel.CLOSED, None),
    Outcome.CLOSED: (LadderLevel.OPEN_PORT, None),
    Outcome.NOT_DICOM: (LadderLevel.OPEN_PORT, None),
    Outcome.REJECTED: (LadderLevel.REFUSES_STRANGERS, None),
    Outcome.ABORTED: (LadderLevel.REFUSES_STRANGERS, None),
    Outcome.NOT_OFFERED: (LadderLevel.ASSOCIATES, None),
    Outcome.FAILURE_STATUS: (LadderLevel.ASSOCIATES, None),
    Outcome.SUCCESS: (LadderLevel.ASSOCIATES, None),
    Outcome.NO_ANSWER: (LadderLevel.OPEN_PORT, UnknownReason.TIMEOUT),
    Outcome.PROTOCOL_ERROR: (LadderLevel.OPEN_PORT, UnknownReason.UNREADABLE),
    Outcome.TLS_FAILURE: (LadderLevel.OPEN_PORT, UnknownReason.TLS_HANDSHAKE),
    Outcome.BUSY: (LadderLevel.OPEN_PORT, UnknownReason.BUSY),
    Outcome.OVERLOAD: (None, UnknownReason.OVERLOAD),
    Outcome.DNS_FAILURE: (None, UnknownReason.DNS_FAILURE),
    Outcome.UNREACHABLE: (None, UnknownReason.UNREACHABLE),
    Outcome.PROXY_FAILURE: (None, UnknownReason.VANTAGE),
}
"""What an attempt proves by its outcome, and what is in doubt because it ended so."""
_QUERY_DOUBTS: Final[Mapping[QueryOutcome, UnknownReason]] = {
    QueryOutcome.TIMEOUT: UnknownReason.TIMEOUT,
    QueryOutcome.OVERLOAD: UnknownReason.OVERLOAD,
    QueryOutcome.NO_ASSOCIATION: UnknownReason.NOT_ASKED,
    QueryOutcome.PROTOCOL_ERROR: UnknownReason.UNREADABLE,
}
"""Queries that ended by our doing. Every other outcome is an answer, or the peer's refusal by a status or an abort."""
_RANDOM_UID: Final = "random_uid"
"""The query for a study that cannot exist: it proves no more than that queries are answered."""
_FINER: Final[Mapping[UnknownReason, frozenset[UnknownReason]]] = {
    UnknownReason.UNREADABLE: frozenset({UnknownReason.LIMIT}),
    UnknownReason.UNREACHABLE: frozenset({UnknownReason.IP_VERSION}),
    UnknownReason.VANTAGE: frozenset({UnknownReason.VANTAGE_REFUSED, UnknownReason.VANTAGE_UNREACHABLE}),
}
"""Reason by an outcome alone -> those that say it better, if the attempt has noted one."""
_NO_DOUBTS: Final[frozenset[UnknownReason]] = frozenset()
_NOT_CONNECTED: Final = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE, Outcome.DNS_FAILURE})
_SPOKE_DICOM: Final = frozenset({Outcome.SUCCESS, Outcome.REJECTED, Outcome.BUSY, Outcome.ABORTED})
_DENIALS: Final = frozenset({QueryOutcome.REFUSED, QueryOutcome.UNSUPPORTED, QueryOutcome.ABORTED})
_WEAK_CIPHERS: Final = ("NULL", "RC4", "EXP", "DES-", "MD5", "ADH", "AECDH")
"""Parts of OpenSSL's names of ciphers that RFC 9325 4.1 forbids."""
_NOT_ABOUT_TLS: Final = frozenset({None, TLSFailure.NOT_TLS, TLSFailure.OTHER})
"""Failures of a handshake that do not show that the peer speaks TLS."""
_KEPT_OUT: Final = (LadderLevel.CLOSED, LadderLevel.REFUSES_STRANGERS)
"""Levels with which nothing is on offer. An open port that is silent proves nothing about what it serves."""
_HTTP_SPOKEN: Final = frozenset({WebAnswer.ENTRIES, WebAnswer.EMPTY, WebAnswer.DENIED, WebAnswer.OTHER})
_WEB_LEVELS: Final[Mapping[WebAnswer, LadderLevel | None]] = {
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
    at_least: Mapping[LadderService, LadderLevel] = field(default_factory=dict)
    """What was proved, whether or not more is possible: the level if that is known; without services of which
    nothing was proved. That one address is closed proves nothing while another is in doubt."""
    reasons: Mapping[LadderService, tuple[UnknownReason, ...]] = field(default_factory=dict)
    """Why the level is not known, sorted by name; empty if it is known."""
    profiles: Mapping[LadderService, Mapping[SecureProfile, Kept]] = field(default_factory=dict)
    """How the TLS of each service stands to the profiles of PS3.15, where it was tried."""


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What one attempt, web result or step says about a service."""

    proved: LadderLevel | None
    doubts: frozenset[UnknownReason] = _NO_DOUBTS
    reach: LadderLevel = LadderLevel.LISTS_STUDIES
    """The furthest level that could have been proved without the doubts."""


def allowed_level(expect: Expect) -> LadderLevel | None:
    """The highest level that `expect` allows; None if nothing is said of strangers."""
    return _ALLOWED.get(expect)


def highest(prove: Collection[LadderLevel]) -> LadderLevel:
    """The highest level that is looked for, if `prove` are the steps above 5 that the configuration asks for."""
    return max(prove, default=LadderLevel.LISTS_STUDIES)


def judge(sessions: Sequence[SessionResult]) -> Verdict | None:
    """The verdict over what strangers found on one target; None if no session was a stranger's."""
    strangers = [session for session in sessions if session.stranger is not None]
    if not strangers:
        return None
    if len(strangers) == 1 and (outcome := _not_connected(strangers[0])) is not None:
        return _verdict_unconnected(outcome)
    return _verdict(strangers)


def _verdict(strangers: Sequence[SessionResult]) -> Verdict:
    evidence: dict[LadderService, list[_Evidence]] = {}
    for session in strangers:
        assert session.stranger is not None
        evidence.setdefault(LadderService.DIMSE, []).extend(_dimse_evidence(session.stranger, session.prove))
        if session.dicomweb is not None:
            evidence.setdefault(LadderService.DICOMWEB, []).extend(_web_evidence(session.dicomweb, session.prove))
        for page in session.web:
            evidence.setdefault(LadderService.WEB, []).extend(_web_evidence(page, frozenset()))
    levels: dict[LadderService, LadderLevel | None] = {}
    at_least: dict[LadderService, LadderLevel] = {}
    reasons: dict[LadderService, tuple[UnknownReason, ...]] = {}
    for service, found in evidence.items():
        proved, reasons[service] = _conclude(found)
        levels[service] = None if reasons[service] else proved
        if proved is not None and (proved > LadderLevel.CLOSED or not reasons[service]):
            at_least[service] = proved
    checks: dict[Check, bool | None] = {}
    for session in strangers:
        assert session.stranger is not None
        checks |= _dimse_checks(session.stranger, levels[LadderService.DIMSE])
        if session.surface:
            kept_out = levels[LadderService.DIMSE] in _KEPT_OUT
            checks[Check.RETRIEVE_AUTHORISED] = (
                False if kept_out else _any(attempt.retrieve_authorised for attempt in session.stranger.attempts)
            )
        if session.dicomweb is not None:
            checks[Check.STOW_OFFERED] = session.dicomweb.stow_offered
            checks[Check.CORS_WITH_CREDENTIALS] = session.dicomweb.cors_with_credentials
        pages = [*([session.dicomweb] if session.dicomweb is not None else []), *session.web]
        checks[Check.HTTP_WITHOUT_TLS] = _http_without_tls(pages)
    profiles = _profiles(strangers)
    below = _below(profiles, SecureProfile.BCP195)
    checks[Check.TLS_BELOW_PROFILE] = _below_as_met(strangers) or below
    checks[Check.TLS_BELOW_MODIFIED_PROFILE] = _below(profiles, SecureProfile.MODIFIED)
    known = {name: holds for name, holds in checks.items() if holds is not None}
    return Verdict(levels, known, at_least, reasons, profiles)


def _not_connected(session: SessionResult) -> Outcome | None:
    """The outcome of a stranger's only attempt if that made no connection, and nothing else is in doubt; else
    None.
    """
    stranger = session.stranger
    if stranger is None or stranger.doubts or session.dicomweb is not None or session.web:
        return None
    if session.surface or session.tls_postures:
        return None
    if len(stranger.attempts) != 1 or stranger.attempts[0].doubts or stranger.attempts[0].tls is not None:
        return None
    outcome = stranger.attempts[0].outcome
    return outcome if outcome in _NOT_CONNECTED else None


@cache
def _verdict_unconnected(outcome: Outcome) -> Verdict:
    """The verdict if the only attempt made no connection. Most closed targets have it, so that all share one object.

    Without that, 10,000 closed targets take a third more time to judge and to encode, and 8 MB more in the history.
    """
    return _verdict([SessionResult("", None, stranger=StrangerResult((Attempt(outcome),)))])


def _conclude(evidence: Sequence[_Evidence]) -> tuple[LadderLevel | None, tuple[UnknownReason, ...]]:
    """What was proved, and what could have raised it: the reasons are empty where the level is known."""
    proved = _furthest(evidence)
    doubts = {reason for each in evidence for reason in each.doubts if proved is None or each.reach > proved}
    if proved is None and not doubts:
        doubts.add(UnknownReason.NOT_ASKED)
    return proved, tuple(sorted(doubts))


def _furthest(evidence: Iterable[_Evidence]) -> LadderLevel | None:
    return max((each.proved for each in evidence if each.proved is not None), default=None)


def _dimse_evidence(stranger: StrangerResult, prove: frozenset[LadderLevel]) -> list[_Evidence]:
    """What the attempts of a stranger say. `prove` are the steps above 5 that the configuration asks for."""
    attempts = stranger.attempts
    evidence = [_attempt_evidence(attempt) for attempt in attempts]
    if stranger.doubts or not attempts:  # without an attempt, there was no time for one
        doubts = stranger.doubts or frozenset({UnknownReason.OVERLOAD})
        evidence.append(_Evidence(None, doubts, highest(prove)))
    accepted = [attempt for attempt in attempts if attempt.outcome is Outcome.SUCCESS]
    if accepted and all(_asks_nothing(attempt) for attempt in accepted):
        # Only under a called title that nobody put questions to.
        evidence.append(_Evidence(None, frozenset({UnknownReason.NOT_ASKED})))
    determined = {
        LadderLevel.IDENTIFIES_PATIENTS: any(attempt.identity_seen is not None for attempt in accepted),
        LadderLevel.HANDS_OUT_IMAGES: any(attempt.image_received is not None for attempt in accepted),
    }
    doubts = frozenset(reason for attempt in accepted for reason in attempt.doubts)
    return [*evidence, *_steps_in_doubt(evidence, prove, determined, doubts)]


def _steps_in_doubt(
    evidence: Sequence[_Evidence],
    prove: frozenset[LadderLevel],
    determined: Mapping[LadderLevel, bool],
    doubts: frozenset[UnknownReason],
) -> Iterator[_Evidence]:
    """The steps above 5 that were asked for and that were not determined: whether a stranger gets there is not known.

    Where studies are not listed, nobody gets to those steps.
    """
    if (_furthest(evidence) or LadderLevel.CLOSED) < LadderLevel.LISTS_STUDIES:
        return
    for step in prove:
        if not determined[step]:
            yield _Evidence(None, doubts or frozenset({UnknownReason.NOT_ASKED}), step)


def _asks_nothing(attempt: Attempt) -> bool:
    """Whether it only shows if the called title is checked: such an attempt proves level 3 at the most."""
    return attempt.called is Called.RANDOM and not attempt.queries


def _attempt_evidence(attempt: Attempt) -> _Evidence:
    """What one association proved, and what is in doubt about it."""
    reach = LadderLevel.ASSOCIATES if _asks_nothing(attempt) else LadderLevel.LISTS_STUDIES
    if attempt.outcome is Outcome.SUCCESS:
        level = _accepted_level(attempt)
        doubts = {
            _QUERY_DOUBTS[result.outcome]
            for name, result in attempt.queries.items()
            if result.outcome in _QUERY_DOUBTS and (name != _RANDOM_UID or level < LadderLevel.QUERYABLE)
        }
        return _Evidence(level, _doubts(attempt.doubts, doubts), reach)
    proved, doubt = _ENDED[attempt.outcome]
    if _demands_certificate(attempt.tls):
        return _Evidence(LadderLevel.REFUSES_STRANGERS, attempt.doubts, reach)
    if doubt is UnknownReason.TLS_HANDSHAKE and attempt.tls is not None and attempt.tls.failure is TLSFailure.NOT_TLS:
        doubt = None
    return _Evidence(proved, _doubts(attempt.doubts, set() if doubt is None else {doubt}), reach)


def _doubts(noted: frozenset[UnknownReason], found: set[UnknownReason]) -> frozenset[UnknownReason]:
    """The doubts that an attempt `noted`, and those `found` by its outcomes."""
    return noted | {reason for reason in found if not noted & _FINER.get(reason, _NO_DOUBTS)}


def _accepted_level(attempt: Attempt) -> LadderLevel:
    """The step that one accepted association proved."""
    if attempt.image_received:
        return LadderLevel.HANDS_OUT_IMAGES
    if attempt.identity_seen:
        return LadderLevel.IDENTIFIES_PATIENTS
    if any(query.matches for query in attempt.queries.values()):  # a match is a match, however the C-FIND ended
        return LadderLevel.LISTS_STUDIES
    if any(query.outcome.is_success for query in attempt.queries.values()):
        return LadderLevel.QUERYABLE
    return LadderLevel.ASSOCIATES


def _demands_certificate(tls: TLSFacts | None) -> bool:
    if tls is None:
        return False
    return bool(tls.client_certificate_required) or tls.failure is TLSFailure.CERTIFICATE_DEMANDED


def _dimse_checks(stranger: StrangerResult, level: LadderLevel | None) -> dict[Check, bool | None]:
    """The single facts beside the ladder; None for what is not known."""
    accepted = [attempt for attempt in stranger.attempts if attempt.outcome is Outcome.SUCCESS]
    asked = next((attempt for attempt in accepted if attempt.services), None)
    kept_out = level in _KEPT_OUT
    return {
        Check.CALLING_AE_TITLE_UNCHECKED: _calling_unchecked(stranger.attempts),
        Check.CALLED_AE_TITLE_UNCHECKED: _called_unchecked(stranger.attempts),
        Check.PLAINTEXT_ACCEPTED: _plaintext_accepted(stranger.attempts),
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
    """A random called title was accepted; or refused if the configured one fared better, which proves the check.

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
    """An attempt without TLS was answered in DICOM; or all of them ended by the peer's doing, and it speaks TLS."""
    plain = [attempt for attempt in attempts if not attempt.over_tls]
    if any(attempt.outcome in _SPOKE_DICOM for attempt in plain):
        return True
    spoke_tls = any(attempt.over_tls and _spoke_tls(attempt.tls) for attempt in attempts)
    return False if spoke_tls and not any(_attempt_evidence(attempt).doubts for attempt in plain) else None


def _spoke_tls(tls: TLSFacts | None) -> bool:
    if tls is None:
        return False
    return tls.version is not None or _demands_certificate(tls) or tls.failure not in _NOT_ABOUT_TLS


def _profiles(strangers: Sequence[SessionResult]) -> dict[LadderService, dict[SecureProfile, Kept]]:
    """How the servers of each service stand to the profiles, as far as that was tried."""
    found: dict[LadderService, list[dict[SecureProfile, Kept]]] = {}
    for session in strangers:
        for service, postures in session.tls_postures.items():
            shown = _shown_certificate(session, service) if len(postures) == 1 else None
            found.setdefault(service, []).extend(judge_posture(posture, shown) for posture in postures)
    return {
        service: {profile: together([each[profile] for each in judged]) for profile in SecureProfile}
        for service, judged in found.items()
    }


def _shown_certificate(session: SessionResult, service: LadderService) -> CertificateKey | None:
    """The certificate that a stranger's handshake with the only server of a service has shown."""
    facts = [page.tls for page in session.web]
    if service is LadderService.DICOMWEB:
        facts = [None if session.dicomweb is None else session.dicomweb.tls]
    elif service is LadderService.DIMSE and session.stranger is not None:
        facts = [attempt.tls for attempt in session.stranger.attempts]
    return next((tls.certificate for tls in facts if tls is not None and tls.certificate is not None), None)


def _below(profiles: Mapping[LadderService, Mapping[SecureProfile, Kept]], profile: SecureProfile) -> bool | None:
    """Whether the TLS of any service is below `profile`; None if that is not known, or none speaks TLS."""
    kept = [judged[profile].value for judged in profiles.values()]
    if False in kept:
        return True
    return None if None in kept or not kept else False


def _below_as_met(strangers: Sequence[SessionResult]) -> bool | None:
    """True if a stranger's own handshakes went below PS3.15 B.12. They never show that nobody's can."""
    for stranger in (session.stranger for session in strangers if session.stranger is not None):
        facts = [attempt.tls for attempt in stranger.attempts if attempt.tls is not None]
        weak = any(part in (tls.cipher or "") for tls in facts for part in _WEAK_CIPHERS)
        if stranger.obsolete_tls_accepted or weak or any(tls.version in OBSOLETE for tls in facts):
            return True
    return None


def _worklist_queryable(asked: Attempt | None) -> bool | None:
    worklist = asked.queries.get("worklist") if asked is not None else None
    if worklist is None:
        return None
    if worklist.outcome.is_success or worklist.matches:
        return True
    return False if worklist.outcome in _DENIALS else None


def _negotiable(asked: Attempt | None, *services: Service) -> bool | None:
    return _any(asked.services.get(service) for service in services) if asked else None


def _any(facts: Iterable[bool | None]) -> bool | None:
    """Whether one of `facts` is true; None if none is known."""
    known = [fact for fact in facts if fact is not None]
    return any(known) if known else None


def _web_evidence(result: WebResult, prove: frozenset[LadderLevel]) -> list[_Evidence]:
    """What one URL says. `prove` are the steps above 5 that the configuration asks for."""
    doubts = result.doubts
    if result.answer is WebAnswer.UNKNOWN and not doubts:
        doubts = frozenset({UnknownReason.TIMEOUT if Phase.CONNECT in result.phases else UnknownReason.OVERLOAD})
    if result.answer is WebAnswer.NOT_HTTP and _handshake_failed(result.tls):
        doubts |= {UnknownReason.TLS_HANDSHAKE}
    evidence = [_Evidence(_web_level(result), doubts)]
    determined = {
        LadderLevel.IDENTIFIES_PATIENTS: result.identity_seen is not None,
        LadderLevel.HANDS_OUT_IMAGES: result.image_received is not None,
    }
    return [*evidence, *_steps_in_doubt(evidence, prove, determined, doubts)]


def _handshake_failed(tls: TLSFacts | None) -> bool:
    """Whether a TLS handshake failed in a way that another client might not meet."""
    failure = tls.failure if tls is not None else None
    return failure not in (None, TLSFailure.NOT_TLS, TLSFailure.CERTIFICATE_DEMANDED)


def _web_level(result: WebResult) -> LadderLevel | None:
    if result.image_received:
        return LadderLevel.HANDS_OUT_IMAGES
    if result.identity_seen:
        return LadderLevel.IDENTIFIES_PATIENTS
    if result.lists_studies:
        return LadderLevel.LISTS_STUDIES
    if result.queryable:
        return LadderLevel.QUERYABLE
    if result.answer is WebAnswer.UNKNOWN and result.status is not None:
        return LadderLevel.OPEN_PORT  # HTTP was spoken, and more is not known
    return _WEB_LEVELS[result.answer]


def _http_without_tls(pages: Sequence[WebResult]) -> bool | None:
    spoken = [page for page in pages if page.answer in _HTTP_SPOKEN]
    if any(not page.over_tls for page in spoken):
        return True
    unknown = any(page.answer is WebAnswer.UNKNOWN for page in pages)
    return False if spoken and not unknown else None


def _reason(attempt: Attempt) -> RejectReason | None:
    return attempt.rejection.reason if attempt.rejection is not None else None
