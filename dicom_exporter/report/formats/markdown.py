"""The report for a ticket or a wiki, in GitHub Flavored Markdown."""

import re
from collections.abc import Iterable, Iterator, Sequence

from dicom_exporter.report.columns import GROUP_COLUMNS, TARGET_COLUMNS, Layout, shown
from dicom_exporter.report.report import Report


def as_markdown(report: Report) -> str:
    """A heading, the summary, the findings, sums, and all targets."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: Report) -> Iterator[str]:
    yield "# DICOM archives: up for us, and closed to strangers?"
    yield ""
    started = f"{report.started:%Y-%m-%d %H:%M %Z}"
    yield f"{started}, seen from {escaped(report.host)}, configuration {escaped(', '.join(report.configuration))}."
    yield ""
    yield f"**{escaped(report.summary)}**"
    yield ""
    if any(row.findings for row in report.rows):
        yield "## Not as expected"
        yield ""
        for row, finding in report.findings:
            yield f"- **{escaped(row.target.name)}**, {finding.kind.word}: {escaped(finding.text)}"
        yield ""
    yield "## Sums"
    yield ""
    columns = shown(GROUP_COLUMNS, Layout.DOCUMENT)
    sums = [*report.groups, report.total]
    yield from table(
        [*([report.by] if report.by is not None else []), *(column.heading for column in columns)],
        (
            [*([group.name] if report.by is not None else []), *(column.text(group) for column in columns)]
            for group in sums
        ),
    )
    yield ""
    yield "Studies, patients and images are what a stranger was shown; “we see” are the studies that we were shown."
    yield "Controls are not counted."
    yield ""
    yield "## Targets"
    yield ""
    cells = shown(TARGET_COLUMNS, Layout.DOCUMENT)
    yield from table(
        [column.heading for column in cells], ([column.text(row) for column in cells] for row in report.worst_first)
    )


def table(headings: Sequence[str], lines: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, whose cells are escaped."""
    yield _line(headings)
    yield "|" + " --- |" * len(headings)
    for line in lines:
        yield _line(line)


def _line(line: Sequence[str]) -> str:
    return "| " + " | ".join(escaped(cell) for cell in line) + " |"


def escaped(text: str) -> str:
    """`text` escaped for a cell of a table: no markup, no HTML, no end of a cell or a line."""
    flat = " ".join(text.split())
    return re.sub(r"([\\`*_{}\[\]<>#|~&$])", r"\\\1", flat)
