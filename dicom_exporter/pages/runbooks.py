"""The runbooks that come with the exporter: what to do about each alert, where there is no internet, too.

In a source tree they are `docs/runbooks/`; the wheel has them beside this package.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from dicom_exporter.config import Target
from dicom_exporter.results import LadderLevel, Outcome, SessionResult
from dicom_exporter.verdict.findings import Standing, exceeding, of_echo, of_web, stand
from dicom_exporter.verdict.ladder import judge

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "runbooks", _PACKAGE.parent / "docs" / "runbooks")


@cache
def names() -> tuple[str, ...]:
    """The runbooks that there are, by name."""
    return tuple(sorted(_files()))


def rendered(name: str) -> Markup | None:
    """A runbook as HTML; None where there is none of that name. `name` is anybody's text: nothing is kept by it."""
    file = _files().get(name)
    return None if file is None else _rendered(file)


@cache
def _rendered(file: Path) -> Markup:
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(markdown.render(file.read_text(encoding="utf-8")))  # noqa: S704 - our own file, without HTML


def fitting(target: Target, sessions: Sequence[SessionResult]) -> str | None:
    """The runbook for a target that stands as `sessions` say; None where nothing is wrong, or there is none."""
    alert = _alert(target, sessions)
    return alert if alert in names() else None


def _alert(target: Target, sessions: Sequence[SessionResult]) -> str | None:
    """The name of the alert that Prometheus gives for what these sessions found, where it goes on."""
    own = [session for session in sessions if session.stranger is None]
    outcomes = {session.echo.outcome for session in own if session.echo is not None}
    match stand(target, sessions):
        case Standing.EXPOSED:
            verdict = judge(sessions)
            level = max(level for _, level in exceeding(target, verdict)) if verdict is not None else 0
            if level >= LadderLevel.LISTS_STUDIES:
                return "DicomPatientDataListed"
            return "DicomExposed" if level >= LadderLevel.ASSOCIATES else "DicomExposedOpenPort"
        case Standing.DOWN:
            return "DicomTargetDown" if any(of_echo(out) is Standing.DOWN for out in outcomes) else "DicomWebDown"
        case Standing.BLIND:
            return "DicomVantageBlind"
        case Standing.UNKNOWN:
            return "DicomTargetUnknown" if Outcome.OVERLOAD in outcomes else "DicomExposureUnknown"
        case Standing.TROUBLED:
            return _trouble(own, outcomes)
        case Standing.NEVER_PROBED:
            return "DicomTargetNotScraped"
        case Standing.OK:
            return None


def _trouble(own: Sequence[SessionResult], outcomes: set[Outcome]) -> str:
    if outcomes & {Outcome.REJECTED, Outcome.NOT_OFFERED}:
        return "DicomTargetRefusesUs"
    if Outcome.BUSY in outcomes:
        return "DicomTargetBusy"
    if any(session.dicomweb is not None and of_web(session.dicomweb.answer) is not Standing.OK for session in own):
        return "DicomWebRefusesUs"
    if any(session.store is not None and not session.store.success for session in own):
        return "DicomStoreFailing"
    return "DicomQueryFailing"


@cache
def _files() -> dict[str, Path]:
    """Whatever is asked for is looked up here, and so no request can leave the directory."""
    place = next((place for place in _PLACES if place.is_dir()), None)
    return {file.stem: file for file in place.glob("*.md")} if place is not None else {}
