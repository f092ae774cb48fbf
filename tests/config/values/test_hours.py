"""When something is expected to happen."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from dicom_exporter.config.values.hours import WorkingTime, parse_holiday, parse_hours

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = (parse_hours("Mo-Fr 07:00-19:00"), parse_hours("Sa 08:00-12:00"))
MINUTE, HOUR, DAY = 60, 3600, 86400


def at(text: str) -> datetime:
    """A local time, like ``2026-11-27 18:00``."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def exceeds(since: str, now: str, allowed: float, hours: tuple[str, ...] = (), holidays: tuple[str, ...] = ()) -> bool:
    begin = at(since).timestamp()
    given = tuple(map(parse_hours, hours)) if hours else HOURS
    days = tuple(map(parse_holiday, holidays))
    return WorkingTime(given, days, at(now), begin, BERLIN).exceeds(begin, allowed)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("Mo-Fr 07:00-19:00", {0, 1, 2, 3, 4}),
        ("Sa,Su 08:00-12:00", {5, 6}),
        ("Fr-Mo 08:00-12:00", {4, 5, 6, 0}),
        ("Mo,We-Th 08:00-12:00", {0, 2, 3}),
        ("Mo-Su 00:00-24:00", set(range(7))),
    ],
)
def test_parse_hours_days(text: str, days: set[int]) -> None:
    assert parse_hours(text).days == days


@pytest.mark.parametrize(
    "text",
    ["", "Mo-Fr", "07:00-19:00", "mo-fr 07:00-19:00", "Mo-Fr 7:00-19:00", "Mo-Fr 07:00-25:00", "Mo-Fr  07:00-19:00"],
)
def test_parse_hours_other_text_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not like"):
        parse_hours(text)


def test_parse_holiday() -> None:
    assert parse_holiday("2026-12-25") == date(2026, 12, 25)
    for text in ("25.12.2026", "20261225", "2026-13-01", "2026-W01-1"):
        with pytest.raises(ValueError, match="is not a day like"):
            parse_holiday(text)


def test_working_time_without_hours_is_all_time() -> None:
    now = datetime(2026, 11, 29, 3, tzinfo=UTC)
    working = WorkingTime((), (), now, 0.0, None)
    assert working.is_now
    assert working.exceeds(now.timestamp() - 3601, HOUR)
    assert not working.exceeds(now.timestamp() - 3599, HOUR)


@pytest.mark.parametrize(
    ("since", "now", "late"),
    [
        ("2026-11-27 12:00", "2026-11-27 12:45", False),  # a Friday
        ("2026-11-27 12:00", "2026-11-27 12:46", True),
        ("2026-11-27 18:00", "2026-11-27 19:30", False),  # after hours
        ("2026-11-27 18:00", "2026-11-28 03:00", False),
        ("2026-11-27 18:00", "2026-11-29 10:00", False),  # a Sunday
        ("2026-11-27 18:00", "2026-11-28 08:30", False),  # hours have just begun
        ("2026-11-27 18:00", "2026-11-28 08:46", True),
        ("2026-11-28 11:50", "2026-11-30 07:30", False),  # 10 minutes on Saturday and 30 on Monday
        ("2026-11-28 11:50", "2026-11-30 07:46", True),
    ],
)
def test_working_time_counts_within_hours_only(since: str, now: str, late: bool) -> None:
    assert exceeds(since, now, 45 * MINUTE) is late


def test_working_time_longer_than_a_day_is_counted_over_days() -> None:
    assert not exceeds("2026-11-23 07:00", "2026-11-24 19:00", DAY)  # 24 hours of work
    assert exceeds("2026-11-23 07:00", "2026-11-25 08:30", DAY)


def test_working_time_on_a_holiday_is_none() -> None:
    friday = "2026-12-25 11:00"
    assert exceeds("2026-12-24 12:00", friday, HOUR)
    assert not exceeds("2026-12-24 12:00", friday, HOUR, holidays=("2026-12-25",))
    assert not exceeds("2026-12-24 18:30", "2026-12-28 07:20", HOUR, holidays=("2026-12-25", "2026-12-26"))
    assert exceeds("2026-12-24 18:30", "2026-12-28 08:01", HOUR, holidays=("2026-12-25", "2026-12-26"))


def test_working_time_over_midnight_belongs_to_the_day_of_its_begin() -> None:
    night = ("Fr 22:00-06:00",)
    assert exceeds("2026-11-27 22:30", "2026-11-28 03:00", HOUR, night)
    assert not exceeds("2026-11-28 22:30", "2026-11-29 03:00", HOUR, night)
    assert not exceeds("2026-11-27 22:30", "2026-11-28 03:00", HOUR, night, ("2026-11-27",))


def test_working_time_that_overlaps_counts_once() -> None:
    twice = ("Mo-Fr 07:00-19:00", "Fr 10:00-20:00")
    assert not exceeds("2026-11-27 12:00", "2026-11-27 14:00", 2 * HOUR, twice)
    assert exceeds("2026-11-27 12:00", "2026-11-27 14:01", 2 * HOUR, twice)


def test_working_time_in_nights_when_clocks_change() -> None:
    """One hour less on 2026-03-29, one more on 2026-10-25, both at night on a Sunday."""
    night = ("Mo-Su 00:00-24:00",)
    assert not exceeds("2026-03-29 01:00", "2026-03-29 04:00", 2 * HOUR, night)
    assert exceeds("2026-10-25 01:00", "2026-10-25 03:30", 3 * HOUR, night)
    assert not exceeds("2026-10-24 01:00", "2026-10-24 03:30", 3 * HOUR, night)
