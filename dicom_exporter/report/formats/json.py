"""The report for a program. docs/report.md describes the fields; `FORMAT` changes when one changes its meaning."""

import json
from datetime import UTC
from typing import Any

from dicom_exporter.report.columns import Data, Missing, values
from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report
from dicom_exporter.report.rows import Row

FORMAT = 2


def as_json(report: Report) -> str:
    """One JSON object, indented. null: not asked. A count of null: it was asked, and could not be determined."""
    document = {
        "format": FORMAT,
        "time": report.started.astimezone(UTC).isoformat(timespec="seconds"),
        "host": report.host,
        "configuration": list(report.configuration),
        "version": report.version,
        "by": report.by,
        "targets": [_object(row) for row in report.rows],
        "groups": [_object(group) for group in report.groups],
        "total": _object(report.total),
    }
    return json.dumps(document, indent=2) + "\n"


def _object(one: Row | Group) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for path, value in values(one, Data.JSON):
        *parents, name = path.split(".")
        inner = members
        for parent in parents:
            inner = inner.setdefault(parent, {})
        inner[name] = None if isinstance(value, Missing) else value
    return members
