"""How old the newest study of a list is: never older than it is, and not known where it is not certain."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from dicom_exporter.config import Level, Model, Query, RelativeDate
from dicom_exporter.config.values.hours import parse_holiday, parse_hours
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.probes.freshness import Newest, while_kept
from dicom_exporter.results import Freshness, QueryResult
from dicom_exporter.text import SafeText

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 27, 12, tzinfo=BERLIN)
"""A Friday."""
WEEK = Query(
    "week",
    Model.STUDY_ROOT,
    Level.STUDY,
    match={"StudyDate": RelativeDate(6, 0)},
    count_by=("ModalitiesInStudy",),
    expect_within={"CT": 2700.0, "default": 7200.0},
)
ALL = replace(WEEK, count_by=(), expect_within={"default": 2700.0})
MINUTE = 60


def study(date: str, time: str, *modalities: str) -> bytes:
    dataset = Dataset()
    dataset.PatientName = "SECRET^PHI"
    with disable_value_validation():
        dataset.StudyDate, dataset.StudyTime = date, time
    dataset.ModalitiesInStudy = list(modalities)
    data = encode(dataset, True, True)
    assert data is not None
    return data


def results(query: Query, *matches: bytes, now: datetime = NOW, complete: bool = True) -> dict[str, Freshness]:
    """What is known, by value."""
    newest = Newest(query, now)
    for match in matches:
        newest.consume(match)
    return {each.value: each for each in newest.results(complete=complete)}


def one(query: Query, *matches: bytes, **options: Any) -> tuple[float | None, bool | None]:
    """Age and overdue of the list as a whole, or of CT."""
    found = results(query, *matches, **options)
    each = found["CT" if query.count_by else ""]
    return each.age, each.overdue


def test_newest_study_of_each_modality_counts() -> None:
    found = results(
        WEEK,
        study("20261127", "1130", "CT"),
        study("20261127", "1145", "MR", "SR"),
        study("20261126", "235900", "MR"),
        study("20261127", "1120", "CT", "PT"),
    )
    assert {name: (each.attribute, each.age, each.overdue) for name, each in found.items()} == {
        "CT": ("ModalitiesInStudy", 30 * MINUTE, False),
        "MR": ("ModalitiesInStudy", 15 * MINUTE, False),
        "PT": ("ModalitiesInStudy", 40 * MINUTE, False),
        "SR": ("ModalitiesInStudy", 15 * MINUTE, False),
    }


def test_newest_is_overdue_after_the_time_that_is_expected() -> None:
    assert one(WEEK, study("20261127", "111500", "CT")) == (45 * MINUTE, False)
    assert one(WEEK, study("20261127", "111400", "CT")) == (46 * MINUTE, True)
    found = results(WEEK, study("20261127", "0959", "US"), study("20261127", "1159", "CT"))
    assert (found["US"].age, found["US"].overdue) == (121 * MINUTE, True)  # by default


def test_newest_without_count_by_is_that_of_all() -> None:
    assert one(ALL, study("20261127", "1100", "CT"), study("20261127", "1131", "MR")) == (29 * MINUTE, False)
    assert one(ALL, study("20261127", "1100", "CT")) == (60 * MINUTE, True)


def test_newest_of_a_value_that_is_expected_and_missing_is_overdue_since_the_list_begins() -> None:
    today = replace(WEEK, match={"StudyDate": RelativeDate(0, 0)})
    midnight = NOW.replace(hour=0)
    assert one(WEEK) == (None, True)
    assert one(today, now=midnight + timedelta(minutes=45)) == (None, None)
    assert one(today, now=midnight + timedelta(minutes=46)) == (None, True)
    assert one(replace(ALL, match={})) == (None, True)
    assert results(WEEK).keys() == {"CT"}  # by default nothing is expected of what never came


def test_newest_of_a_cut_list_shows_what_came_and_never_that_nothing_did() -> None:
    recent, old = study("20261127", "1130", "CT"), study("20261127", "0700", "CT")
    assert one(WEEK, recent, complete=False) == (None, False)
    assert one(WEEK, old, complete=False) == (None, None)
    assert one(WEEK, complete=False) == (None, None)


def test_newest_with_an_unreadable_match_is_as_of_a_cut_list() -> None:
    old = study("20261127", "0700", "CT")
    assert one(WEEK, old, old[:20]) == (None, None)


@pytest.mark.parametrize("time", ["", "12", "99", "2460", "noon", "1260", "11:", "7:30"])
def test_newest_study_of_today_without_a_usable_time_makes_the_age_unknown(time: str) -> None:
    assert one(WEEK, study("20261127", "0700", "CT"), study("20261127", time, "CT")) == (None, None)


@pytest.mark.parametrize("time", ["", "09"])
def test_newest_study_without_a_time_on_an_earlier_day_is_no_newer(time: str) -> None:
    assert one(WEEK, study("20261127", "1130", "CT"), study("20261126", time, "CT")) == (30 * MINUTE, False)
    age, overdue = one(WEEK, study("20261125", time, "CT"))
    assert (age, overdue) == (None, True)  # it was before midnight, whenever


@pytest.mark.parametrize("time", ["113000", "1130", "113059", "113000.123456", "11:30:00", "1130 "])
def test_newest_time_is_read_to_the_minute(time: str) -> None:
    assert one(WEEK, study("20261127", time, "CT")) == (30 * MINUTE, False)


def test_newest_date_is_read_in_its_old_form() -> None:
    assert one(WEEK, study("2026.11.27", "1130", "CT")) == (30 * MINUTE, False)


@pytest.mark.parametrize("date", ["", "20261131", "today", "2026112"])
def test_newest_study_without_a_date_counts_for_nothing(date: str) -> None:
    assert one(WEEK, study(date, "1130", "CT"), study("20261127", "1100", "CT")) == (60 * MINUTE, True)


def test_newest_study_in_the_future() -> None:
    """A clock that is a little ahead is right; one far ahead leaves it open; a later day is no sign that it came."""
    old = study("20261127", "0700", "CT")
    assert one(WEEK, old, study("20261127", "1210", "CT")) == (0, False)
    assert one(WEEK, old, study("20261127", "1211", "CT")) == (None, None)
    assert one(WEEK, old, study("20261128", "", "CT")) == (None, None)
    assert one(WEEK, old, study("20991231", "1000", "CT")) == (300 * MINUTE, True)
    assert one(WEEK, old, study("20991231", "", "CT")) == (300 * MINUTE, True)


def test_newest_study_of_no_modality_may_be_of_any() -> None:
    """Some archives do not answer ModalitiesInStudy."""
    assert one(WEEK, study("20261127", "1130")) == (None, None)
    assert one(WEEK, study("20261127", "0700", "CT"), study("20261127", "1130")) == (None, None)
    assert one(WEEK, study("20261127", "1130", "CT"), study("20261127", "0700")) == (30 * MINUTE, False)
    assert results(WEEK, study("20261127", "1130")).keys() == {"CT"}


def test_newest_of_what_is_no_modality_gives_no_label() -> None:
    found = results(WEEK, study("20261127", "1130", "SECRET"))
    assert found.keys() == {"CT"}


def test_newest_is_in_the_time_zone_of_the_target() -> None:
    assert one(WEEK, study("20261127", "1130", "CT"), now=NOW.astimezone(ZoneInfo("America/New_York"))) == (None, None)
    new_york = NOW.replace(tzinfo=ZoneInfo("America/New_York"))
    assert one(WEEK, study("20261127", "1130", "CT"), now=new_york) == (30 * MINUTE, False)


def test_newest_in_nights_when_clocks_change() -> None:
    """02:30 is twice on 2026-10-25; on 2026-03-29 it is not at all."""
    query = replace(WEEK, expect_within={"CT": 3600.0})
    twice = study("20261025", "0230", "CT")
    first, second = (datetime(2026, 10, 25, 2, 45, fold=fold, tzinfo=BERLIN) for fold in (0, 1))
    assert one(query, twice, now=first) == (15 * MINUTE, False)
    assert one(query, twice, now=second) == (15 * MINUTE, False)
    assert one(query, study("20261025", "0130", "CT"), now=second) == (135 * MINUTE, True)
    assert one(query, study("20260329", "0130", "CT"), now=datetime(2026, 3, 29, 3, 15, tzinfo=BERLIN)) == (
        45 * MINUTE,
        False,
    )
    assert one(query, study("20260329", "0230", "CT"), now=datetime(2026, 3, 29, 3, 45, tzinfo=BERLIN)) == (
        15 * MINUTE,
        False,
    )


def test_newest_at_night_and_on_a_holiday_is_not_overdue() -> None:
    at_work = replace(WEEK, working_hours=(parse_hours("Mo-Fr 07:00-19:00"),), holidays=(parse_holiday("2026-12-25"),))
    last = study("20261127", "1000", "CT")
    assert one(at_work, last) == (120 * MINUTE, True)
    assert one(at_work, last, now=NOW.replace(hour=19, minute=1)) == (541 * MINUTE, False)
    assert one(at_work, last, now=NOW + timedelta(days=1)) == (26 * 60 * MINUTE, False)
    assert one(at_work, now=datetime(2026, 12, 25, 12, tzinfo=BERLIN)) == (None, False)
    assert one(at_work, now=datetime(2026, 12, 24, 12, tzinfo=BERLIN)) == (None, True)


def test_newest_of_many_values_keeps_those_that_are_expected() -> None:
    query = replace(WEEK, count_by=("InstitutionName",), expect_within={"SYNTHETIC LAST": 2700.0})
    matches = []
    for name in (*(f"SYNTHETIC {number}" for number in range(80)), "SYNTHETIC LAST"):
        dataset = Dataset()
        dataset.StudyDate, dataset.StudyTime, dataset.InstitutionName = "20261127", "1130", name
        matches.append(encode(dataset, True, True) or b"")
    found = results(query, *matches)
    assert len(found) < 60
    assert found["SYNTHETIC LAST"].overdue is False


@given(
    st.lists(st.tuples(st.integers(0, 6 * 24 * 60), st.sampled_from(["CT", "MR", "CT\\MR"])), max_size=20),
)
def test_newest_age_is_that_of_the_newest_in_any_order(studies: list[tuple[int, str]]) -> None:
    matches = []
    for minutes, modalities in studies:
        when = NOW - timedelta(minutes=minutes)
        matches.append(study(f"{when:%Y%m%d}", f"{when:%H%M%S}", *modalities.split("\\")))
    age, overdue = one(WEEK, *matches)
    of_ct = [minutes for minutes, modalities in studies if "CT" in modalities]
    assert age == (min(of_ct) * MINUTE if of_ct else None)
    assert overdue is (min(of_ct) > 45 if of_ct else True)


@given(st.binary(max_size=60))
def test_newest_of_any_bytes_is_bounded(data: bytes) -> None:
    for each in results(WEEK, data).values():
        assert each.age is None or each.age >= 0


def test_while_kept_nothing_is_overdue_outside_of_working_hours() -> None:
    query = replace(WEEK, working_hours=(parse_hours("Mo-Fr 07:00-19:00"),))
    kept = QueryResult(QueryOutcome.ALLOWED, freshness=(Freshness("ModalitiesInStudy", SafeText("CT"), 60.0, True),))
    assert while_kept(query, kept, NOW) == kept
    (at_night,) = while_kept(query, kept, NOW.replace(hour=20)).freshness
    assert (at_night.age, at_night.overdue) == (60.0, False)
