"""The tables of columns of a report over time."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from dicom_exporter.history.episodes import Episode
from dicom_exporter.report.over_time.columns import EPISODE_COLUMNS, SUM_COLUMNS, Where, data, shown
from tests.testing.over_time import over_time


def cell(name: str, episode: Episode) -> str:
    return {column.name: column for column in EPISODE_COLUMNS}[name].text(episode)


def value(name: str, episode: Episode) -> object:
    return data({column.name: column for column in EPISODE_COLUMNS}[name].read(episode))


def seen(first_seen: datetime) -> Episode:
    episode = over_time().episodes[-1]
    return replace(episode, first_seen=first_seen, before_report=False)


def test_names_are_unique_and_people_have_headings() -> None:
    for columns in (EPISODE_COLUMNS, SUM_COLUMNS):
        names = [column.name for column in columns]
        assert len(set(names)) == len(names)
    assert all(column.heading for column in shown(EPISODE_COLUMNS, Where.PEOPLE))
    headings = [column.heading for column in shown(SUM_COLUMNS, Where.PEOPLE)]
    assert len(set(headings)) == len(headings)


@pytest.mark.parametrize(
    ("first_seen", "due"),
    [
        (datetime(2026, 1, 15, 10, tzinfo=UTC), "2026-02-15T10:00:00+00:00"),
        (datetime(2026, 1, 31, 10, tzinfo=UTC), "2026-02-28T10:00:00+00:00"),
        (datetime(2024, 1, 31, 10, tzinfo=UTC), "2024-02-29T10:00:00+00:00"),
        (datetime(2026, 11, 30, 10, tzinfo=UTC), "2026-12-30T10:00:00+00:00"),
        (datetime(2026, 12, 31, 10, tzinfo=UTC), "2027-01-31T10:00:00+00:00"),
    ],
)
def test_final_report_is_due_after_a_month(first_seen: datetime, due: str) -> None:
    assert value("due_month", seen(first_seen)) == due


def test_early_warning_and_notification_are_due_after_hours() -> None:
    episode = seen(datetime(2026, 3, 28, 22, 30, tzinfo=UTC))
    assert value("due_24h", episode) == "2026-03-29T22:30:00+00:00"
    assert value("due_72h", episode) == "2026-03-31T22:30:00+00:00"


def test_episode_from_before_the_report_has_no_due_times() -> None:
    (down,) = [episode for episode in over_time().episodes if episode.before_report]
    assert cell("first_seen", down) == "before 2026-01-02 00:00"
    assert [value(name, down) for name in ("due_24h", "due_72h", "due_month")] == [None, None, None]


def test_end_says_time_or_still_or_not_known() -> None:
    down, dimse, web = over_time().episodes
    assert cell("end", dimse) == "2026-01-02 00:30"
    assert (cell("end", web), value("state", web)) == ("still", "still")
    assert cell("end", replace(web, still=False)) == "not known, last seen 2026-01-02 01:00"
    assert (cell("what", down), cell("what", dimse)) == ("refused", "5 lists studies")


def test_what_is_not_known_is_said_with_times() -> None:
    _, dimse, _ = over_time().episodes
    assert cell("not_known", dimse) == "unknown 2026-01-02 00:15 to 2026-01-02 00:17"
    assert cell("not_known", replace(dimse, more_not_known=3)).endswith("; and 3 more")


def test_alerts_none_stored_is_said() -> None:
    down, dimse, _ = over_time().episodes
    assert cell("alerts", down) == "none stored"
    assert cell("alerts", dimse) == "DicomPatientDataListed (critical) 2026-01-02 00:11 to 2026-01-02 00:30"


def test_nobody_is_told_only_if_alertmanager_was_asked() -> None:
    _, _, web = over_time().episodes
    assert [cell("receivers", replace(web, receivers=told)) for told in (None, (), ("pager", "it"))] == [
        "\N{EN DASH}",
        "nobody",
        "pager; it",
    ]
