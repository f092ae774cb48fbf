"""What the log says of probes: at debug each of them, at info when a target's outcome is another than before.

A scrape a minute of a thousand targets would be a thousand lines that say nothing new. What is logged of a probe is its
outcome in our own words and its times; nothing that a peer sent, but for the reason of an A-ASSOCIATE-RJ in the words
of the standard.

The log lines of a probe as a page shows them: those that the log has at debug, made when somebody looks.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import structlog

from dicom_exporter.config import Config
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import QueryOutcome, SessionResult
from dicom_exporter.text import escaped
from dicom_exporter.verdict.findings import Standing, stand
from dicom_exporter.verdict.ladder import judge

Facts = dict[str, str]
"""What has to change before it is news, such as `outcome`: `refused` and `level_dimse`: `5`."""
Fields = dict[str, str | float | int | None]

_UNKNOWN = "unknown"


class ProbeLog:
    """Is told of each probe that has ended, and remembers of each target what it last said of it."""

    def __init__(self, config: Config) -> None:
        self._log = structlog.stdlib.get_logger("probe")
        self._stdlib = logging.getLogger("probe")
        self._last: dict[str, dict[str, Facts]] = {}
        self.reload(config)

    def reload(self, config: Config) -> None:
        """Forget targets that `config` does not have."""
        self._last = {target.name: self._last.get(target.name, {}) for target in config.targets}

    def add(self, finished: ProbeRecord) -> None:
        """Log a probe, of which nothing is kept but its outcome. What was not probed anew is not logged anew."""
        every_one = self._stdlib.isEnabledFor(logging.DEBUG)
        known = self._last.get(finished.target.name)
        for session in finished.result.sessions:
            if session.identity in finished.reused:
                continue
            if known is not None:
                self._note_change(finished, session, known)
            if every_one:
                self._log.debug("probe", **fields(finished, session))

    def _note_change(self, finished: ProbeRecord, session: SessionResult, known: dict[str, Facts]) -> None:
        now = facts(session)
        before = known.get(session.identity)
        if now == before:
            return
        known[session.identity] = now if before is None else {**before, **now}
        if before is None:
            if stand(finished.target, (session,)) is not Standing.OK:
                self._log.info("not as expected", **fields(finished, session))
            return
        # What was not looked at this time, such as a query outside of its hours, has not changed.
        was: Fields = {f"was_{key}": before[key] for key in now if key in before and before[key] != now[key]}
        if was:
            self._log.info("outcome changed", **fields(finished, session), **was)


def facts(session: SessionResult) -> Facts:
    """What one identity found, without what may differ from probe to probe: counts, times, who the peer says it is."""
    found = {} if session.echo is None else {"outcome": session.echo.outcome.value}
    for name, query in session.queries.items():
        found[f"query_{name}"] = _answer(query.outcome)
    if session.store is not None:
        found["store"] = "success" if session.store.success else "failed"
    verdict = judge((session,))
    if verdict is not None:
        for service, level in verdict.levels.items():
            found[f"level_{service}"] = _level(level)
    elif session.dicomweb is not None:
        found["dicomweb"] = session.dicomweb.answer.value
    return found


def fields(finished: ProbeRecord, session: SessionResult) -> Fields:
    """The line about one identity's visit: whom, by whom, how it ended, and the seconds of each phase."""
    line: Fields = {"target": finished.target.name, "identity": session.identity}
    line.update(facts(session))
    if session.rejection is not None:
        line["reason"] = session.rejection.reason.value
    if session.duration is not None:
        line["seconds"] = round(session.duration, 4)
    line.update((f"{phase.value}_seconds", round(seconds, 4)) for phase, seconds in session.phases.items())
    return line


def _answer(outcome: QueryOutcome) -> str:
    """How many matches there are is no news: an empty worklist fills up, and a count runs into its limit."""
    return "answered" if outcome.is_success else outcome.value


def _level(level: int | None) -> str:
    return _UNKNOWN if level is None else str(level)


_logfmt = structlog.processors.LogfmtRenderer(key_order=["ts", "level", "msg"], bool_as_flag=False)


def lines(finished: ProbeRecord) -> list[str]:
    """One line for each identity that went there, as logfmt."""
    ts = datetime.fromtimestamp(finished.start, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    found: list[dict[str, Any]] = [
        {"ts": ts, "level": "debug", "msg": "probe", **fields(finished, session)}
        for session in finished.result.sessions
        if session.identity not in finished.reused
    ]
    return [str(_logfmt(None, "", _escaped(line))) for line in found]


def _escaped(line: dict[str, Any]) -> dict[str, Any]:
    return {key: escaped(value) if isinstance(value, str) else value for key, value in line.items()}
