"""What stands in the cells of a report: the same words in every form of it."""

from __future__ import annotations

from dicom_exporter.config import Expect
from dicom_exporter.report.counts import NONE
from dicom_exporter.report.groups import Group
from dicom_exporter.report.rows import Row
from dicom_exporter.results import Check, LadderLevel, LadderService
from dicom_exporter.verdict.texts import CHECKS, LEVELS, level_words


def answer(value: bool | None, asked: bool = True) -> str:
    """`yes`, `no`, `unknown`, or a dash where it was not asked."""
    if not asked:
        return NONE
    return "unknown" if value is None else "yes" if value else "no"


def stranger(row: Row) -> str:
    """How far a stranger got over all services, in words."""
    if row.levels is None:
        return NONE
    return level_words(row.level) + (" or further" if row.level is not None and not row.fully_known else "")


def service(row: Row, name: LadderService) -> str:
    """How far a stranger got with one service, in words."""
    if row.levels is None or name not in row.levels:
        return NONE
    return level_words(row.levels[name])


def allowed(row: Row) -> str:
    """What its owner allows, in words."""
    if row.target.expect is Expect.CONTROL:
        return f"{level_words(LadderLevel.ASSOCIATES)}, or further"
    return NONE if row.allowed is None else level_words(row.allowed)


def checks(row: Row) -> str:
    """`3 of 7`: how many failed of those that could be told."""
    if not row.checks:
        return NONE if row.checks is None else "unknown"
    return f"{len(row.failed_checks)} of {len(row.checks)}"


def check_words(name: Check) -> str:
    """What a failed check means."""
    return CHECKS[name][0]


def level_meaning(level: LadderLevel) -> str:
    """What a level means, in a sentence."""
    return LEVELS[level][1]


def with_unknown(number: int, unknown: int) -> str:
    """`5 (2 unknown)`."""
    return f"{number:,} ({unknown:,} unknown)" if unknown else f"{number:,}"


def reachable(group: Group) -> str:
    """How many of a group take connections."""
    return with_unknown(group.reachable, group.reachable_unknown)


def open_to_strangers(group: Group) -> str:
    """How many of a group let a stranger in, of those that one was sent to."""
    return with_unknown(group.open_to_strangers, group.open_unknown) if group.asked_as_stranger else NONE


def dicomweb(group: Group) -> str:
    """How many DICOMweb services of a group answer a stranger."""
    return f"{group.dicomweb_open:,} of {group.dicomweb:,}" if group.dicomweb else NONE
