"""One target's row of the report: what the probe found there, and what of it is not as its owner expects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from dicom_exporter.config import Target
from dicom_exporter.enums import Check, LadderLevel, LadderService, Outcome, UnknownReason, WebAnswer
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.report.counts import NOTHING, Count, instances, larger, matches
from dicom_exporter.results import SessionResult, WebResult
from dicom_exporter.text import escaped
from dicom_exporter.verdict.advisories import peers, release_year
from dicom_exporter.verdict.findings import Finding
from dicom_exporter.verdict.ladder import allowed_level

_NO_CONNECTION = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT})
_SAYS_NOTHING = frozenset({Outcome.DNS_FAILURE, Outcome.UNREACHABLE, Outcome.OVERLOAD, Outcome.PROXY_FAILURE})
AS_EXPECTED = "as expected"


@dataclass(frozen=True, slots=True)
class Row:
    """What a probe found on one target. What a stranger is shown, and what we are shown, are different columns."""

    target: Target
    findings: tuple[Finding, ...] = ()
    """Worst first; empty if everything is as expected."""
    echo: Outcome | None = None
    """How our own C-ECHO ended; None if none was asked for."""
    reachable: bool | None = None
    """Whether any of its services accepted a connection; None if it is not known."""
    levels: Mapping[LadderService, LadderLevel | None] | None = None
    """How far a stranger got with each service; None if no stranger was sent."""
    at_least: Mapping[LadderService, LadderLevel] = field(default_factory=dict)
    """What was proved of each service, also if its level is not known."""
    unknown_reasons: Mapping[LadderService, tuple[UnknownReason, ...]] | None = None
    """Why the level of a service is not known, for those of which it is not; None if no stranger was sent."""
    studies: Count = NOTHING
    patients: Count = NOTHING
    images: Count = NOTHING
    """What a stranger was shown."""
    own_studies: Count = NOTHING
    own_images: Count = NOTHING
    """What we were shown."""
    checks: Mapping[Check, bool] | None = None
    """check -> whether it holds, which is bad; None if no stranger was sent."""
    product: str = ""
    version: str = ""
    """What it says of itself; empty if it said nothing."""
    released: int | None = None
    """The year of that version; None if it is not known."""

    @property
    def labels(self) -> Mapping[str, str]:
        """The user's labels, whose values may be any text, made printable."""
        return {name: escaped(value) for name, value in self.target.labels.items()}

    @property
    def standing(self) -> str:
        """The worst finding's kind, or `AS_EXPECTED`."""
        return self.findings[0].kind.value if self.findings else AS_EXPECTED

    @property
    def standing_word(self) -> str:
        """The same for a person."""
        return self.findings[0].kind.word if self.findings else AS_EXPECTED

    @property
    def allowed(self) -> LadderLevel | None:
        """The highest level that its owner allows; None if nothing is said of strangers."""
        return allowed_level(self.target.expect)

    @property
    def level(self) -> LadderLevel | None:
        """The highest level that a stranger was proved to reach."""
        return max(self.at_least.values(), default=None)

    @property
    def fully_known(self) -> bool:
        """Whether the level of every service is known."""
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


def make_row(record: ProbeRecord) -> Row:
    """Put together what all sessions of a probe found."""
    sessions, verdict = record.sessions, record.verdict
    ours = [session for session in sessions if session.stranger is None]
    named = [peer for session in sessions for peer in peers(session)]
    peer = next((peer for peer in named if release_year(peer) is not None), named[0] if named else None)
    row = Row(
        record.target.shown,
        record.findings,
        echo=_worst(session.echo.outcome for session in ours if session.echo is not None),
        reachable=_reachable(sessions),
        own_studies=_first(matches(session.queries.get("studies")) for session in ours),
        own_images=_first(instances(session.queries.get("studies")) for session in ours),
        product=peer.product if peer else "",
        version=peer.implementation_version if peer else "",
        released=release_year(peer) if peer else None,
    )
    if verdict is None:
        return row
    row = replace(
        row,
        levels=verdict.levels,
        at_least=verdict.at_least,
        unknown_reasons={service: reasons for service, reasons in verdict.reasons.items() if reasons},
        checks=verdict.checks,
    )
    strangers = [session for session in sessions if session.stranger is not None]
    studies, patients, images = _stranger_counts(row, strangers)
    return replace(row, studies=studies, patients=patients, images=images)


def _worst(outcomes: Iterable[Outcome]) -> Outcome | None:
    """Of several identities, the first outcome that is not a success."""
    found = list(outcomes)
    return next((outcome for outcome in found if outcome is not Outcome.SUCCESS), found[0] if found else None)


def _reachable(sessions: Sequence[SessionResult]) -> bool | None:
    facts: list[bool | None] = []
    for session in sessions:
        if session.stranger is not None:
            facts += [_connected(attempt.outcome) for attempt in session.stranger.attempts] or [None]
        elif (outcome := session.echo.outcome if session.echo is not None else session.association) is not None:
            facts.append(_connected(outcome))
        pages = [*([session.dicomweb] if session.dicomweb is not None else []), *session.web]
        facts += [_web_connected(page) for page in pages]
    if True in facts:
        return True
    return None if None in facts or not facts else False


def _connected(outcome: Outcome) -> bool | None:
    return None if outcome in _SAYS_NOTHING else outcome not in _NO_CONNECTION


def _web_connected(page: WebResult) -> bool | None:
    return None if page.answer is WebAnswer.UNKNOWN else page.answer is not WebAnswer.CLOSED


def _stranger_counts(row: Row, strangers: Sequence[SessionResult]) -> tuple[Count, Count, Count]:
    """Studies, patients, images that a stranger was shown. Below level 4 nothing is listed: nothing to count."""
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
