"""One target's line of the report: what was found there, and what of it is not as its owner expects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from dicom_exporter.config import Expect, Target
from dicom_exporter.report.counts import NOTHING, Count, instances, larger, matches
from dicom_exporter.results import (
    Check,
    LadderLevel,
    LadderService,
    Outcome,
    Phase,
    QueryOutcome,
    SessionResult,
    TargetResult,
    WebAnswer,
    WebResult,
)
from dicom_exporter.text import escaped
from dicom_exporter.verdict.findings import Standing, exceeding, of_echo, of_web
from dicom_exporter.verdict.ladder import Verdict, allowed_level, judge
from dicom_exporter.verdict.texts import LEVELS, OUTCOMES, QUERY_OUTCOMES, SERVICES

_MUST_ANSWER = (Expect.AVAILABLE, Expect.GUARDED)
_NO_CONNECTION = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT})
_TELLS_NOTHING = frozenset({Outcome.DNS_FAILURE, Outcome.UNREACHABLE, Outcome.OVERLOAD})
_WEB_ANSWERS: Mapping[WebAnswer, str] = {
    WebAnswer.DENIED: "it wants other credentials, or any",
    WebAnswer.OTHER: "what answers is not DICOMweb",
    WebAnswer.NOT_HTTP: "what answers is not HTTP",
    WebAnswer.CLOSED: "there is no connection",
    WebAnswer.UNKNOWN: "no name, no route, or no time",
}


class Kind(StrEnum):
    """What is wrong, the worst first."""

    EXPOSED = "exposed"
    """A stranger gets further than `expect` allows."""
    DOWN = "down"
    """It must answer us, and does not."""
    REFUSES_US = "refuses us"
    """It is there, and does not let us in: nobody says that it is down."""
    BUSY = "busy"
    """It has no room for us now."""
    TROUBLE = "trouble"
    """It answers, and does not do all that it was asked."""
    BLIND = "vantage blind"
    """A control reads closed: what else reads closed from here proves nothing."""
    UNKNOWN = "unknown"
    """It could not be told, and unknown is not safe."""

    @property
    def could_not_tell(self) -> bool:
        """Whether this says something about us rather than about the target."""
        return self in (Kind.BLIND, Kind.UNKNOWN)


AS_EXPECTED = "as expected"
_KINDS: Mapping[Standing, Kind] = {
    Standing.DOWN: Kind.DOWN,
    Standing.TROUBLED: Kind.REFUSES_US,
    Standing.UNKNOWN: Kind.UNKNOWN,
}
"""What a bad standing of our own C-ECHO, or query over DICOMweb, is in the report."""
_SAID_BY_THE_ECHO = (QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as expected, in one sentence."""

    kind: Kind
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """What was found on one target. What a stranger lists, and what we list, are different columns."""

    target: Target
    findings: tuple[Finding, ...] = ()
    """The worst first; empty where all is as expected."""
    echo: Outcome | None = None
    """How our own C-ECHO ended; None where none was asked for."""
    reachable: bool | None = None
    """Whether anything of it took a connection; None where it could not be told."""
    levels: Mapping[LadderService, LadderLevel | None] | None = None
    """How far a stranger got with each service; None where no stranger was sent."""
    studies: Count = NOTHING
    patients: Count = NOTHING
    images: Count = NOTHING
    """What a stranger was shown."""
    own_studies: Count = NOTHING
    own_images: Count = NOTHING
    """What we were shown."""
    checks: Mapping[Check, bool] | None = None
    """check -> whether it holds, which is bad; None where no stranger was sent."""
    product: str = ""
    version: str = ""
    """What it says of itself; empty where it said nothing."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The user's labels, whose values may be any text, made printable."""
        return {name: escaped(value) for name, value in self.target.labels.items()}

    @property
    def standing(self) -> str:
        """The worst finding's kind, or `AS_EXPECTED`."""
        return self.findings[0].kind.value if self.findings else AS_EXPECTED

    @property
    def allowed(self) -> LadderLevel | None:
        """The highest level that its owner allows; None where nothing is said of strangers."""
        return allowed_level(self.target.expect)

    @property
    def level(self) -> LadderLevel | None:
        """The furthest step that a stranger is known to have taken."""
        return max((level for level in (self.levels or {}).values() if level is not None), default=None)

    @property
    def fully_known(self) -> bool:
        """Whether it could be told of every service how far a stranger gets."""
        return self.levels is not None and None not in self.levels.values()

    @property
    def open_to_strangers(self) -> bool | None:
        """Whether a stranger gets an association, or an answer over HTTP. None: not known, or no stranger was sent."""
        if self.level is not None and self.level >= LadderLevel.ASSOCIATES:
            return True
        return False if self.fully_known else None

    @property
    def failed_checks(self) -> tuple[Check, ...]:
        """The checks that hold, which is bad."""
        return tuple(name for name, holds in (self.checks or {}).items() if holds)


def make_row(target: Target, result: TargetResult) -> Row:
    """Put together what all sessions found on `target`."""
    ours = [session for session in result.sessions if session.stranger is None]
    strangers = [session for session in result.sessions if session.stranger is not None]
    verdict = judge(result.sessions)
    row = Row(
        target,
        echo=_echo(ours),
        reachable=_reachable(result.sessions),
        own_studies=_first(matches(session.queries.get("studies")) for session in ours),
        own_images=_first(instances(session.queries.get("studies")) for session in ours),
    )
    peer = next((session.peer for session in result.sessions if session.peer is not None), None)
    if peer is not None:
        row = replace(
            row,
            product=peer.product,
            version=peer.implementation_version,
        )
    if verdict is not None:
        row = replace(row, levels=verdict.levels, checks=verdict.checks)
        studies, patients, images = _stranger_counts(row, strangers)
        row = replace(row, studies=studies, patients=patients, images=images)
    findings = [*_exposure(row, verdict), *_availability(row, ours)]
    if not result.sessions and not findings:
        findings.append(Finding(Kind.UNKNOWN, "nothing was found out; the log on stderr may say more"))
    return replace(row, findings=tuple(sorted(findings, key=lambda finding: list(Kind).index(finding.kind))))


def level_words(level: LadderLevel | None) -> str:
    """`5 lists studies`, or `unknown`."""
    return "unknown" if level is None else f"{level} {LEVELS[level][0]}"


def _exposure(row: Row, verdict: Verdict | None) -> list[Finding]:
    expect = row.target.expect
    if verdict is None:
        if expect in (Expect.CLOSED, Expect.CONTROL):
            return [Finding(Kind.UNKNOWN, "no stranger was sent to it, so it could not be told how far one gets")]
        return []
    if expect is Expect.CONTROL:
        return _control(row)
    if row.allowed is None:
        return []
    allowed = f"allowed is {row.allowed}, {LEVELS[row.allowed][0]}"
    findings = [
        Finding(Kind.EXPOSED, f"{SERVICES[service]}: a stranger gets to level {level}, {LEVELS[level][0]}; {allowed}")
        for service, level in exceeding(row.target, verdict)
    ]
    findings += [
        Finding(Kind.UNKNOWN, f"{SERVICES[service]}: it could not be told how far a stranger gets")
        for service, level in verdict.levels.items()
        if level is None
    ]
    return findings


def _control(row: Row) -> list[Finding]:
    level = row.level
    if level is None:
        return [Finding(Kind.UNKNOWN, "it could not be told whether this control is open: nothing shows that we see")]
    if level >= LadderLevel.ASSOCIATES:
        return []
    text = f"this control should be open, and reads {level}, {LEVELS[level][0]}: what reads closed here may not be"
    return [Finding(Kind.BLIND, text)]


def _availability(row: Row, ours: Sequence[SessionResult]) -> list[Finding]:
    if row.target.expect not in _MUST_ANSWER:
        return []
    findings = []
    outcome = row.echo
    if outcome is not None and outcome is not Outcome.SUCCESS:
        kind = Kind.BUSY if outcome is Outcome.BUSY else _KINDS[of_echo(outcome)]
        findings.append(Finding(kind, f"C-ECHO {outcome}: {OUTCOMES[outcome]}"))
    for session in ours:
        for name, query in session.queries.items():
            if not query.outcome.is_success and query.outcome not in _SAID_BY_THE_ECHO:
                text = f"query {name} {query.outcome}: {QUERY_OUTCOMES[query.outcome]}"
                findings.append(Finding(Kind.TROUBLE, text))
        if session.store is not None and not session.store.success:
            findings.append(Finding(Kind.TROUBLE, "it did not take all the images of the bandwidth test"))
        web = session.dicomweb
        if web is not None and web.answer in _WEB_ANSWERS:
            untrusted = web.tls is not None and web.tls.certificate_trusted is False
            why = "we do not trust its certificate" if untrusted else _WEB_ANSWERS[web.answer]
            findings.append(Finding(_KINDS[of_web(web.answer)], f"DICOMweb does not answer us: {why}"))
    return findings


def _echo(ours: Sequence[SessionResult]) -> Outcome | None:
    """Of several identities, the first that fared badly."""
    outcomes = [session.echo.outcome for session in ours if session.echo is not None]
    return next((outcome for outcome in outcomes if outcome is not Outcome.SUCCESS), outcomes[0] if outcomes else None)


def _reachable(sessions: Sequence[SessionResult]) -> bool | None:
    facts: list[bool | None] = []
    for session in sessions:
        if session.stranger is not None:
            facts += [_connected(attempt.outcome) for attempt in session.stranger.attempts] or [None]
        elif session.echo is not None:
            facts.append(_connected(session.echo.outcome))
        elif Phase.CONNECT in session.phases:
            facts.append(True if Phase.ASSOCIATE in session.phases else None)
        pages = [*([session.dicomweb] if session.dicomweb is not None else []), *session.web]
        facts += [_web_connected(page) for page in pages]
    if True in facts:
        return True
    return None if None in facts or not facts else False


def _connected(outcome: Outcome) -> bool | None:
    return None if outcome in _TELLS_NOTHING else outcome not in _NO_CONNECTION


def _web_connected(page: WebResult) -> bool | None:
    return None if page.answer is WebAnswer.UNKNOWN else page.answer is not WebAnswer.CLOSED


def _stranger_counts(row: Row, strangers: Sequence[SessionResult]) -> tuple[Count, Count, Count]:
    """Studies, patients, images, where something is listed at all: below level 4 there was nothing to count."""
    unknown = Count(asked=True)
    if row.level is None or row.level < LadderLevel.QUERYABLE:
        return (NOTHING, NOTHING, NOTHING) if row.fully_known else (unknown, unknown, unknown)
    (session, *_) = strangers
    queried = session.queries.get("studies")
    web = session.dicomweb
    over_http = NOTHING
    if web is not None and web.studies is not None:
        over_http = Count(web.studies, web.complete is True, asked=True)
    studies = larger(matches(queried), over_http)
    patients, images = matches(session.queries.get("patients")), instances(queried)
    if not studies.asked:
        studies = unknown
    if studies.number != 0:  # there is something, or may be
        patients, images = (count if count.asked else unknown for count in (patients, images))
    return studies, patients, images


def _first(counts: Iterable[Count]) -> Count:
    return next((count for count in counts if count.asked), NOTHING)
