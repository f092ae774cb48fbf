"""Durations, dates and windows of time."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.config import (
    RelativeDate,
    TimeWindow,
    format_duration,
    parse_duration,
)
from dicom_exporter.config.values.time import parse_date, parse_window


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1d", 86_400.0),
        ("1w", 604_800.0),
        ("1y", 31_536_000.0),
        ("1m1s1ms", 61.001),
        ("090s", 90.0),
    ],
)
def test_parse_duration_gives_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "s", "10 s", "1s1s", "1s1m", "1e3s", "\u0663s", "0ms", "+1s", "1s\n", "9" * 400 + "y"]
)
def test_parse_duration_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=10**12))
def test_format_duration_round_trip(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("today", "20240301"),
        ("yesterday", "20240229"),
        ("last 1d", "20240301"),
        ("last 2d", "20240229-20240301"),
        ("last 7d", "20240224-20240301"),
    ],
)
def test_parse_date_relative_dates(text: str, value: str) -> None:
    date = parse_date(text)
    assert isinstance(date, RelativeDate)
    assert date.resolve(datetime(2024, 3, 1, 0, 30, tzinfo=UTC)) == value
    assert parse_date(str(date)) == date


def test_relative_date_uses_time_zone_of_target() -> None:
    midnight = datetime(2024, 3, 1, tzinfo=UTC)
    elsewhere = midnight.astimezone(timezone(-timedelta(hours=5)))
    today = RelativeDate(0, 0)
    assert (today.resolve(midnight), today.resolve(elsewhere)) == ("20240301", "20240229")


@pytest.mark.parametrize("text", ["20240131", "20240101-20240131", "20240101-", "-20240131", "20240131-20240131"])
def test_parse_date_dicom_dates(text: str) -> None:
    assert parse_date(text) == text


@pytest.mark.parametrize(
    "text", ["2024", "2024-01-31", "-", "20240101-20240102-", "Today", "last week", "last 99999d", "00000101"]
)
def test_parse_date_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a date|no day"):
        parse_date(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("20:00-06:00", ["20:00", "23:59", "00:00", "05:59"], ["06:00", "19:59", "12:00"]),
        ("08:00-16:30", ["08:00", "16:29"], ["07:59", "16:30", "00:00"]),
        ("20:00-24:00", ["20:00", "23:59"], ["00:00", "19:59"]),
    ],
)
def test_time_window_contains(text: str, inside: list[str], outside: list[str]) -> None:
    window = parse_window(text)
    assert all(window.contains(time.fromisoformat(moment)) for moment in inside)
    assert not any(window.contains(time.fromisoformat(moment)) for moment in outside)


def test_time_window_round_trip() -> None:
    assert str(TimeWindow(time(20), time(6, 30))) == "20:00-06:30"


@pytest.mark.parametrize(
    "text", ["20:00", "8:00-9:00", "20:00-25:00", "24:00-06:00", "20:60-21:00", "20:00 - 06:00", ""]
)
def test_parse_window_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time window"):
        parse_window(text)
