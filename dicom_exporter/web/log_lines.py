"""The log lines of a probe as a page shows them: those that the log has at debug, made when somebody looks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import structlog

from dicom_exporter.finished import Finished
from dicom_exporter.logs import escaped
from dicom_exporter.probe_log import fields

_logfmt = structlog.processors.LogfmtRenderer(key_order=["ts", "level", "msg"], bool_as_flag=False)


def lines(finished: Finished) -> list[str]:
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
