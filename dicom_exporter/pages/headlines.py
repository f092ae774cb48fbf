"""A target in one line: what a person reads first, awake or not. Pure functions of what was found last."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from dicom_exporter.config import Expect, Target
from dicom_exporter.results import LadderLevel, LadderService, Outcome, SessionResult, WebAnswer
from dicom_exporter.verdict.findings import Standing, exceeding, of_echo, of_web, stand
from dicom_exporter.verdict.ladder import allowed_level, judge
from dicom_exporter.verdict.texts import LEVELS, OUTCOMES, QUERY_OUTCOMES, REJECTIONS, SERVICES

NAMES: Mapping[Standing, str] = {
    Standing.EXPOSED: "Exposed",
    Standing.DOWN: "Down",
    Standing.BLIND: "Blind",
    Standing.UNKNOWN: "Unknown",
    Standing.TROUBLED: "Trouble",
    Standing.NEVER_PROBED: "Not probed",
    Standing.OK: "OK",
}
WEB_ANSWERS: Mapping[WebAnswer, str] = {
    WebAnswer.ENTRIES: "it lists studies",
    WebAnswer.EMPTY: "it answers, and lists none",
    WebAnswer.DENIED: "it wants a login",
    WebAnswer.OTHER: "it speaks HTTP, and not DICOMweb",
    WebAnswer.NOT_HTTP: "it takes connections, and does not speak HTTP",
    WebAnswer.CLOSED: "nobody gets a connection",
    WebAnswer.UNKNOWN: "it could not be told",
}


def headline(target: Target, sessions: Sequence[SessionResult]) -> str:
    """Why `target` stands as it does, as sentences."""
    match stand(target, sessions):
        case Standing.EXPOSED:
            return _exposed(target, sessions)
        case Standing.BLIND:
            return "Known to be open, and reads closed: nothing that is called closed from here is proved."
        case Standing.UNKNOWN:
            return _unknown(target, sessions)
        case Standing.DOWN | Standing.TROUBLED as standing:
            return next((text for how, text in _faults(sessions) if how is standing), "It is not as expected.")
        case Standing.NEVER_PROBED:
            return "Nothing has asked for it since the exporter started."
        case Standing.OK:
            return _fine(target, sessions)


def sentence(text: str) -> str:
    """`text` with a capital and a full stop."""
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?")) else ".")


def level_name(level: LadderLevel | None) -> str:
    """The number and the name of a step of the ladder."""
    return "unknown" if level is None else f"{level}, {LEVELS[level][0]}"


def _exposed(target: Target, sessions: Sequence[SessionResult]) -> str:
    verdict = judge(sessions)
    assert verdict is not None
    over = exceeding(target, verdict)
    allowed = allowed_level(target.expect)
    levels = ", ".join(f"{SERVICES[service]} level {level}" for service, level in over)
    return f"{LEVELS[over[0][1]][1]} {levels}; allowed is {level_name(allowed)}."


def _unknown(target: Target, sessions: Sequence[SessionResult]) -> str:
    verdict = judge(sessions)
    if verdict is None and target.expect in (Expect.CLOSED, Expect.CONTROL):
        return "No stranger has tried it: nobody knows what one would get."
    unknown = [service for service, level in verdict.levels.items() if level is None] if verdict else []
    if not unknown:
        return next((text for how, text in _faults(sessions) if how is Standing.UNKNOWN), "It could not be told.")
    why = next(
        (
            f": {OUTCOMES[attempt.outcome]}"
            for session in sessions
            if session.stranger is not None
            for attempt in session.stranger.attempts[:1]
            if LadderService.DIMSE in unknown
        ),
        "",
    )
    services = ", ".join(SERVICES[service] for service in unknown)
    return sentence(f"it could not be told how far a stranger gets ({services}){why}")


def echo(session: SessionResult) -> str:
    """How the C-ECHO of a session ended."""
    assert session.echo is not None
    outcome, status = session.echo.outcome, session.echo.status
    code = "" if status is None or outcome is not Outcome.FAILURE_STATUS else f" (status {status:04X})"
    reason = session.rejection.reason if session.rejection is not None else None
    advice = REJECTIONS.get(reason) if reason is not None else None
    return sentence(OUTCOMES[outcome] + code) + (f" {sentence(advice)}" if advice is not None else "")


def _faults(sessions: Iterable[SessionResult]) -> Iterator[tuple[Standing, str]]:
    """What our own sessions did not get, and how bad that is."""
    for session in sessions:
        if session.stranger is not None:
            continue
        if session.echo is not None and session.echo.outcome is not Outcome.SUCCESS:
            yield of_echo(session.echo.outcome), echo(session)
        for name, query in session.queries.items():
            if not query.outcome.is_success:
                ended = f"{query.outcome}: {QUERY_OUTCOMES[query.outcome]}"
                yield Standing.TROUBLED, sentence(f"it answers, and the query {name} ended as {ended}")
        if session.store is not None and not session.store.success:
            yield Standing.TROUBLED, "It answers, and does not take the images of the bandwidth test."
        if session.dicomweb is not None and (standing := of_web(session.dicomweb.answer)) is not Standing.OK:
            yield standing, f"DICOMweb does not serve us: {WEB_ANSWERS[session.dicomweb.answer]}."


def _fine(target: Target, sessions: Sequence[SessionResult]) -> str:
    own = [session for session in sessions if session.stranger is None and session.echo is not None]
    said = []
    for session in own if target.expect in (Expect.AVAILABLE, Expect.GUARDED) else ():
        studies = session.queries.get("studies")
        count = "" if studies is None or studies.matches is None else _studies(studies.matches, studies.complete)
        said.append(f"It answers us{count}.")
    verdict = judge(sessions)
    levels = [level for level in verdict.levels.values() if level is not None] if verdict is not None else []
    if levels:
        furthest = max(levels)
        known_open = target.expect is Expect.CONTROL and furthest >= LadderLevel.ASSOCIATES
        said.append("Known to be open, and seen to be." if known_open else LEVELS[furthest][1])
    return " ".join(dict.fromkeys(said)) or "As expected."


def _studies(matches: int, complete: bool | None) -> str:
    return f", and lists {matches} {'study' if matches == 1 else 'studies'}{'' if complete else ' or more'}"
