"""What is wrong with a target, found once, when its probe ends: pure functions of the results.

```
sessions ─┬─ judge ──> verdict ─┐
          └─────────────────────┴─ find ──> findings, worst first ── status_of ──> status
```

Metrics, pages, report, log and exit codes read the findings; none of them judges again. The alert rules judge over
time, in Prometheus, by the same outcomes: each finding names the alert that fires while it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from dicom_exporter.config import Expect, Target
from dicom_exporter.enums import LadderLevel, Outcome, QueryOutcome, StoreOutcome, WebAnswer
from dicom_exporter.results import SessionResult, StoreResult, WebResult
from dicom_exporter.verdict import texts
from dicom_exporter.verdict.ladder import Verdict, allowed_level, judge


class Status(StrEnum):
    """A target in one word, in order of severity: the worst first."""

    EXPOSED = "exposed"
    """A stranger gets further than `expect` allows."""
    DOWN = "down"
    """It must answer us, and does not."""
    BLIND = "blind"
    """A control target, known to be open, reads closed: what else reads closed from this vantage proves nothing."""
    UNKNOWN = "unknown"
    """It could not be determined, and unknown is not safe."""
    DEGRADED = "degraded"
    """It answers, and refuses us, is busy, or does not do everything that it was asked."""
    NEVER_PROBED = "never_probed"
    """It was not probed since the exporter started."""
    OK = "ok"


class Kind(StrEnum):
    """The kind of a finding, in order of severity: the worst first. The values are those of the report."""

    EXPOSED = "exposed"
    DOWN = "down"
    BLIND = "vantage blind"
    UNKNOWN = "unknown"
    REFUSES_US = "refuses us"
    """It runs, and does not accept us: it is not down."""
    BUSY = "busy"
    """It has no room for another association now."""
    TROUBLE = "trouble"
    """It answers, and does not do everything that it was asked."""

    @property
    def status(self) -> Status:
        """The status of a target of which this is the worst finding."""
        return _STATUS[self]

    @property
    def word(self) -> str:
        """What a person calls it, within a sentence."""
        return _WORDS.get(self, self.value)

    @property
    def could_not_tell(self) -> bool:
        """Whether it says something about the exporter's own view rather than about the target."""
        return self in (Kind.BLIND, Kind.UNKNOWN)


_WORDS: Final[Mapping[Kind, str]] = {Kind.BLIND: "blind", Kind.REFUSES_US: "rejects monitor"}
_STATUS: Final[Mapping[Kind, Status]] = {
    Kind.EXPOSED: Status.EXPOSED,
    Kind.DOWN: Status.DOWN,
    Kind.BLIND: Status.BLIND,
    Kind.UNKNOWN: Status.UNKNOWN,
    Kind.REFUSES_US: Status.DEGRADED,
    Kind.BUSY: Status.DEGRADED,
    Kind.TROUBLE: Status.DEGRADED,
}
BADNESS: Final[Mapping[Kind, int]] = {
    Kind.EXPOSED: 10,
    Kind.DOWN: 6,
    Kind.BLIND: 5,
    Kind.UNKNOWN: 4,
    Kind.REFUSES_US: 3,
    Kind.BUSY: 2,
    Kind.TROUBLE: 1,
}
"""Kind of a finding -> how bad it is: the higher the worse, 0 if there is none. Exposed: plus the level, so 11 to 17.

The one order of badness: of findings, pages and report, and of the recorded series `dicom:status` of the dashboards.
"""

MUST_ANSWER: Final = frozenset({Expect.AVAILABLE, Expect.GUARDED})
"""Expectations under which a target has to answer us."""
_NEEDS_STRANGER: Final = frozenset({Expect.CLOSED, Expect.GUARDED, Expect.CONTROL})
"""Expectations that only a stranger's probe can confirm."""

_BY_OUTCOME: Final[Mapping[Outcome, Kind | None]] = {
    Outcome.SUCCESS: None,
    Outcome.REJECTED: Kind.REFUSES_US,
    Outcome.NOT_OFFERED: Kind.REFUSES_US,
    Outcome.BUSY: Kind.BUSY,
    Outcome.OVERLOAD: Kind.UNKNOWN,
    Outcome.PROXY_FAILURE: Kind.UNKNOWN,
}
"""What our own C-ECHO or association says of a target that must answer; every other outcome is DOWN."""
_BY_WEB_ANSWER: Final[Mapping[WebAnswer, Kind | None]] = {
    WebAnswer.ENTRIES: None,
    WebAnswer.EMPTY: None,
    WebAnswer.DENIED: Kind.REFUSES_US,
    WebAnswer.UNKNOWN: Kind.UNKNOWN,
}
"""The same for our own query over DICOMweb."""
_NOT_SENT: Final = frozenset({QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD})
"""Outcomes of a query that was never sent: the outcome of the association usually says why."""

_TARGET_ALERTS: Final[Mapping[Kind, str]] = {
    Kind.DOWN: "DicomTargetDown",
    Kind.REFUSES_US: "DicomTargetRefusesUs",
    Kind.BUSY: "DicomTargetBusy",
    Kind.UNKNOWN: "DicomTargetUnknown",
}
_STORE_ALERTS: Final[Mapping[StoreOutcome, str]] = {
    StoreOutcome.OUT_OF_RESOURCES: "DicomStoreOutOfResources",
    StoreOutcome.SOP_CLASS: "DicomStoreRefused",
    StoreOutcome.REFUSED: "DicomStoreRefused",
}
_NO_WEB_ALERT: Final = frozenset(
    {
        Outcome.NO_ANSWER,
        Outcome.CONNECT_TIMEOUT,
        Outcome.DNS_FAILURE,
        Outcome.UNREACHABLE,
        Outcome.OVERLOAD,
        Outcome.PROXY_FAILURE,
    }
)
"""Outcomes of the C-ECHO with which the alert DicomWebDown does not fire."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as the target's owner expects."""

    kind: Kind
    text: str
    """A sentence for a person, without the full stop at its end."""
    alert: str | None
    """Name of the alert that fires while this lasts, and of its runbook; None if there is none."""
    severity: int
    """Orders findings, and targets by their worst one: lower is worse, as it is minus its `BADNESS`."""
    identity: str | None = None
    """Whose session it was found in; None if it is about the target as a whole."""


def assess(target: Target, sessions: Sequence[SessionResult]) -> tuple[Verdict | None, tuple[Finding, ...]]:
    """Judge the `sessions` of a probe of `target`: the verdict on the exposure ladder, and what is wrong, worst first.

    The only caller of `judge`. The prober calls it once, when a probe ends; `ProbeRecord` carries the answer.
    """
    verdict = judge(sessions)
    return verdict, find(target, sessions, verdict)


def find(target: Target, sessions: Sequence[SessionResult], verdict: Verdict | None) -> tuple[Finding, ...]:
    """What of `sessions` is not as `target` expects, worst first; empty if everything is.

    `verdict` is the one over the strangers among `sessions`; None if there are none.
    """
    findings = [*_exposure(target, sessions, verdict)]
    if target.tls_profile is not None and verdict is not None:
        for service, judged in verdict.profiles.items():
            if broken := judged[target.tls_profile].broken:
                text = texts.below_profile(service, target.tls_profile, broken)
                findings.append(_finding(Kind.TROUBLE, text, "DicomTLSBelowProfile"))
    if target.expect in MUST_ANSWER:
        for session in sessions:
            if session.stranger is None:
                findings += _availability(session)
    if not sessions:
        findings.append(_finding(Kind.UNKNOWN, texts.NOTHING_FOUND, None))
    if target.seen_from is not None:
        findings = [replace(each, text=texts.seen_from(target.seen_from, each.text)) for each in findings]
    return tuple(sorted(findings, key=lambda finding: finding.severity)) if findings else ()


def availability_of(session: SessionResult) -> Kind | None:
    """What our own C-ECHO, or else our association, says of a target that must answer; None: it answers."""
    outcome = session.echo.outcome if session.echo is not None else session.association
    return kind_of_outcome(outcome) if outcome is not None else None


def kind_of_outcome(outcome: Outcome) -> Kind | None:
    """What the outcome of our own C-ECHO or association says of a target that must answer; None: it answers."""
    return _BY_OUTCOME.get(outcome, Kind.DOWN)


def status_of(findings: Sequence[Finding]) -> Status:
    """The status of a target that was probed, by its `findings`, worst first."""
    return findings[0].kind.status if findings else Status.OK


def _finding(kind: Kind, text: str, alert: str | None, identity: str | None = None, level: int = 0) -> Finding:
    return Finding(kind, text, alert, -BADNESS[kind] - level, identity)


def _exposure(target: Target, sessions: Sequence[SessionResult], verdict: Verdict | None) -> Iterator[Finding]:
    """What strangers got that they should not, or what could not be determined of it."""
    if verdict is None:
        if sessions and target.expect in _NEEDS_STRANGER:
            yield _finding(Kind.UNKNOWN, texts.NO_STRANGER, "DicomExposureUnknown")
        return
    strangers = [session for session in sessions if session.stranger is not None]
    identity = strangers[0].identity if len(strangers) == 1 else None
    if target.expect is Expect.CONTROL:
        yield from _control(verdict, identity)
        return
    allowed = allowed_level(target.expect)
    if allowed is None:
        return
    for service, level in verdict.levels.items():
        proved, reasons = verdict.at_least.get(service), verdict.reasons[service]
        if proved is not None and proved > allowed:  # also if it is not known whether a stranger gets further
            text = texts.exposed(service, proved, allowed, reasons)
            yield _finding(Kind.EXPOSED, text, _exposure_alert(proved), identity, proved)
        elif level is None:
            text = texts.exposure_unknown(service, reasons, proved)
            yield _finding(Kind.UNKNOWN, text, "DicomExposureUnknown", identity)


def _control(verdict: Verdict, identity: str | None) -> Iterator[Finding]:
    """What is wrong with a control target, which has to be open."""
    proved = max(verdict.at_least.values(), default=LadderLevel.CLOSED)
    if proved >= LadderLevel.ASSOCIATES:
        return
    if reasons := sorted({reason for found in verdict.reasons.values() for reason in found}):
        yield _finding(Kind.UNKNOWN, texts.control_unknown(reasons), "DicomExposureUnknown", identity)
    else:
        yield _finding(Kind.BLIND, texts.blind(proved), "DicomVantageBlind", identity)


def _exposure_alert(level: LadderLevel) -> str:
    if level >= LadderLevel.LISTS_STUDIES:
        return "DicomPatientDataListed"
    return "DicomExposed" if level >= LadderLevel.ASSOCIATES else "DicomExposedOpenPort"


def _availability(session: SessionResult) -> list[Finding]:
    """What one of our own identities did not get of a target that must answer.

    Where no C-ECHO was asked for, the outcome of the association decides, by the same table.
    """
    name = session.identity
    findings = []
    kind = availability_of(session)
    if kind is not None:
        findings.append(_finding(kind, texts.unreached(session), _TARGET_ALERTS[kind], name))
    for query, result in session.queries.items():
        if not result.outcome.is_success and result.outcome not in _NOT_SENT:
            findings.append(_finding(Kind.TROUBLE, texts.query_failed(query, result), "DicomQueryFailing", name))
    if not findings:  # nothing above says why a query was not sent
        for query, result in session.queries.items():
            if result.outcome is QueryOutcome.NO_ASSOCIATION:
                findings.append(_finding(Kind.TROUBLE, texts.query_failed(query, result), "DicomQueryFailing", name))
            elif result.outcome is QueryOutcome.OVERLOAD:
                findings.append(_finding(Kind.UNKNOWN, texts.query_failed(query, result), "DicomTargetUnknown", name))
    for query, result in session.queries.items():
        if late := [each.value for each in result.freshness if each.overdue]:
            findings.append(_finding(Kind.TROUBLE, texts.overdue(query, late), "DicomStudiesOverdue", name))
    if session.store is not None and not session.store.outcome.is_success:
        findings.append(_store(session.store, name))
    steps = () if session.canary is None else session.canary.steps
    failed = [texts.canary_failed(step) for step in steps if step.success is False]
    findings += [_finding(Kind.TROUBLE, text, "DicomCanaryFailing", name) for text in failed]
    if session.dicomweb is not None:
        findings += _dicomweb(session, session.dicomweb)
    return findings


def _store(store: StoreResult, identity: str) -> Finding:
    if store.outcome is StoreOutcome.OVERLOAD:
        return _finding(Kind.UNKNOWN, texts.store_failed(store), "DicomTargetUnknown", identity)
    alert = _STORE_ALERTS.get(store.outcome, "DicomStoreFailing")
    return _finding(Kind.TROUBLE, texts.store_failed(store), alert, identity)


def _dicomweb(session: SessionResult, web: WebResult) -> Iterator[Finding]:
    kind = _BY_WEB_ANSWER.get(web.answer, Kind.DOWN)
    if kind is not None:
        alert = "DicomWebRefusesUs" if kind is Kind.REFUSES_US else _web_down_alert(session)
        yield _finding(kind, texts.dicomweb_failed(web), alert, session.identity)


def _web_down_alert(session: SessionResult) -> str | None:
    """DicomWebDown, or the alert that leaves it out: the DICOM probe did not get through, or used up the time.

    None if it is the proxy of the vantage alone that failed.
    """
    if session.echo is not None and session.echo.outcome in _NO_WEB_ALERT:
        return _TARGET_ALERTS[_BY_OUTCOME.get(session.echo.outcome, Kind.DOWN) or Kind.DOWN]
    if session.duration is not None and session.timeout is not None and session.duration > 0.8 * session.timeout:
        return "DicomProbeCloseToTimeout"
    if session.dicomweb is not None and any(doubt.is_of_vantage for doubt in session.dicomweb.doubts):
        return None
    return "DicomWebDown"
