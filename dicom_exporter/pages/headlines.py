"""A target in one line, what a person reads first: its worst finding, or what it answers if there is none."""

from collections.abc import Iterator, Mapping, Sequence

from dicom_exporter.config import Expect, Target
from dicom_exporter.enums import LadderLevel
from dicom_exporter.results import SessionResult
from dicom_exporter.verdict.findings import MUST_ANSWER, Finding, Status
from dicom_exporter.verdict.ladder import Verdict
from dicom_exporter.verdict.texts import LEVELS, sentence

NAMES: Mapping[Status, str] = {
    Status.EXPOSED: "Exposed",
    Status.DOWN: "Down",
    Status.BLIND: "Blind",
    Status.UNKNOWN: "Unknown",
    Status.DEGRADED: "Degraded",
    Status.NEVER_PROBED: "Not probed",
    Status.OK: "OK",
}


def headline(
    target: Target, sessions: Sequence[SessionResult], verdict: Verdict | None, findings: Sequence[Finding]
) -> str:
    """Why `target` has its status, as sentences. `findings` are those of `sessions`, worst first."""
    if findings:
        return sentence(findings[0].text)
    if not sessions:
        return "It was not probed since the exporter started."
    return " ".join(dict.fromkeys(_as_expected(target, sessions, verdict))) or "As expected."


def _as_expected(target: Target, sessions: Sequence[SessionResult], verdict: Verdict | None) -> Iterator[str]:
    for session in sessions if target.expect in MUST_ANSWER else ():
        if session.stranger is None and (session.echo is not None or session.association is not None):
            studies = session.queries.get("studies")
            count = "" if studies is None or studies.matches is None else _count(studies.matches, studies.complete)
            yield f"It answers us{count}."
    levels = list(verdict.at_least.values()) if verdict is not None else []
    if levels:
        known_open = target.expect is Expect.CONTROL and max(levels) >= LadderLevel.ASSOCIATES
        yield "It is known to be open, and it is open." if known_open else LEVELS[max(levels)][1]


def _count(matches: int, complete: bool | None) -> str:
    return f", and lists {matches} {'study' if matches == 1 else 'studies'}{'' if complete else ' or more'}"
