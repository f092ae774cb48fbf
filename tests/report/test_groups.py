"""Sums: controls are left out, and a sum of incomplete counts is incomplete."""

from __future__ import annotations

from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.report import Group
from tests import builders


def test_total_of_all_kinds() -> None:
    total = builders.report(*builders.ALL_FOUND).total
    assert (total.systems, total.as_expected, total.exposed, total.down, total.unknown) == (6, 2, 2, 1, 1)
    assert (total.reachable, total.reachable_unknown) == (3, 1)
    assert (total.open_to_strangers, total.open_unknown, total.asked_as_stranger) == (2, 1, 5)
    assert (str(total.studies), str(total.patients), str(total.images)) == (
        "at least 1,040",
        "at least 700",
        "at least 3,000",
    )
    assert (str(total.own_studies), total.dicomweb, total.dicomweb_open) == ("5", 1, 1)


def test_groups_by_a_label() -> None:
    germany, france, none = builders.report(*builders.ALL_FOUND, by="country").groups
    assert [(group.name, group.systems) for group in (germany, france, none)] == [("DE", 3), ("FR", 2), ("(none)", 1)]
    assert (germany.exposed, germany.open_to_strangers) == (2, 2)
    assert (str(france.studies), france.open_unknown) == ("unknown", 1)


def group(*found: ProbeRecord) -> Group:
    return builders.report(*found).total


def test_sum_is_complete_only_if_all_counts_are() -> None:
    one = builders.record(
        builders.target("a", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, builders.listing(2, 1))
    )
    two = builders.record(
        builders.target("b", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, builders.listing(3, 1))
    )
    assert str(group(one, two, builders.FOUND_CLOSED).studies) == "5"
    assert str(group(one, two, builders.FOUND_UNKNOWN).studies) == "at least 5"


def test_control_characters_in_label_are_escaped() -> None:
    (one,) = builders.report(builders.record(builders.target("t", Expect.CLOSED, site="a\x1b[2J\nb")), by="site").groups
    assert one.name == r"a\x1b[2J\nb"


def test_summary_names_each_number_above_zero() -> None:
    assert builders.report(*builders.ALL_FOUND).summary == (
        "6 systems: 2 as expected, 2 exposed, 1 down, 1 unknown. Controls seen: 1 of 1."
    )
    assert builders.report(builders.FOUND_CLOSED).summary == "1 system: 1 as expected."
    assert builders.report(builders.FOUND_CLOSED, builders.FOUND_BLIND).summary.endswith("Controls seen: 0 of 1.")


def test_columns_are_disjoint_and_add_up() -> None:
    """A target with several findings is counted once, by the worst; those that refuse us or are busy are not down."""
    stranger = builders.stranger(Outcome.SUCCESS, builders.listing(2, 1))
    down_and_open = builders.record(
        builders.target("both", Expect.GUARDED), builders.monitor(Outcome.REFUSED), stranger
    )
    others = [
        builders.record(builders.target(f"{outcome}", Expect.AVAILABLE), builders.monitor(outcome))
        for outcome in (Outcome.REFUSED, Outcome.REJECTED, Outcome.BUSY, Outcome.OVERLOAD, Outcome.SUCCESS)
    ]
    total = group(down_and_open, *others, *builders.ALL_FOUND)
    parts = (total.as_expected, total.exposed, total.down, total.unknown, total.refuses_or_busy, total.trouble)
    assert sum(parts) == total.systems
    alone = group(down_and_open, *others)
    assert (alone.exposed, alone.down, alone.unknown, alone.refuses_or_busy, alone.as_expected) == (1, 1, 1, 2, 1)
