"""The report for a spreadsheet: one rectangle, in which the first column says what a line is about.

A cell that a spreadsheet would take for a formula gets an apostrophe before it: labels are anybody's text, and version
names are the peers' own (https://owasp.org/www-community/attacks/CSV_Injection).
"""

from __future__ import annotations

import csv
import io

from dicom_exporter.report.counts import Count
from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report
from dicom_exporter.report.rows import Row
from dicom_exporter.results import LadderService

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")
_FULL_WIDTH = ("＝", "＋", "－", "＠")  # noqa: RUF001 - some spreadsheets read these as the ASCII ones
COLUMNS = (
    "line",
    "name",
    "address",
    "called_ae_title",
    "expect",
    "standing",
    "echo_outcome",
    "systems",
    "as_expected",
    "exposed",
    "down",
    "unknown",
    "reachable",
    "reachable_unknown",
    "open_to_strangers",
    "open_to_strangers_unknown",
    "level_dimse",
    "level_dicomweb",
    "level_web",
    "level_allowed",
    "stranger_studies",
    "stranger_studies_complete",
    "stranger_patients",
    "stranger_patients_complete",
    "stranger_images",
    "stranger_images_complete",
    "our_studies",
    "our_studies_complete",
    "our_images",
    "our_images_complete",
    "dicomweb_services",
    "dicomweb_open",
    "checks_failed",
    "failed_checks",
    "product",
    "version",
    "findings",
)
"""The columns, without those of the labels (`label_site`), which come last. `line` is target, group or total."""


def as_csv(report: Report) -> str:
    """RFC 4180, with the line ends of that. An empty cell was not asked; a number that is not known is empty, and
    `unknown` beside it; neither is ever a 0.
    """
    labels = sorted({name for row in report.rows for name in row.target.labels})
    text = io.StringIO()
    writer = csv.DictWriter(text, [*COLUMNS, *(f"label_{name}" for name in labels)], restval="")
    writer.writeheader()
    lines = [_target(row) for row in report.rows]
    lines += [_group("group", group) | {f"label_{report.by}": group.name} for group in report.groups]
    lines.append(_group("total", report.total))
    for line in lines:
        writer.writerow({name: _cell(value) for name, value in line.items()})
    return text.getvalue()


def _target(row: Row) -> dict[str, object]:
    levels = row.levels or {}
    return {
        "line": "target",
        "name": row.target.name,
        "address": str(row.target.address),
        "called_ae_title": row.target.called_ae_title,
        "expect": row.target.expect.value,
        "standing": row.standing,
        "echo_outcome": row.echo,
        "systems": 1,
        "reachable": _told(row.reachable),
        "open_to_strangers": None if row.levels is None else _told(row.open_to_strangers),
        **{f"level_{service}": _told(levels[service]) for service in LadderService if service in levels},
        "level_allowed": row.allowed,
        **_counts("stranger_studies", row.studies),
        **_counts("stranger_patients", row.patients),
        **_counts("stranger_images", row.images),
        **_counts("our_studies", row.own_studies),
        **_counts("our_images", row.own_images),
        "checks_failed": None if row.checks is None else len(row.failed_checks),
        "failed_checks": " ".join(row.failed_checks),
        "product": row.product,
        "version": row.version,
        "findings": "; ".join(finding.text for finding in row.findings),
        **{f"label_{name}": value for name, value in row.labels.items()},
    }


def _group(line: str, group: Group) -> dict[str, object]:
    return {
        "line": line,
        "name": group.name,
        "systems": group.systems,
        "as_expected": group.as_expected,
        "exposed": group.exposed,
        "down": group.down,
        "unknown": group.unknown,
        "reachable": group.reachable,
        "reachable_unknown": group.reachable_unknown,
        "open_to_strangers": group.open_to_strangers if group.asked_as_stranger else None,
        "open_to_strangers_unknown": group.open_unknown if group.asked_as_stranger else None,
        **_counts("stranger_studies", group.studies),
        **_counts("stranger_patients", group.patients),
        **_counts("stranger_images", group.images),
        **_counts("our_studies", group.own_studies),
        **_counts("our_images", group.own_images),
        "dicomweb_services": group.dicomweb,
        "dicomweb_open": group.dicomweb_open,
        "checks_failed": group.checks_failed if group.asked_as_stranger else None,
    }


def _counts(name: str, count: Count) -> dict[str, object]:
    if not count.asked:
        return {}
    return {name: count.number, f"{name}_complete": _told(None if count.number is None else count.complete)}


def _told(value: object) -> object:
    return "unknown" if value is None else value


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    return f"'{text}" if text.startswith((*_FORMULA, *_FULL_WIDTH)) else text
