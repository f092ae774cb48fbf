"""Sums over rows of the report: for each value of a label, and for all targets."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dicom_exporter.config import Expect
from dicom_exporter.enums import LadderLevel, LadderService
from dicom_exporter.report.counts import Count, total
from dicom_exporter.report.rows import Row
from dicom_exporter.verdict.findings import Kind

NO_VALUE = "(none)"
"""The name of the group of targets without the label."""


@dataclass(frozen=True, slots=True)
class Group:
    """Sums over some targets, without the controls: these are archives of our own that are meant to be open."""

    name: str
    systems: int
    """As many as the next six together: each system is in one of them, by the worst that was found."""
    as_expected: int
    exposed: int
    down: int
    unknown: int
    """Something is not known, and nothing worse was found."""
    refuses_or_busy: int
    trouble: int
    """It answers, and does not do everything that it was asked."""
    reachable: int
    reachable_unknown: int
    open_to_strangers: int
    open_unknown: int
    """It is not known whether a stranger gets in. Targets that no stranger was sent to are in neither number."""
    asked_as_stranger: int
    studies: Count
    patients: Count
    images: Count
    """What strangers were shown."""
    own_studies: Count
    own_images: Count
    """What we were shown."""
    dicomweb: int
    """DICOMweb services."""
    dicomweb_open: int
    """Those of them that answer a stranger."""
    checks_failed: int


def grouped(rows: Sequence[Row], label: str) -> list[Group]:
    """One group for each value of `label`, in alphabetical order; targets without the label come last."""
    by_value: dict[str, list[Row]] = {}
    for row in rows:
        if row.target.expect is not Expect.CONTROL:
            by_value.setdefault(row.labels.get(label, ""), []).append(row)
    return [
        sums(value or NO_VALUE, members)
        for value, members in sorted(by_value.items(), key=lambda item: (not item[0], item[0]))
    ]


def sums(name: str, rows: Iterable[Row]) -> Group:
    """The sums over `rows`, without the controls."""
    rows = [row for row in rows if row.target.expect is not Expect.CONTROL]
    strangers = [row for row in rows if row.levels is not None]
    dicomweb = LadderService.DICOMWEB
    web = [row.at_least.get(dicomweb) for row in strangers if row.levels is not None and dicomweb in row.levels]
    return Group(
        name,
        systems=len(rows),
        as_expected=sum(not row.findings for row in rows),
        exposed=_worst(rows, Kind.EXPOSED),
        down=_worst(rows, Kind.DOWN),
        unknown=_worst(rows, Kind.UNKNOWN, Kind.BLIND),
        refuses_or_busy=_worst(rows, Kind.REFUSES_US, Kind.BUSY),
        trouble=_worst(rows, Kind.TROUBLE),
        reachable=sum(row.reachable is True for row in rows),
        reachable_unknown=sum(row.reachable is None for row in rows),
        open_to_strangers=sum(row.open_to_strangers is True for row in strangers),
        open_unknown=sum(row.open_to_strangers is None for row in strangers),
        asked_as_stranger=len(strangers),
        studies=total(row.studies for row in rows),
        patients=total(row.patients for row in rows),
        images=total(row.images for row in rows),
        own_studies=total(row.own_studies for row in rows),
        own_images=total(row.own_images for row in rows),
        dicomweb=len(web),
        dicomweb_open=sum(level is not None and level >= LadderLevel.ASSOCIATES for level in web),
        checks_failed=sum(len(row.failed_checks) for row in rows),
    )


def _worst(rows: Iterable[Row], *kinds: Kind) -> int:
    return sum(bool(row.findings) and row.findings[0].kind in kinds for row in rows)
