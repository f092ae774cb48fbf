"""The report on a terminal, or in a file that a person reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from dicom_exporter.config import Expect
from dicom_exporter.report import columns
from dicom_exporter.report.counts import NONE
from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report
from dicom_exporter.report.rows import AS_EXPECTED, Row
from dicom_exporter.results import LadderLevel, LadderService
from dicom_exporter.verdict.findings import Kind
from dicom_exporter.verdict.texts import LEVELS

_WIDE = 130
"""From so many columns on, levels are words and nothing is left out."""
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


@dataclass(frozen=True, slots=True)
class _Column:
    head: str
    read: Callable[[Row], str]
    right: bool = False
    wide: bool = False
    """Only where there is room for it."""


@dataclass(frozen=True, slots=True)
class _GroupColumn:
    head: str
    read: Callable[[Group], str]
    wide: bool = False


def print_report(console: Console, report: Report) -> None:
    """All targets, the worst first; sums; what is not as expected, in words; and the summary last, to be seen."""
    wide = console.width >= _WIDE
    console.print(_targets(report, wide))
    if not wide:
        _print_legend(console, report.rows)
    console.print()
    console.print(_groups(report, wide))
    legend = "Studies, patients, images: shown to a stranger. We see: studies shown to us. 1,000+: at least 1,000."
    console.print(Text(legend + ("" if wide else " (1?): 1 unknown."), style="dim"))
    if any(row.findings for row in report.rows):
        console.print()
        for row, finding in report.findings:
            kind = (f"{finding.kind}: ", _STYLES[finding.kind])
            console.print(Text.assemble(kind, f"{row.target.name}: {finding.text}"))
    console.print()
    console.print(Text(report.summary, style="bold"))


def _targets(report: Report, wide: bool) -> Table:
    web = any(LadderService.WEB in (row.levels or {}) for row in report.rows)
    strangers = any(row.levels is not None for row in report.rows)  # else the room of their columns is free
    shape = [
        _Column("Target", lambda row: row.target.name),
        _Column("Expected", lambda row: row.target.expect.value, wide=True),
        _Column("Result", lambda row: row.standing),
        _Column("Reachable", lambda row: columns.answer(row.reachable), wide=True),
        *(
            [
                _Column("A stranger gets", lambda row: columns.service(row, LadderService.DIMSE)),
                _Column("Allowed", columns.allowed),
            ]
            if wide
            else [
                _Column("Level", _level, right=True, wide=not strangers),
                _Column("Allowed", _allowed, right=True, wide=not strangers),
            ]
        ),
        _Column("Studies", lambda row: row.studies.short, right=True, wide=not strangers),
        _Column("Patients", lambda row: row.patients.short, right=True, wide=not strangers),
        _Column("Images", lambda row: row.images.short, right=True, wide=not strangers),
        _Column("We see", lambda row: row.own_studies.short, right=True, wide=strangers),
        _Column("DICOMweb", lambda row: columns.service(row, LadderService.DICOMWEB), wide=True),
        *([_Column("Web pages", lambda row: columns.service(row, LadderService.WEB), wide=True)] if web else []),
        _Column("Checks failed", columns.checks, right=True, wide=True),
    ]
    shown = [column for column in shape if wide or not column.wide]
    table = _table()
    for column in shown:
        table.add_column(column.head, justify="right" if column.right else "left", overflow="fold")
    for row in report.worst_first:
        style = _STYLES[row.standing]
        table.add_row(
            *(Text(_ascii(column.read(row)), style=style if column.head == "Result" else "") for column in shown)
        )
    return table


def _groups(report: Report, wide: bool) -> Table:
    strangers = report.total.asked_as_stranger > 0
    shape = [
        _GroupColumn(report.by or "", lambda group: group.name),
        _GroupColumn("Systems", lambda group: f"{group.systems:,}"),
        _GroupColumn("As expected", lambda group: f"{group.as_expected:,}", wide=True),
        _GroupColumn("Exposed", lambda group: f"{group.exposed:,}"),
        _GroupColumn("Down", lambda group: f"{group.down:,}"),
        _GroupColumn("Reachable", lambda group: _short(columns.reachable(group), wide)),
        _GroupColumn("Open", lambda group: _short(columns.open_to_strangers(group), wide), wide=not strangers),
        _GroupColumn("Studies", lambda group: group.studies.short, wide=not strangers),
        _GroupColumn("Patients", lambda group: group.patients.short, wide=not strangers),
        _GroupColumn("Images", lambda group: group.images.short, wide=not strangers),
        _GroupColumn("We see", lambda group: group.own_studies.short, wide=strangers),
        _GroupColumn("DICOMweb open", columns.dicomweb, wide=True),
        _GroupColumn(
            "Checks failed", lambda group: f"{group.checks_failed:,}" if group.asked_as_stranger else "-", wide=True
        ),
    ]
    shown = [column for column in shape if wide or not column.wide]
    table = _table()
    for index, column in enumerate(shown):
        table.add_column(column.head, justify="right" if index else "left", overflow="fold")
    for group in report.groups:
        table.add_row(*(Text(_ascii(column.read(group))) for column in shown))
    if report.groups:
        table.add_section()
    table.add_row(*(Text(_ascii(column.read(report.total)), style="bold") for column in shown))
    return table


def _table() -> Table:
    return Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))


def _level(row: Row) -> str:
    if row.levels is None:
        return "-"
    return "unknown" if row.level is None else f"{row.level}{'' if row.fully_known else '+'}"


def _allowed(row: Row) -> str:
    if row.allowed is None:
        return "-"
    return f"{LadderLevel.ASSOCIATES}+" if row.target.expect is Expect.CONTROL else f"{row.allowed}"


def _short(cell: str, wide: bool) -> str:
    return cell if wide else cell.replace(" unknown)", "?)")


def _print_legend(console: Console, rows: Iterable[Row]) -> None:
    allowed = {row.allowed for row in rows if row.target.expect is not Expect.CONTROL}
    seen = sorted(level for level in allowed | {row.level for row in rows} if level is not None)
    if seen:
        console.print(Text("Levels: " + ", ".join(f"{level} {LEVELS[level][0]}" for level in seen), style="dim"))


def _ascii(cell: str) -> str:
    """Dashes that every terminal has."""
    return cell.replace(NONE, "-")
