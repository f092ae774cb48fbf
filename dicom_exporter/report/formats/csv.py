"""The report for a spreadsheet: one rectangle, in which the first column says what a line is about.

A cell that a spreadsheet would take for a formula gets an apostrophe before it: labels may hold any text, and version
names come from the peers (https://owasp.org/www-community/attacks/CSV_Injection).
"""

import csv
import io

from dicom_exporter.report.columns import FIELDS, Data, Missing, values
from dicom_exporter.report.report import Report

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_FULL_WIDTH = ("＝", "＋", "－", "＠")  # noqa: RUF001 - some spreadsheets read these as the ASCII ones
COLUMNS = ("line", *dict.fromkeys(field.name for field in FIELDS if field.formats & Data.CSV))
"""The columns, without those of the labels (`label_site`), which come last. `line` is target, group or total."""


def as_csv(report: Report) -> str:
    """RFC 4180, with its line ends.

    An empty cell was not asked. A number that is not known is empty too, with `unknown` beside it. Neither is ever 0.
    """
    labels = sorted({name for row in report.rows for name in row.target.labels})
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *(f"label_{name}" for name in labels)], restval="")
    writer.writeheader()
    for row in report.rows:
        own = {f"label_{name}": value for name, value in row.labels.items()}
        _write(writer, {"line": "target", **dict(values(row, Data.CSV)), **own})
    for group in report.groups:
        _write(writer, {"line": "group", **dict(values(group, Data.CSV)), f"label_{report.by}": group.name})
    _write(writer, {"line": "total", **dict(values(report.total, Data.CSV))})
    return text.getvalue()


def _write(writer: "csv.DictWriter[str]", line: dict[str, object]) -> None:
    writer.writerow({name: cell(value) for name, value in line.items()})


def cell(value: object) -> str:
    """A value as the text of a cell, which no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, Missing):
        return value.value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith((*_FORMULA, *_FULL_WIDTH)) else text
