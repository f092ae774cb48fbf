"""The sums and the sentences of a report over time."""

from __future__ import annotations

from datetime import timedelta

from tests.testing.over_time import over_time


def test_sums_are_by_target_group_and_total() -> None:
    report = over_time()
    assert [(each.name, each.exposed, each.down, each.exposed_now) for each in report.targets] == [
        ("main", 2, 1, 1),
        ("quiet", 0, 0, 0),
    ]
    assert [(each.name, each.targets) for each in report.groups] == [("DE", 1), ("(none)", 1)]
    assert (report.total.targets, report.total.exposed, report.total.down) == (2, 2, 1)


def test_overlapping_episodes_of_a_target_count_once() -> None:
    """DIMSE was open from minute 10 to 30, and DICOMweb from minute 20 on, to minute 60."""
    assert over_time().total.exposed_for == timedelta(minutes=50)


def test_summary_says_targets_episodes_and_what_is_not_over() -> None:
    assert over_time().summary == "2 targets: 1 exposed in 2 episodes (1 not over), 1 down in 1 episode."


def test_notes_say_how_exact_times_are() -> None:
    notes = " ".join(over_time().notes)
    assert "Times are UTC, in steps of 1m" in notes
    assert "longer than 5m" in notes
    assert "may have begun long before" in notes
