"""What the log says of probes: at debug, one line for each; at info, a line where a target's outcome changes.

A scrape a minute of a thousand targets would be a thousand lines without news. A line has the outcome in our own words
and the times of the phases; nothing that a peer sent, except the reason of an A-ASSOCIATE-RJ in the words of the
standard. The pages show the same lines of the probes that they keep: `lines` makes them when somebody looks.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import structlog

from dicom_exporter.config import Config
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import SessionResult
from dicom_exporter.text import escaped
from dicom_exporter.verdict.findings import status_of
from dicom_exporter.verdict.ladder import Verdict

Facts = dict[str, str]
"""The part of a line whose change is worth a line, such as `outcome`: `refused` and `level_dimse`: `5`."""
Fields = dict[str, str | float | int | None]

_UNKNOWN = "unknown"


class ProbeLog:
    """Logs probes. Of each target it keeps the last facts of each identity, to see what changes."""

    def __init__(self, config: Config) -> None:
        self._log = structlog.stdlib.get_logger("probe")
        self._stdlib = logging.getLogger("probe")
        self._last: dict[str, dict[str, Facts]] = {}
        self.reload(config)

    def reload(self, config: Config) -> None:
        """Forget targets that `config` does not have."""
        self._last = {target.name: self._last.get(target.name, {}) for target in config.targets}

    def add(self, record: ProbeRecord) -> None:
        """Log the sessions of a probe, except those that were reused. One that was cut short is no change."""
        debug = self._stdlib.isEnabledFor(logging.DEBUG)
        known = self._last.get(record.target.name)
        for session in record.sessions:
            if session.identity in record.reused:
                continue
            if known is not None and session.identity not in record.cut_short:
                self._log_change(record, session, known)
            if debug:
                self._log.debug("probe", **fields(record, session))

    def _log_change(self, record: ProbeRecord, session: SessionResult, known: dict[str, Facts]) -> None:
        now = facts(session, record.verdict)
        before = known.get(session.identity)
        if now == before:
            return
        known[session.identity] = now if before is None else {**before, **now}
        if before is None:
            if record.findings_of(session.identity):
                self._log.info("not as expected", **fields(record, session))
            return
        # What was not asked this time, such as a query outside of its hours, has not changed.
        was: Fields = {f"was_{key}": before[key] for key in now if key in before and before[key] != now[key]}
        if was:
            self._log.info("outcome changed", **fields(record, session), **was)


def facts(session: SessionResult, verdict: Verdict | None) -> Facts:
    """What one identity found, without what varies from probe to probe: counts, times, who the peer says it is.

    `verdict` is the one of the probe; only a stranger's session has part in it.
    """
    found: Facts = {}
    if session.echo is not None:
        found["outcome"] = session.echo.outcome.value
    elif session.association is not None and session.stranger is None:
        found["association"] = session.association.value
    for name, query in session.queries.items():
        found[f"query_{name}"] = _answer(query.outcome)
        if query.freshness:
            found[f"query_{name}_overdue"] = (
                " ".join(each.value or "yes" for each in query.freshness if each.overdue) or "no"
            )
    if session.store is not None:
        found["store"] = session.store.outcome.value
    if session.canary is not None:
        failed = (f"{each.service} {each.step}" for each in session.canary.steps if each.success is False)
        found["canary"] = next(failed, "success")
    if session.stranger is not None and verdict is not None:
        found.update((f"level_{service}", _level(level)) for service, level in verdict.levels.items())
    elif session.dicomweb is not None:
        found["dicomweb"] = session.dicomweb.answer.value
    return found


def fields(record: ProbeRecord, session: SessionResult) -> Fields:
    """The line about one identity's session: target, identity, status, outcomes, and the seconds of each phase."""
    status = status_of(record.findings_of(session.identity))
    line: Fields = {"target": record.target.name, "identity": session.identity, "status": status.value}
    line.update(facts(session, record.verdict))
    if session.stranger is not None and record.verdict is not None:
        line.update(_unknown_levels(record.verdict))
    if session.rejection is not None:
        line["reason"] = session.rejection.reason.value
    if session.duration is not None:
        line["seconds"] = round(session.duration, 4)
    line.update((f"{phase.value}_seconds", round(seconds, 4)) for phase, seconds in session.phases.items())
    return line


def _unknown_levels(verdict: Verdict) -> Iterator[tuple[str, str | int]]:
    """Why levels are not known, and what was proved. These are no facts: a change of the reason alone is not news."""
    for service, reasons in verdict.reasons.items():
        if reasons:
            yield f"level_{service}_unknown", " ".join(reasons)
            if service in verdict.at_least:
                yield f"level_{service}_at_least", int(verdict.at_least[service])


def _answer(outcome: QueryOutcome) -> str:
    """The number of matches is not news: a worklist fills up, and a count reaches its limit."""
    return "answered" if outcome.is_success else outcome.value


def _level(level: int | None) -> str:
    return _UNKNOWN if level is None else str(level)


_logfmt = structlog.processors.LogfmtRenderer(key_order=["ts", "level", "msg"], bool_as_flag=False)


def lines(record: ProbeRecord) -> list[str]:
    """The debug lines of a probe as logfmt, one for each session that was not reused."""
    ts = datetime.fromtimestamp(record.start, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found: list[dict[str, Any]] = [
        {"ts": ts, "level": "debug", "msg": "probe", **fields(record, session)}
        for session in record.sessions
        if session.identity not in record.reused
    ]
    return [str(_logfmt(None, "", _escaped(line))) for line in found]


def _escaped(line: dict[str, Any]) -> dict[str, Any]:
    return {key: escaped(value) if isinstance(value, str) else value for key, value in line.items()}
