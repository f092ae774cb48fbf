"""The formats of a report over time, from the same parts as those of the report."""

import csv
import io
import json
from collections.abc import Iterator

from rich.console import Console
from rich.text import Text

from dicom_exporter.history.episodes import Episode
from dicom_exporter.report.formats.csv import cell
from dicom_exporter.report.formats.markdown import escaped, table
from dicom_exporter.report.formats.terminal import new_table
from dicom_exporter.report.over_time.columns import EPISODE_COLUMNS, SUM_COLUMNS, Where, data, shown, text
from dicom_exporter.report.over_time.report import OverTime, Sum

FORMAT = 1
TITLE = "DICOM archives over time: exposed, or down"
_EPISODE_DATA, _SUM_DATA = shown(EPISODE_COLUMNS, Where.DATA), shown(SUM_COLUMNS, Where.DATA)
CSV_COLUMNS = ("line", *(column.name for column in _EPISODE_DATA), *(column.name for column in _SUM_DATA))
"""`line` is episode, target, group or total."""


def over_time_as_csv(report: OverTime) -> str:
    """RFC 4180, with its line ends. An empty cell: there is no such value."""
    written = io.StringIO()
    writer = csv.DictWriter(written, CSV_COLUMNS, restval="")
    writer.writeheader()
    for episode in report.episodes:
        cells = {column.name: cell(text(column.read(episode))) for column in _EPISODE_DATA}
        writer.writerow({"line": "episode", **cells})
    for line, sums in (("target", report.targets), ("group", report.groups), ("total", (report.total,))):
        for each in sums:
            writer.writerow({"line": line, **{column.name: cell(text(column.read(each))) for column in _SUM_DATA}})
    return written.getvalue()


def over_time_as_json(report: OverTime) -> str:
    """One JSON object, indented. Times are ISO 8601, durations are seconds, and null is no such value."""

    def sums(each: Sum) -> dict[str, object]:
        return {column.name: data(column.read(each)) for column in _SUM_DATA}

    def episode(each: Episode) -> dict[str, object]:
        return {column.name: data(column.read(each)) for column in _EPISODE_DATA}

    document = {
        "format": FORMAT,
        "time": data(report.made),
        "version": report.version,
        "prometheus": report.source,
        "alertmanager": report.alertmanager,
        "begin": data(report.begin),
        "end": data(report.end),
        "step": data(report.step),
        "pause": data(report.pause),
        "by": report.by,
        "episodes": [episode(each) for each in report.episodes],
        "targets": [sums(each) for each in report.targets],
        "groups": [sums(each) for each in report.groups],
        "total": sums(report.total),
    }
    return json.dumps(document, indent=2) + "\n"


def over_time_as_markdown(report: OverTime) -> str:
    """A heading, the summary, the episodes, and sums."""
    return "\n".join(_lines(report)) + "\n"


def _lines(report: OverTime) -> Iterator[str]:
    yield f"# {TITLE}"
    yield ""
    yield f"{text(report.begin)} to {text(report.end)} UTC, from {escaped(report.source)}."
    yield ""
    yield f"**{escaped(report.summary)}**"
    yield ""
    yield "## Episodes"
    yield ""
    episodes = shown(EPISODE_COLUMNS, Where.DOCUMENT)
    yield from table(
        [column.heading for column in episodes],
        ([column.text(episode) for column in episodes] for episode in report.episodes),
    )
    sums = shown(SUM_COLUMNS, Where.DOCUMENT)
    headings = [column.heading for column in sums]
    parts = [("Targets", "Target", report.targets), ("Sums", report.by or "", (*report.groups, report.total))]
    for heading, first, lines in parts:
        yield ""
        yield f"## {heading}"
        yield ""
        yield from table([first, *headings[1:]], ([column.text(each) for column in sums] for each in lines))
    yield ""
    yield from (f"- {escaped(note)}" for note in report.notes)


def over_time_as_html(report: OverTime) -> str:
    """One page that loads nothing."""
    from dicom_exporter.report.formats.html import page  # the only format that needs a template engine

    return page(
        "over_time.html",
        report=report,
        title=TITLE,
        text=text,
        episode_columns=shown(EPISODE_COLUMNS, Where.DOCUMENT),
        sum_columns=shown(SUM_COLUMNS, Where.DOCUMENT),
    )


def print_over_time(console: Console, report: OverTime) -> None:
    """The episodes, sums, how to read them, and the summary last, where it stays on the screen."""
    columns = shown(EPISODE_COLUMNS, Where.TERMINAL)
    episodes = new_table()
    for column in columns:
        episodes.add_column(column.heading, overflow="fold")
    for episode in report.episodes:
        episodes.add_row(*(Text(column.text(episode)) for column in columns))
    sums = new_table()
    numbers = shown(SUM_COLUMNS, Where.TERMINAL)
    for number, column_of_sums in enumerate(numbers):
        heading = column_of_sums.heading or report.by or ""
        sums.add_column(heading, justify="right" if number else "left", overflow="fold")
    for each in (*report.groups, report.total):
        sums.add_row(*(Text(column_of_sums.text(each)) for column_of_sums in numbers))
    if report.episodes:
        console.print(episodes)
        console.print()
    console.print(sums)
    console.print()
    for note in report.notes:
        console.print(Text(note, style="dim"))
    console.print()
    console.print(Text(f"{text(report.begin)} to {text(report.end)} UTC. {report.summary}", style="bold"))
