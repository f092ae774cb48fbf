"""The columns of a report: every format walks these tables, and none lists columns of its own.

`FIELDS` are values, for programs and spreadsheets (`json`, `csv`). `TARGET_COLUMNS` and `GROUP_COLUMNS` are text, for
people (`table`, `markdown`, `html`): there, several values share one cell, and a narrow terminal has fewer cells.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, Flag, auto
from functools import partial
from typing import Any, Generic, TypeVar

from dicom_exporter.config import Expect
from dicom_exporter.enums import LadderLevel, LadderService
from dicom_exporter.report.counts import NONE, Count
from dicom_exporter.report.groups import Group
from dicom_exporter.report.rows import Row
from dicom_exporter.verdict.texts import level_words

T = TypeVar("T", Row, Group)


class Missing(Enum):
    """A value that is not there."""

    UNKNOWN = "unknown"
    """It was asked for, and could not be determined. What was not asked for is None."""


class Data(Flag):
    """The formats for programs."""

    CSV = auto()
    JSON = auto()
    BOTH = CSV | JSON


@dataclass(frozen=True, slots=True)
class Field:
    """One value of a target, of a group (or the total), or of both. A reader of None: these do not have it."""

    name: str
    """The column in CSV; the member in JSON, where `strangers.studies` is a member of a member."""
    formats: Data = Data.BOTH
    target: Callable[[Row], object] | None = None
    group: Callable[[Group], object] | None = None


def _known(value: object) -> object:
    return Missing.UNKNOWN if value is None else value


def _number(count: Count) -> int | None:
    return count.number


def _complete(count: Count) -> object:
    if not count.asked:
        return None
    return Missing.UNKNOWN if count.number is None else count.complete


def _count_object(count: Count) -> dict[str, Any] | None:
    return {"count": count.number, "complete": count.complete} if count.asked else None


def _count(csv: str, json: str, target: Callable[[Row], Count], group: Callable[[Group], Count] | None) -> list[Field]:
    """A count: two columns in CSV, one object in JSON."""

    def field(name: str, formats: Data, part: Callable[[Count], object]) -> Field:
        return Field(
            name, formats, lambda row: part(target(row)), None if group is None else lambda each: part(group(each))
        )

    return [
        field(csv, Data.CSV, _number),
        field(f"{csv}_complete", Data.CSV, _complete),
        field(json, Data.JSON, _count_object),
    ]


def _level(service: LadderService, row: Row) -> object:
    levels = row.levels or {}
    return _known(levels[service]) if service in levels else None


def _reasons(row: Row) -> str | None:
    """``dimse:not_asked dimse:timeout web:overload``; None if no stranger was sent."""
    if row.unknown_reasons is None:
        return None
    return " ".join(f"{service}:{reason}" for service, found in row.unknown_reasons.items() for reason in found)


def _if_asked(read: Callable[[Group], int], group: Group) -> int | None:
    """A number about strangers, in a group where at least one was sent."""
    return read(group) if group.asked_as_stranger else None


def _peer(row: Row) -> dict[str, object] | None:
    return {"product": row.product, "version": row.version, "released": row.released} if row.product else None


def _copy(mapping: Mapping[Any, Any] | None) -> dict[Any, Any] | None:
    return None if mapping is None else dict(mapping)


FIELDS: tuple[Field, ...] = (
    Field("name", target=lambda row: row.target.name, group=lambda group: group.name),
    Field("address", target=lambda row: str(row.target.address)),
    Field("called_ae_title", target=lambda row: row.target.called_ae_title),
    Field("expect", target=lambda row: row.target.expect.value),
    Field("vantage", Data.JSON, lambda row: row.target.seen_from),
    Field("labels", Data.JSON, lambda row: dict(row.target.labels)),
    Field("standing", target=lambda row: row.standing),
    Field(
        "findings",
        Data.JSON,
        lambda row: [{"kind": finding.kind.value, "text": finding.text} for finding in row.findings],
    ),
    Field("echo_outcome", target=lambda row: None if row.echo is None else row.echo.value),
    Field("systems", Data.CSV, lambda _row: 1),
    Field("systems", group=lambda group: group.systems),
    Field("as_expected", group=lambda group: group.as_expected),
    Field("exposed", group=lambda group: group.exposed),
    Field("down", group=lambda group: group.down),
    Field("unknown", group=lambda group: group.unknown),
    Field("refuses_or_busy", Data.JSON, group=lambda group: group.refuses_or_busy),
    Field("trouble", Data.JSON, group=lambda group: group.trouble),
    Field("reachable", target=lambda row: _known(row.reachable), group=lambda group: group.reachable),
    Field("reachable_unknown", group=lambda group: group.reachable_unknown),
    Field(
        "open_to_strangers",
        Data.CSV,
        lambda row: None if row.levels is None else _known(row.open_to_strangers),
        partial(_if_asked, lambda group: group.open_to_strangers),
    ),
    Field("open_to_strangers_unknown", Data.CSV, group=partial(_if_asked, lambda group: group.open_unknown)),
    Field("open_to_strangers", Data.JSON, lambda row: row.open_to_strangers, lambda group: group.open_to_strangers),
    Field("open_unknown", Data.JSON, group=lambda group: group.open_unknown),
    Field("asked_as_stranger", Data.JSON, group=lambda group: group.asked_as_stranger),
    Field("dicomweb", Data.JSON, group=lambda group: group.dicomweb),
    Field("dicomweb_open", Data.JSON, group=lambda group: group.dicomweb_open),
    Field("checks_failed", Data.JSON, group=lambda group: group.checks_failed),
    *(Field(f"level_{service}", Data.CSV, partial(_level, service)) for service in LadderService),
    Field("levels", Data.JSON, lambda row: _copy(row.levels)),
    Field("levels_at_least", Data.JSON, lambda row: None if row.levels is None else dict(row.at_least)),
    Field("level_unknown_reasons", Data.JSON, lambda row: _copy(row.unknown_reasons)),
    Field("level_allowed", target=lambda row: row.allowed),
    *_count("stranger_studies", "strangers.studies", lambda row: row.studies, lambda group: group.studies),
    *_count("stranger_patients", "strangers.patients", lambda row: row.patients, lambda group: group.patients),
    *_count("stranger_images", "strangers.images", lambda row: row.images, lambda group: group.images),
    *_count("our_studies", "ours.studies", lambda row: row.own_studies, lambda group: group.own_studies),
    *_count("our_images", "ours.images", lambda row: row.own_images, lambda group: group.own_images),
    Field("dicomweb_services", Data.CSV, group=lambda group: group.dicomweb),
    Field("dicomweb_open", Data.CSV, group=lambda group: group.dicomweb_open),
    Field(
        "checks_failed",
        Data.CSV,
        lambda row: None if row.checks is None else len(row.failed_checks),
        partial(_if_asked, lambda group: group.checks_failed),
    ),
    Field("failed_checks", Data.CSV, lambda row: " ".join(row.failed_checks)),
    Field("checks", Data.JSON, lambda row: _copy(row.checks)),
    Field("product", Data.CSV, lambda row: row.product),
    Field("version", Data.CSV, lambda row: row.version),
    Field("peer", Data.JSON, _peer),
    Field("findings", Data.CSV, lambda row: "; ".join(finding.text for finding in row.findings)),
    Field("level_unknown_reasons", Data.CSV, _reasons),
    Field("refuses_or_busy", Data.CSV, group=lambda group: group.refuses_or_busy),
    Field("trouble", Data.CSV, group=lambda group: group.trouble),
    Field("released", Data.CSV, lambda row: row.released),
)
"""Every value, in the order of the columns in CSV, where new ones may only be added at the end."""


def values(one: Row | Group, formats: Data) -> Iterator[tuple[str, object]]:
    """The name and the value of each field that `one` has in these formats."""
    for field in FIELDS:
        if field.formats & formats:
            if isinstance(one, Row):
                if field.target is not None:
                    yield field.name, field.target(one)
            elif field.group is not None:
                yield field.name, field.group(one)


class Layout(Flag):
    """Where a column for people is shown."""

    DOCUMENT = auto()
    """`markdown` and `html`."""
    WIDE = auto()
    """A terminal that has room for everything."""
    WIDE_WEB = auto()
    """The same, if a stranger was sent to web pages too."""
    NARROW = auto()
    """A narrow terminal: levels are numbers."""
    NARROW_OWN = auto()
    """The same, if no stranger was sent: their columns are left out, and there is room for our own counts."""
    ROOMY = DOCUMENT | WIDE
    STRANGERS = ROOMY | NARROW
    OWN = ROOMY | NARROW_OWN
    ALL = ROOMY | NARROW | NARROW_OWN


@dataclass(frozen=True, slots=True)
class Column(Generic[T]):
    """One column of a table for people."""

    heading: str
    read: Callable[[T], str | Count]
    layout: Layout = Layout.ALL
    right: bool = False
    """Whether a terminal aligns it to the right."""

    def text(self, one: T) -> str:
        """The cell in a document."""
        return str(self.read(one))

    def short(self, one: T) -> str:
        """The cell on a terminal: counts are short, and a dash is one that every terminal has."""
        value = self.read(one)
        if isinstance(value, Count):
            return value.short
        return "-" if value == NONE else value


RESULT = "Result"
"""The heading of the column that the formats colour."""


def _answer(value: bool | None) -> str:
    return "unknown" if value is None else "yes" if value else "no"


def _stranger(row: Row) -> str:
    """How far a stranger got with any service."""
    if row.levels is None:
        return NONE
    return level_words(row.level) + (" or further" if row.level is not None and not row.fully_known else "")


def _stranger_level(row: Row) -> str:
    if row.levels is None:
        return NONE
    return "unknown" if row.level is None else f"{row.level}{'' if row.fully_known else '+'}"


def _service(name: LadderService, row: Row) -> str:
    """How far a stranger got with one service."""
    if row.levels is None or name not in row.levels:
        return NONE
    return level_words(row.levels[name], row.at_least.get(name))


def _allowed(row: Row) -> str:
    if row.target.expect is Expect.CONTROL:
        return f"{level_words(LadderLevel.ASSOCIATES)}, or further"
    return NONE if row.allowed is None else level_words(row.allowed)


def _allowed_level(row: Row) -> str:
    if row.target.expect is Expect.CONTROL:
        return f"{LadderLevel.ASSOCIATES}+"
    return NONE if row.allowed is None else f"{row.allowed}"


def _checks(row: Row) -> str:
    """`3 of 7`: how many failed, of those whose result is known."""
    if not row.checks:
        return NONE if row.checks is None else "unknown"
    return f"{len(row.failed_checks)} of {len(row.checks)}"


TARGET_COLUMNS: tuple[Column[Row], ...] = (
    Column("Target", lambda row: row.target.name),
    Column("Expected", lambda row: row.target.expect.value, Layout.ROOMY),
    Column(RESULT, lambda row: row.standing_word),
    Column("Reachable", lambda row: _answer(row.reachable), Layout.ROOMY),
    Column("Anonymous access", _stranger, Layout.DOCUMENT),
    Column("Anonymous access", partial(_service, LadderService.DIMSE), Layout.WIDE),
    Column("Level", _stranger_level, Layout.NARROW, right=True),
    Column("Allowed", _allowed, Layout.ROOMY),
    Column("Allowed", _allowed_level, Layout.NARROW, right=True),
    Column("Studies", lambda row: row.studies, Layout.STRANGERS, right=True),
    Column("Patients", lambda row: row.patients, Layout.STRANGERS, right=True),
    Column("Images", lambda row: row.images, Layout.STRANGERS, right=True),
    Column("We see", lambda row: row.own_studies, Layout.OWN, right=True),
    Column("DICOMweb", partial(_service, LadderService.DICOMWEB), Layout.ROOMY),
    Column("Web pages", partial(_service, LadderService.WEB), Layout.WIDE_WEB),
    Column("Checks failed", _checks, Layout.ROOMY, right=True),
)


def _with_unknown(number: int, unknown: int, mark: str = " unknown") -> str:
    """`5 (2 unknown)`."""
    return f"{number:,} ({unknown:,}{mark})" if unknown else f"{number:,}"


def _reachable(group: Group, mark: str = " unknown") -> str:
    return _with_unknown(group.reachable, group.reachable_unknown, mark)


def _open(group: Group, mark: str = " unknown") -> str:
    return _with_unknown(group.open_to_strangers, group.open_unknown, mark) if group.asked_as_stranger else NONE


def _dicomweb(group: Group) -> str:
    return f"{group.dicomweb_open:,} of {group.dicomweb:,}" if group.dicomweb else NONE


NARROWS = Layout.NARROW | Layout.NARROW_OWN
GROUP_COLUMNS: tuple[Column[Group], ...] = (
    Column("Systems", lambda group: f"{group.systems:,}"),
    Column("As expected", lambda group: f"{group.as_expected:,}", Layout.ROOMY),
    Column("OK", lambda group: f"{group.as_expected:,}", NARROWS),
    Column("Exposed", lambda group: f"{group.exposed:,}"),
    Column("Down", lambda group: f"{group.down:,}"),
    Column("Unknown", lambda group: f"{group.unknown:,}"),
    Column("Rejects, busy", lambda group: f"{group.refuses_or_busy:,}", Layout.ROOMY),
    Column("Trouble", lambda group: f"{group.trouble:,}", Layout.ROOMY),
    Column("Other", lambda group: f"{group.refuses_or_busy + group.trouble:,}", NARROWS),
    Column("Reachable", _reachable, Layout.ROOMY),
    Column("Open to strangers", _open, Layout.DOCUMENT),
    Column("Open", _open, Layout.WIDE),
    Column("Open", partial(_open, mark="?"), Layout.NARROW),
    Column("Studies", lambda group: group.studies, Layout.STRANGERS),
    Column("Patients", lambda group: group.patients, Layout.ROOMY),
    Column("Images", lambda group: group.images, Layout.ROOMY),
    Column("We see", lambda group: group.own_studies, Layout.OWN),
    Column("DICOMweb open", _dicomweb, Layout.ROOMY),
    Column(
        "Checks failed", lambda group: f"{group.checks_failed:,}" if group.asked_as_stranger else NONE, Layout.ROOMY
    ),
)
"""The columns of a group, after its name."""


def shown(columns: tuple[Column[T], ...], layout: Layout) -> list[Column[T]]:
    """Those of `columns` that are in `layout`."""
    return [column for column in columns if column.layout & layout]
