"""A target's row: facts and counts. What its findings are is in tests/verdict/test_findings.py."""

from __future__ import annotations

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.report import Row
from dicom_exporter.report.rows import make_row
from dicom_exporter.results import Outcome, QueryOutcome, QueryResult, SessionResult, WebAnswer, WebResult
from tests.report import found as made


def row(found: made.Found) -> Row:
    return make_row(found)


@pytest.mark.parametrize(
    ("found", "standing", "reachable", "open_to_strangers"),
    [
        (made.OPEN, "exposed", True, True),
        (made.CLOSED, "as expected", False, False),
        (made.UNKNOWN, "unknown", None, None),
        (made.DOWN, "down", False, None),
        (made.GUARDED, "as expected", True, False),
        (made.WEB, "exposed", True, True),
        (made.CONTROL, "as expected", True, True),
        (made.BLIND, "vantage blind", False, False),
    ],
)
def test_row_result_and_reachability_of_each_kind(
    found: made.Found, standing: str, reachable: bool | None, open_to_strangers: bool | None
) -> None:
    line = row(found)
    assert (line.standing, line.reachable, line.open_to_strangers) == (standing, reachable, open_to_strangers)


@pytest.mark.parametrize(
    ("outcome", "standing", "reachable"),
    [
        (Outcome.REFUSED, "down", False),
        (Outcome.CONNECT_TIMEOUT, "down", False),
        (Outcome.NO_ANSWER, "down", True),
        (Outcome.DNS_FAILURE, "down", None),
        (Outcome.REJECTED, "refuses us", True),
        (Outcome.BUSY, "busy", True),
        (Outcome.OVERLOAD, "unknown", None),
    ],
)
def test_row_without_echo_goes_by_the_association(outcome: Outcome, standing: str, reachable: bool | None) -> None:
    queries = {"today": QueryResult(QueryOutcome.NO_ASSOCIATION)}
    session = SessionResult("monitor", None, queries, association=outcome)
    line = row(made.found(made.target("t", Expect.AVAILABLE), session))
    assert (line.standing, line.reachable, line.echo) == (standing, reachable, None)
    (finding,) = line.findings
    assert finding.text.startswith(f"Association {outcome}: ")


def test_row_closed_target_own_failure_is_as_expected() -> None:
    line = row(made.found(made.target("t", Expect.CLOSED), made.ours(Outcome.REFUSED), made.stranger(Outcome.REFUSED)))
    assert line.findings == ()


def test_row_available_target_open_to_strangers_is_as_expected() -> None:
    line = row(made.found(made.target("t", Expect.AVAILABLE), made.stranger(Outcome.SUCCESS, made.listing(3))))
    assert line.findings == ()
    assert line.open_to_strangers is True


def test_row_one_service_unknown_is_unknown() -> None:
    line = row(
        made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.REFUSED, web=WebResult(WebAnswer.UNKNOWN)))
    )
    assert (line.standing, line.open_to_strangers, line.reachable) == ("unknown", None, None)
    assert str(line.studies) == "unknown"


def test_row_probe_without_sessions_is_unknown() -> None:
    assert row(made.found(made.target("t", Expect.CLOSED))).standing == "unknown"


@pytest.mark.parametrize(
    ("found", "studies", "patients", "images"),
    [
        (made.OPEN, "at least 1,000", "700", "at least 3,000"),
        (made.CLOSED, "–", "–", "–"),  # noqa: RUF001 - what a reader sees
        (made.UNKNOWN, "unknown", "unknown", "unknown"),
        (made.DOWN, "–", "–", "–"),  # noqa: RUF001
        (made.WEB, "at least 40", "unknown", "unknown"),
        (made.CONTROL, "8", "unknown", "24"),
    ],
)
def test_row_counts_are_those_of_a_stranger(found: made.Found, studies: str, patients: str, images: str) -> None:
    line = row(found)
    assert (str(line.studies), str(line.patients), str(line.images)) == (studies, patients, images)


def test_row_own_counts_are_separate() -> None:
    line = row(made.GUARDED)
    assert (str(line.own_studies), str(line.own_images)) == ("5", "9")
    assert line.studies.number is None


def test_row_empty_answer_counts_zero() -> None:
    empty = {"studies": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True, instances=0)}
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, empty)))
    assert (str(line.studies), str(line.images)) == ("0", "0")


@pytest.mark.parametrize("outcome", [QueryOutcome.REFUSED, QueryOutcome.TIMEOUT, QueryOutcome.ABORTED])
def test_row_refused_query_counts_unknown(outcome: QueryOutcome) -> None:
    queries = {
        "random_uid": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True),
        "studies": QueryResult(outcome),
    }
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, queries)))
    assert line.level == 4
    assert (str(line.studies), str(line.images)) == ("unknown", "unknown")


def test_row_images_not_counted_by_archive_are_unknown() -> None:
    studies = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=7, complete=True)}
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, studies)))
    assert (str(line.studies), str(line.images)) == ("7", "unknown")


def test_row_count_without_completeness_is_at_least() -> None:
    suspect = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=100, complete=None)}
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, suspect)))
    assert (str(line.studies), line.studies.short) == ("at least 100", "100+")


def test_row_peer_version_is_printable() -> None:
    session = made.stranger(Outcome.REJECTED, version="A\x1b[31m\nB")
    assert row(made.found(made.target("t", Expect.CLOSED), session)).version == "A?[31m?B"
