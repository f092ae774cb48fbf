"""What was seen of one service, point by point, becomes episodes. Points are minutes of 1970."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from dicom_exporter.history.episodes import MAX_SPANS, Episode, Observer, Service, Track
from dicom_exporter.verdict.findings import Kind

EXPOSED = Service(Kind.EXPOSED, Observer("dicom", "exporter", "main"), "dimse")
DOWN = Service(Kind.DOWN, Observer("dicom", "exporter", "main"), "dimse as monitor")


def track(points: str, service: Service = EXPOSED) -> Track:
    """A track that saw, in each minute: `.` closed, a digit a level, `?` unknown, a space nothing."""
    seen = Track(service, 0, 300)
    for minute, point in enumerate(points):
        if point != " ":
            seen.see(60 * minute, float(point) if point.isdigit() else None, point != "?")
    seen.finish(60 * (len(points) - 1))
    return seen


def minute(moment: datetime | None) -> int | None:
    return None if moment is None else int(moment.timestamp() / 60)


def spans(episode: Episode) -> list[tuple[str, int | None, int | None]]:
    return [
        ("unknown" if span.observed else "not observed", minute(span.begin), minute(span.end))
        for span in episode.not_known
    ]


def short(points: str) -> list[tuple[int | None, int | None, bool]]:
    """When each episode of `points` was first seen and proved to be over, and whether it lasts."""
    return [(minute(each.first_seen), minute(each.end), each.still) for each in track(points).episodes]


def test_track_episode_is_from_the_first_proof_to_the_proof_of_the_opposite() -> None:
    assert short("..55..3.") == [(2, 4, False), (6, 7, False)]
    assert short("...") == []


def test_track_keeps_the_highest_level() -> None:
    assert [each.level for each in track(".3573.").episodes] == [7]
    assert [each.level for each in track(".9.").episodes] == [7]  # no exporter says that


def test_track_says_when_it_was_last_well_before() -> None:
    first, second = track(".?5.5.").episodes
    assert (minute(first.good_before), minute(second.good_before)) == (0, 3)
    assert track("5.").episodes[0].good_before is None


def test_track_begun_before_the_report_is_said() -> None:
    assert [each.before_report for each in track("5.5.").episodes] == [True, False]
    assert [each.before_report for each in track("?5.").episodes] == [False]
    assert [each.before_report for each in track("       5.").episodes] == [False]  # nothing was recorded then


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        (".5??5.", [("unknown", 2, 4)]),
        (".5??.", [("unknown", 2, 4)]),
        (".5      5.", [("not observed", 1, 8)]),
        (".5      .", [("not observed", 1, 8)]),
        (".5    5.", []),  # five minutes: as Prometheus itself bridges
        (".5??      5.", [("unknown", 2, 3), ("not observed", 3, 10)]),
        (".5?      ?5.", [("unknown", 2, 2), ("not observed", 2, 9), ("unknown", 9, 10)]),
    ],
)
def test_track_unknown_or_gap_ends_no_episode_and_is_said(points: str, expected: list[object]) -> None:
    (episode,) = track(points).episodes
    assert (minute(episode.first_seen), minute(episode.end)) == (1, len(points) - 1)
    assert spans(episode) == expected


@pytest.mark.parametrize(
    ("points", "still", "expected"),
    [
        (".55", True, []),
        (".5  ", True, []),
        (".5??", False, [("unknown", 2, None)]),
        (".5        ", False, [("not observed", 1, None)]),
        (".5?       ", False, [("unknown", 2, 2), ("not observed", 2, None)]),
    ],
)
def test_track_without_an_end_lasts_or_is_not_known(points: str, still: bool, expected: list[object]) -> None:
    (episode,) = track(points).episodes
    assert (episode.end, episode.still, minute(episode.last_seen)) == (None, still, points.rindex("5"))
    assert spans(episode) == expected


def test_track_adds_up_what_was_not_known() -> None:
    assert track(".??.      .5?").unknown_seconds == 60 * (2 + 7)
    assert track("        .").unknown_seconds == 60 * 8  # before it was first seen
    assert track(".        ").unknown_seconds == 60 * 8


def test_track_that_flickers_keeps_a_bounded_list() -> None:
    (episode,) = track("." + "5?" * (MAX_SPANS + 10) + "5.").episodes
    assert (len(episode.not_known), episode.more_not_known) == (MAX_SPANS, 10)


def test_track_down_has_outcomes_and_no_level() -> None:
    seen = Track(DOWN, 0, 300)
    seen.see(0, None, known=True)
    seen.see(60, 1, known=False, outcomes=["refused"])
    seen.see(120, 1, known=True, outcomes=["no_answer"])  # of two in one step, the worse one counts
    seen.see(180, None, known=True)
    seen.finish(180)
    (episode,) = seen.episodes
    assert (episode.level, episode.outcomes, episode.end) == (
        None,
        {"refused", "no_answer"},
        datetime.fromtimestamp(180, UTC),
    )


def test_track_good_all_the_time_is_as_each_step_of_it() -> None:
    one, all_at_once = track(".5....................5 "), Track(EXPOSED, 0, 300)
    all_at_once.see(0, None, known=True)
    all_at_once.see(60, 5, known=True)
    all_at_once.see_good(120, 21 * 60)
    all_at_once.see(22 * 60, 5, known=True)
    all_at_once.finish(23 * 60)
    assert all_at_once.episodes == one.episodes
    assert all_at_once.unknown_seconds == one.unknown_seconds == 0
