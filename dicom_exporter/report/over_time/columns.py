"""The columns of a report over time: one table for episodes and one for sums. Every format walks them.

A column has one value. How it is written depends on its type alone: `text` for people and `csv`, `data` for `json`.
"""

import calendar
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import Flag, auto
from typing import Generic, TypeVar

from dicom_exporter.config.values.time import format_duration
from dicom_exporter.enums import LadderLevel
from dicom_exporter.history.episodes import Episode, Firing, Span
from dicom_exporter.report.counts import NONE
from dicom_exporter.report.over_time.report import Sum
from dicom_exporter.text import escaped
from dicom_exporter.verdict.texts import level_words

T = TypeVar("T", Episode, Sum)
Value = datetime | timedelta | int | str | bool | tuple[str | Span | Firing, ...] | None


class Where(Flag):
    """Which formats have a column."""

    DATA = auto()
    """`csv` and `json`."""
    DOCUMENT = auto()
    """`markdown` and `html`."""
    TERMINAL = auto()
    PEOPLE = DOCUMENT | TERMINAL
    ALL = DATA | DOCUMENT | TERMINAL


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column."""

    name: str
    """In `csv` and `json`."""
    heading: str
    read: Callable[[T], Value]
    where: Where = Where.ALL
    show: Callable[[T], str] | None = None
    """The text for people, where it says more than the value."""

    def text(self, one: T) -> str:
        """The cell for people."""
        return (text(self.read(one)) if self.show is None else self.show(one)) or NONE


def shown(columns: tuple[Column[T], ...], where: Where) -> list[Column[T]]:
    """Those of `columns` that such a format has."""
    return [column for column in columns if column.where & where]


def text(value: Value | Span | Firing) -> str:
    """A value for people, and for a spreadsheet; empty if there is none."""
    match value:
        case None:
            return ""
        case datetime():
            return f"{value:%Y-%m-%d %H:%M}" if not value.second else f"{value:%Y-%m-%d %H:%M:%S}"
        case timedelta():
            return format_duration(value.total_seconds())
        case tuple():
            return "; ".join(text(each) for each in value)
        case bool():
            return "yes" if value else "no"
        case Span():
            to = "the end" if value.end is None else text(value.end)
            return f"{_span_word(value)} {text(value.begin)} to {to}"
        case Firing():
            severity = f" ({escaped(value.severity)})" if value.severity else ""
            return f"{value.alert}{severity} {text(value.begin)} to {text(value.end)}"
    return str(value)


def data(value: Value | Span | Firing) -> object:
    """A value for a program: times as ISO 8601 in UTC, durations in seconds."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="seconds")
        case timedelta():
            return value.total_seconds()
        case tuple():
            return [data(each) for each in value]
        case Span():
            return {"what": _span_word(value), "begin": data(value.begin), "end": data(value.end)}
        case Firing():
            fired = {"alert": value.alert, "severity": value.severity}
            return {**fired, "begin": data(value.begin), "end": data(value.end)}
    return value


def _span_word(span: Span) -> str:
    return "unknown" if span.observed else "not observed"


def _due(episode: Episode, after: timedelta) -> datetime | None:
    return None if episode.before_report else episode.first_seen + after


def _due_in_a_month(episode: Episode) -> datetime | None:
    if episode.before_report:
        return None
    seen = episode.first_seen
    year, month = divmod(seen.year * 12 + seen.month, 12)
    return seen.replace(year=year, month=month + 1, day=min(seen.day, calendar.monthrange(year, month + 1)[1]))


def _over(episode: Episode) -> str:
    if episode.end is not None:
        return text(episode.end)
    return "still" if episode.still else f"not known, last seen {text(episode.last_seen)}"


def _state(episode: Episode) -> str:
    return "over" if episode.end is not None else "still" if episode.still else "not known"


def _what(episode: Episode) -> str:
    if episode.level is not None:
        return level_words(LadderLevel(episode.level))
    return ", ".join(sorted(episode.outcomes)) or "no valid answer"


def _not_known(episode: Episode) -> tuple[str | Span, ...]:
    more = (f"and {episode.more_not_known} more",) if episode.more_not_known else ()
    return (*episode.not_known, *more)


def _told(episode: Episode) -> str:
    return "" if episode.receivers is None else "; ".join(map(escaped, episode.receivers)) or "nobody"


EPISODE_COLUMNS: tuple[Column[Episode], ...] = (
    Column("target", "Target", lambda episode: escaped(episode.service.observer.target)),
    Column("kind", "Result", lambda episode: episode.service.kind.value),
    Column("service", "Service", lambda episode: escaped(episode.service.name)),
    Column(
        "first_seen",
        "First seen",
        lambda episode: episode.first_seen,
        show=lambda episode: f"{'before ' if episode.before_report else ''}{text(episode.first_seen)}",
    ),
    Column("before_report", "", lambda episode: episode.before_report, Where.DATA),
    Column("good_before", "Last seen well", lambda episode: episode.good_before, Where.DATA | Where.DOCUMENT),
    Column("last_seen", "", lambda episode: episode.last_seen, Where.DATA),
    Column("end", "Over", lambda episode: episode.end, show=_over),
    Column("state", "", _state, Where.DATA),
    Column("level", "", lambda episode: episode.level, Where.DATA),
    Column("what", "Level reached, or outcome", _what),
    Column("not_known", "Not known meanwhile", _not_known, Where.DATA | Where.DOCUMENT),
    Column(
        "alerts",
        "Alerts that fired",
        lambda episode: episode.alerts,
        Where.DATA | Where.DOCUMENT,
        lambda episode: text(episode.alerts) or "none stored",
    ),
    Column("receivers", "Told now", lambda episode: episode.receivers, Where.DATA | Where.DOCUMENT, _told),
    Column(
        "due_24h", "Due after 24 h", lambda episode: _due(episode, timedelta(hours=24)), Where.DATA | Where.DOCUMENT
    ),
    Column(
        "due_72h", "Due after 72 h", lambda episode: _due(episode, timedelta(hours=72)), Where.DATA | Where.DOCUMENT
    ),
    Column("due_month", "Due after a month", _due_in_a_month, Where.DATA | Where.DOCUMENT),
    Column("job", "Scrape job", lambda episode: escaped(episode.service.observer.job), Where.DATA | Where.DOCUMENT),
    Column(
        "instance", "Exporter", lambda episode: escaped(episode.service.observer.instance), Where.DATA | Where.DOCUMENT
    ),
)

SUM_COLUMNS: tuple[Column[Sum], ...] = (
    Column("name", "", lambda each: each.name),
    Column("targets", "Targets", lambda each: each.targets),
    Column("exposed", "Episodes exposed", lambda each: each.exposed),
    Column("exposed_not_over", "", lambda each: each.exposed_now, Where.DATA),
    Column("exposed_for", "Exposed for", lambda each: each.exposed_for),
    Column("down", "Episodes down", lambda each: each.down),
    Column("down_not_over", "", lambda each: each.down_now, Where.DATA),
    Column("down_for", "Down for", lambda each: each.down_for),
    Column("not_known_for", "Not known for", lambda each: each.not_known_for),
)
"""Both in the order of the columns in CSV, where new ones may only be added at the end."""
