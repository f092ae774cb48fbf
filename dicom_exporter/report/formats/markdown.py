"""The report for a ticket or a wiki: GitHub's dialect of Markdown, which most of them read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from dicom_exporter.report import columns
from dicom_exporter.report.counts import NONE
from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report
from dicom_exporter.report.rows import Row
from dicom_exporter.results import LadderService

TARGET_COLUMNS = (
    "Target",
    "Expected",
    "Result",
    "Reachable",
    "A stranger gets",
    "Allowed",
    "Studies",
    "Patients",
    "Images",
    "We see",
    "DICOMweb",
    "Checks failed",
)
GROUP_COLUMNS = (
    "Systems",
    "As expected",
    "Exposed",
    "Down",
    "Unknown",
    "Reachable",
    "Open to strangers",
    "Studies",
    "Patients",
    "Images",
    "We see",
    "DICOMweb open",
    "Checks failed",
)


def as_markdown(report: Report) -> str:
    """A heading, the summary, what is not as expected, sums, and all targets."""
    return "\n".join(_lines(report)) + "\n"


def target_cells(row: Row) -> list[str]:
    """The cells of one target, for `TARGET_COLUMNS`."""
    return [
        row.target.name,
        row.target.expect.value,
        row.standing,
        columns.answer(row.reachable),
        columns.stranger(row),
        columns.allowed(row),
        str(row.studies),
        str(row.patients),
        str(row.images),
        str(row.own_studies),
        columns.service(row, LadderService.DICOMWEB),
        columns.checks(row),
    ]


def group_cells(group: Group) -> list[str]:
    """The cells of one group, for `GROUP_COLUMNS`."""
    return [
        f"{group.systems:,}",
        f"{group.as_expected:,}",
        f"{group.exposed:,}",
        f"{group.down:,}",
        f"{group.unknown:,}",
        columns.reachable(group),
        columns.open_to_strangers(group),
        str(group.studies),
        str(group.patients),
        str(group.images),
        str(group.own_studies),
        columns.dicomweb(group),
        f"{group.checks_failed:,}" if group.asked_as_stranger else NONE,
    ]


def _lines(report: Report) -> Iterator[str]:
    yield "# DICOM archives: up for us, and closed to strangers?"
    yield ""
    begun = f"{report.begun:%Y-%m-%d %H:%M %Z}"
    yield f"{begun}, seen from {escaped(report.host)}, configuration {escaped(', '.join(report.configuration))}."
    yield ""
    yield f"**{escaped(report.summary)}**"
    yield ""
    if any(row.findings for row in report.rows):
        yield "## Not as expected"
        yield ""
        for row, finding in report.findings:
            yield f"- **{escaped(row.target.name)}**, {finding.kind}: {escaped(finding.text)}"
        yield ""
    yield "## Sums"
    yield ""
    head = [report.by] if report.by is not None else []
    yield from _table([*head, *GROUP_COLUMNS], (_group_line(report, group) for group in (*report.groups, report.total)))
    yield ""
    yield "Studies, patients and images are what a stranger was shown; “we see” are the studies that we were shown."
    yield "Controls are in no sum."
    yield ""
    yield "## Targets"
    yield ""
    yield from _table(TARGET_COLUMNS, (target_cells(row) for row in report.worst_first))


def _group_line(report: Report, group: Group) -> list[str]:
    return ([group.name] if report.by is not None else []) + group_cells(group)


def _table(columns: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _line(columns)
    yield "|" + " --- |" * len(columns)
    for line in lines:
        yield _line(line)


def _line(line: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in line) + " |"


def escaped(text: str) -> str:
    """`text` as Markdown shows it: no markup, no HTML, no end of a cell or a line."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>#|~&$])", r"\\\1", flat)
