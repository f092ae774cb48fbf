"""The report as a table on a terminal, or in a text file."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dicom_exporter.config import Expect
from dicom_exporter.enums import LadderService
from dicom_exporter.report.columns import GROUP_COLUMNS, RESULT, TARGET_COLUMNS, Layout, shown
from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report
from dicom_exporter.report.rows import AS_EXPECTED, Row
from dicom_exporter.verdict.findings import Kind
from dicom_exporter.verdict.texts import LEVELS

_WIDE = 130
"""Columns of a terminal from which on levels are words and no column is left out."""
_STYLES = {
    AS_EXPECTED: "green",
    Kind.EXPOSED: "bold red",
    Kind.DOWN: "red",
    Kind.REFUSES_US: "yellow",
    Kind.BUSY: "yellow",
    Kind.TROUBLE: "yellow",
    Kind.BLIND: "bold yellow",
    Kind.UNKNOWN: "yellow",
}


@contextmanager
def trimmed(console: Console) -> Iterator[None]:
    """What is printed in this block has no blanks at the end of a line, with which rich fills the last column."""
    with console.capture() as captured:
        yield
    console.file.write(re.sub(r" +$", "", captured.get(), flags=re.MULTILINE))


def print_report(console: Console, report: Report) -> None:
    """All targets, the most severe first; sums; the findings; and the summary last, where it stays on the screen."""
    with trimmed(console):
        _print_report(console, report)


def _print_report(console: Console, report: Report) -> None:
    wide = console.width >= _WIDE
    layout = _layout(report, wide)
    console.print(_targets(report, layout))
    if not wide:
        _print_legend(console, report.rows)
    console.print()
    console.print(_groups(report, layout))
    strangers, own = (
        any(column.heading == each for column in shown(GROUP_COLUMNS, layout)) for each in ("Open", "We see")
    )
    legend = ["Studies, patients, images: shown to a stranger."] if strangers else []
    legend += ["We see: studies shown to us."] if own else []
    legend += ["1,000+: at least 1,000."] + ([] if wide else ["(1?): 1 unknown."])
    legend += [] if wide else ["Other: rejects the monitor, is busy, or fails something."]
    console.print(Text(" ".join(legend), style="dim"))
    if any(row.findings for row in report.rows):
        console.print()
        for row, finding in report.findings:
            kind = (f"{finding.kind.word}: ", _STYLES[finding.kind])
            console.print(Text.assemble(kind, f"{row.target.name}: {finding.text}"))
    console.print()
    console.print(Text(report.summary, style="bold"))


def _layout(report: Report, wide: bool) -> Layout:
    if wide:
        pages = any(LadderService.WEB in (row.levels or {}) for row in report.rows)
        return Layout.WIDE | Layout.WIDE_WEB if pages else Layout.WIDE
    return Layout.NARROW if any(row.levels is not None for row in report.rows) else Layout.NARROW_OWN


def _targets(report: Report, layout: Layout) -> Table:
    columns = shown(TARGET_COLUMNS, layout)
    table = new_table()
    for column in columns:
        table.add_column(column.heading, justify="right" if column.right else "left", overflow="fold")
    for row in report.worst_first:
        style = _STYLES[row.standing]
        table.add_row(*(Text(column.short(row), style=style if column.heading == RESULT else "") for column in columns))
    return table


def _groups(report: Report, layout: Layout) -> Table:
    columns = shown(GROUP_COLUMNS, layout)
    table = new_table()
    table.add_column(report.by or "", overflow="fold")
    for column in columns:
        table.add_column(column.heading, justify="right", overflow="fold")

    def cells(group: Group) -> list[str]:
        return [group.name, *(column.short(group) for column in columns)]

    for group in report.groups:
        table.add_row(*(Text(cell) for cell in cells(group)))
    if report.groups:
        table.add_section()
    table.add_row(*(Text(cell, style="bold") for cell in cells(report.total)))
    return table


def new_table() -> Table:
    """A table without lines."""
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def _print_legend(console: Console, rows: Iterable[Row]) -> None:
    allowed = {row.allowed for row in rows if row.target.expect is not Expect.CONTROL}
    seen = sorted(level for level in allowed | {row.level for row in rows} if level is not None)
    if seen:
        console.print(Text("Levels: " + ", ".join(f"{level} {LEVELS[level][0]}" for level in seen), style="dim"))
