"""The count of a list, and what it proves, from answers in the order in which they are asked for."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pytest

from dicom_exporter.enums import UnknownReason, WebAnswer
from dicom_exporter.results import SessionResult, WebResult
from tests.testing.hostile import http, scenarios
from tests.testing.hostile.playing import play
from tests.testing.hostile.simulated import Direction, direct

_JSON = "application/dicom+json"
_WARNING = '299 x: "There are additional results that can be requested"'
NOTHING = b"[]"
BOUND = 20
"""`max_matches` of the scenario."""


def studies(*numbers: int) -> bytes:
    return json.dumps([http.entry(number) for number in numbers]).encode()


def ok(body: bytes = NOTHING, warning: str | None = None, kind: str | None = _JSON, status: int = 200) -> bytes:
    headers = {"Content-Length": str(len(body))}
    if kind is not None:
        headers["Content-Type"] = kind
    if warning is not None:
        headers["Warning"] = warning
    return http.head(status, headers) + body


def status(code: int) -> bytes:
    return http.head(code, {"Content-Length": "0"})


def answered(answers: Iterable[bytes]) -> WebResult:
    """The result of the scenario `dicomweb` if the server gives these answers, and then 404."""
    steps = [step for answer in [*answers, *[status(404)] * 40] for step in (answer, direct(Direction.CLOSE))]
    found = play(scenarios.HTTP["dicomweb"], steps)
    assert isinstance(found, SessionResult)
    assert found.dicomweb is not None
    return found.dicomweb


def counted(*pages: bytes, random: bytes | None = None) -> tuple[int | None, bool | None]:
    """The count if the random UID and `limit=1` are answered as usual, and then come `pages`."""
    found = answered([random or ok(), ok(studies(1)), *pages])
    assert found.lists_studies
    return found.studies, found.complete


def test_studies_list_last_entry_alone_proves_the_count() -> None:
    assert counted(ok(studies(1, 2, 3)), ok(studies(3))) == (3, True)


def test_studies_list_one_study_is_proved_by_an_empty_answer_beyond_it() -> None:
    assert counted(ok(studies(1)), ok()) == (1, True)
    assert counted(ok(studies(1)), status(204)) == (1, True)
    assert counted(ok(studies(1)), status(404), random=status(404)) == (1, True)
    assert counted(ok(studies(1)), status(404)) == (1, False)


def test_studies_list_silent_page_size_is_paged() -> None:
    pages = [ok(studies(1, 2, 3)), ok(studies(3, 4)), ok(studies(4, 5)), ok()]
    assert counted(*pages) == (5, True)


@pytest.mark.parametrize(
    "warning",
    [_WARNING, '299 FAKE "Additional results can be requested."', '199 x "y", 299 x "z"', "299 x ADDITIONAL RESULTS"],
)
def test_studies_list_warning_is_paged_and_last_page_without_it_is_complete(warning: str) -> None:
    assert counted(ok(studies(1, 2), warning), ok(studies(3, 4)), ok()) == (4, True)
    assert counted(ok(studies(1, 2), warning), ok()) == (2, False)
    assert counted(ok(studies(1, 2), warning), ok(studies(3), warning), ok()) == (3, False)


def test_studies_list_warning_in_second_header_line_counts() -> None:
    body = studies(1, 2)
    lines = f'Warning: 199 x "y"\r\nwarning: {_WARNING}\r\nContent-Length: {len(body)}\r\n\r\n'
    answer = http.head(200).removesuffix(b"\r\n") + lines.encode() + body
    assert counted(answer, ok()) == (2, False)


def test_studies_list_status_206_is_not_all() -> None:
    assert counted(ok(studies(1, 2), status=206), ok()) == (2, False)


@pytest.mark.parametrize("answer", [ok(studies(1, 2)), ok(), status(400), status(404), status(500), ok(b"{}")])
def test_studies_list_offset_that_is_not_obeyed_proves_nothing(answer: bytes) -> None:
    assert counted(ok(studies(1, 2)), answer) == (2, False)


def test_studies_list_first_page_again_ends_the_paging() -> None:
    assert counted(ok(studies(1, 2), _WARNING), ok(studies(1, 2), _WARNING), ok()) == (2, False)
    assert counted(ok(studies(1, 2)), ok(studies(2, 3)), ok(studies(1, 2))) == (2, False)


def test_studies_list_page_that_overlaps_counts_each_study_once() -> None:
    assert counted(ok(studies(1, 2)), ok(studies(2, 3)), ok(studies(2, 3)), ok()) == (3, True)


@pytest.mark.parametrize(
    "answer", [status(400), status(401), status(413), status(503), ok(b"<html>"), ok(b'[{"id":1}]'), ok()]
)
def test_studies_list_no_number_comes_from_a_question_that_was_not_answered(answer: bytes) -> None:
    assert counted(answer) == (None, None)


def test_studies_list_cut_page_is_a_lower_bound() -> None:
    body = studies(1, 2)
    cut = http.head(200, {"Content-Type": _JSON, "Content-Length": str(len(body) + 10)}) + body[:-1]
    assert counted(cut) == (2, False)


def test_studies_list_stops_at_the_bound() -> None:
    assert counted(ok(studies(*range(BOUND + 5)))) == (BOUND, False)
    assert counted(ok(studies(*range(BOUND))), ok(studies(BOUND - 1))) == (BOUND, True)
    assert counted(ok(studies(*range(BOUND))), ok(studies(BOUND - 1, BOUND)), ok(studies(BOUND))) == (BOUND, False)


def test_studies_list_identity_is_not_known_where_no_whole_entry_was_read() -> None:
    cut = http.head(200, {"Content-Length": "999"}) + b'[{"0020000D":{"vr":"UI","Value":["2.25.1"]}'
    found = answered([ok(), cut, cut])
    assert (found.lists_studies, found.identity_seen) == (True, None)
    assert UnknownReason.UNREADABLE in found.doubts


@pytest.mark.parametrize(
    "odd",
    [
        status(400),
        status(401),
        status(403),
        status(404),
        status(422),
        status(500),
        status(501),
        status(503),
        ok(b"", kind=None),
        ok(b"\r\n"),
        ok(http.HTML, kind="text/html"),
        ok(b"<?xml version='1.0'?><NativeDicomModel/>", kind="application/dicom+xml"),
        http.GARBAGE,
        b"",
    ],
)
def test_studies_list_is_asked_for_whatever_a_random_uid_brings(odd: bytes) -> None:
    found = answered([odd, ok(studies(1)), ok(studies(1, 2)), ok(studies(2))])
    assert (found.answer, found.lists_studies, found.studies, found.complete) == (WebAnswer.ENTRIES, True, 2, True)


@pytest.mark.parametrize(
    ("answer", "expected", "doubts"),
    [
        (ok(b""), WebAnswer.EMPTY, set()),
        (ok(b"", kind=None), WebAnswer.EMPTY, set()),
        (ok(b" \r\n"), WebAnswer.EMPTY, set()),
        (ok(b"", kind="text/plain"), WebAnswer.OTHER, {"unreadable"}),
        (ok(b"\xef\xbb\xbf[]", kind="application/json; charset=utf-8"), WebAnswer.EMPTY, set()),
        (ok(b"{}"), WebAnswer.OTHER, {"unreadable"}),
        (ok(b"null"), WebAnswer.OTHER, {"unreadable"}),
        (ok(b"["), WebAnswer.OTHER, {"unreadable"}),
        (ok(http.HTML), WebAnswer.OTHER, {"unreadable"}),
        (ok(http.HTML, kind="text/html; charset=utf-8"), WebAnswer.OTHER, set()),
        (ok(http.HTML, kind=None), WebAnswer.OTHER, set()),
        (ok(b"--b\r\n\r\n<NativeDicomModel/>", kind="multipart/related"), WebAnswer.OTHER, {"unreadable"}),
        (ok(b"<NativeDicomModel/>", kind="text/html"), WebAnswer.OTHER, {"unreadable"}),
        (http.head(200, {"Content-Encoding": "br"}) + b"\x0b\x02\x80[]\x03", WebAnswer.OTHER, {"unreadable"}),
        (http.head(503, {"Retry-After": "5"}) + http.HTML, WebAnswer.UNKNOWN, {"unavailable"}),
        (http.head(200, {"Retry-After": "5"}) + http.HTML, WebAnswer.UNKNOWN, {"unavailable"}),
        (status(404), WebAnswer.OTHER, set()),
        (status(405), WebAnswer.OTHER, set()),
        (status(410), WebAnswer.OTHER, set()),
        (status(400), WebAnswer.OTHER, {"not_offered"}),
        (status(401), WebAnswer.DENIED, set()),
        (http.head(401, {"Content-Length": "2", "Content-Type": _JSON}) + NOTHING, WebAnswer.DENIED, set()),
        (status(302), WebAnswer.OTHER, {UnknownReason.REDIRECT}),
        (status(300), WebAnswer.OTHER, {UnknownReason.REDIRECT}),
        (http.GARBAGE, WebAnswer.NOT_HTTP, set()),
        (b"HTTP/1.0 200 OK\r\n\r\n[]", WebAnswer.EMPTY, set()),
    ],
)
def test_studies_list_answer_to_everything_is_known_or_in_doubt(
    answer: bytes, expected: WebAnswer, doubts: set[str]
) -> None:
    found = answered([answer] * 60)
    assert (found.answer, {str(doubt) for doubt in found.doubts}) == (expected, doubts)
