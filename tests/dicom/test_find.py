"""Counting the responses of a C-FIND, with a clock in the test's hand."""

from __future__ import annotations

import pytest

from dicom_exporter.dicom.dimse import C_FIND_RSP, Command, Message
from dicom_exporter.dicom.errors import LimitExceeded, ProtocolViolation
from dicom_exporter.dicom.find import MOST_AFTER_CANCEL, Find


def response(
    status: int | None, dataset: bytes | None = None, *, field: int = C_FIND_RSP, message_id: int = 2
) -> Message:
    return Message(3, Command(field, message_id, dataset is not None, status), dataset)


def find(max_matches: int = 10) -> tuple[Find, list[bytes]]:
    seen: list[bytes] = []
    return Find(3, 2, max_matches, seen.append, begun=100.0), seen


def test_find_counts_and_times_both_pending_statuses() -> None:
    counted, seen = find()
    for at, status in ((101.0, 0xFF00), (101.5, 0xFF01), (103.0, 0xFF00)):
        assert not counted.receive(response(status, b"match"), at)
    assert counted.receive(response(0), 104.0)
    assert (counted.matches, counted.status, seen) == (3, 0, [b"match"] * 3)
    assert (counted.duration, counted.first_match) == (4.0, 1.0)
    assert (counted.interval_mean, counted.interval_max) == (1.0, 1.5)


def test_find_without_match_has_no_times() -> None:
    counted, _ = find()
    assert counted.receive(response(0), 101.0)
    assert (counted.first_match, counted.interval_mean, counted.interval_max) == (None, None, None)


def test_find_at_bound_is_complete_and_above_is_not() -> None:
    counted, _ = find(max_matches=2)
    counted.receive(response(0xFF00, b"1"), 101)
    counted.receive(response(0xFF00, b"2"), 101)
    assert not counted.wants_cancel
    counted.receive(response(0xFF00, b"3"), 101)
    assert counted.wants_cancel
    assert counted.matches == 2


@pytest.mark.parametrize(
    "message",
    [
        response(0xFF00, None),
        response(None),
        response(0, field=0x8030),
        response(0, message_id=7),
        response(0)._replace(context_id=1),
    ],
)
def test_find_response_to_other_message_is_a_violation(message: Message) -> None:
    counted, _ = find()
    with pytest.raises(ProtocolViolation):
        counted.receive(message, 101)


@pytest.mark.parametrize(
    ("status", "length", "at_limit", "matches"),
    [
        (0xFF00, 10, False, 1),
        (0xFF01, 10, False, 1),
        (0xFF00, 0, False, 0),
        (0xFF00, 0, True, 1),
        (0x0000, 10, True, 0),
    ],
)
def test_find_match_that_was_cut_short_is_a_match(status: int, length: int, at_limit: bool, matches: int) -> None:
    seen: list[bytes] = []
    find = Find(1, 1, 10, seen.append, begun=0.0)
    find.end_within(Command(C_FIND_RSP, 1, True, status), length, at_limit=at_limit)
    assert (find.matches, len(seen)) == (matches, matches)


def test_find_match_that_was_cut_short_over_the_limit_is_not_counted() -> None:
    find = Find(1, 1, 1, lambda data: None, begun=0.0)
    find.matches = 1
    find.end_within(Command(C_FIND_RSP, 1, True, 0xFF00), 10, at_limit=True)
    assert find.matches == 1


def test_find_matches_after_the_bound_are_read_away_up_to_a_bound_of_their_own() -> None:
    counted, _ = find(max_matches=1)
    for _ in range(1 + MOST_AFTER_CANCEL):
        assert not counted.receive(response(0xFF00, b"1"), 101)
    assert counted.matches == 1
    with pytest.raises(LimitExceeded):
        counted.receive(response(0xFF00, b"1"), 101)
