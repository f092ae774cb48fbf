"""A target's row: facts and counts. What its findings are is in tests/verdict/test_findings.py."""

from __future__ import annotations

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome, QueryOutcome, WebAnswer
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.report import Row
from dicom_exporter.report.rows import make_row
from dicom_exporter.results import QueryResult, SessionResult, WebResult
from tests import builders


def row(found: ProbeRecord) -> Row:
    return make_row(found)


@pytest.mark.parametrize(
    ("found", "standing", "reachable", "open_to_strangers"),
    [
        (builders.FOUND_OPEN, "exposed", True, True),
        (builders.FOUND_CLOSED, "as expected", False, False),
        (builders.FOUND_UNKNOWN, "unknown", None, None),
        (builders.FOUND_DOWN, "down", False, None),
        (builders.FOUND_GUARDED, "as expected", True, False),
        (builders.FOUND_WEB, "exposed", True, True),
        (builders.FOUND_CONTROL, "as expected", True, True),
        (builders.FOUND_BLIND, "vantage blind", False, False),
    ],
)
def test_row_result_and_reachability_of_each_kind(
    found: ProbeRecord, standing: str, reachable: bool | None, open_to_strangers: bool | None
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
    line = row(builders.record(builders.target("t", Expect.AVAILABLE), session))
    assert (line.standing, line.reachable, line.echo) == (standing, reachable, None)
    (finding,) = line.findings
    assert finding.text.startswith(f"Association {outcome}: ")


def test_row_closed_target_own_failure_is_as_expected() -> None:
    line = row(
        builders.record(
            builders.target("t", Expect.CLOSED), builders.monitor(Outcome.REFUSED), builders.stranger(Outcome.REFUSED)
        )
    )
    assert line.findings == ()


def test_row_available_target_open_to_strangers_is_as_expected() -> None:
    line = row(
        builders.record(builders.target("t", Expect.AVAILABLE), builders.stranger(Outcome.SUCCESS, builders.listing(3)))
    )
    assert line.findings == ()
    assert line.open_to_strangers is True


def test_row_one_service_unknown_is_unknown() -> None:
    line = row(
        builders.record(
            builders.target("t", Expect.CLOSED),
            builders.stranger(Outcome.REFUSED, dicomweb=WebResult(WebAnswer.UNKNOWN)),
        )
    )
    assert (line.standing, line.open_to_strangers, line.reachable) == ("unknown", None, None)
    assert str(line.studies) == "unknown"


def test_row_probe_without_sessions_is_unknown() -> None:
    assert row(builders.record(builders.target("t", Expect.CLOSED))).standing == "unknown"


@pytest.mark.parametrize(
    ("found", "studies", "patients", "images"),
    [
        (builders.FOUND_OPEN, "at least 1,000", "700", "at least 3,000"),
        (builders.FOUND_CLOSED, "–", "–", "–"),  # noqa: RUF001 - what a reader sees
        (builders.FOUND_UNKNOWN, "unknown", "unknown", "unknown"),
        (builders.FOUND_DOWN, "–", "–", "–"),  # noqa: RUF001
        (builders.FOUND_WEB, "at least 40", "unknown", "unknown"),
        (builders.FOUND_CONTROL, "8", "unknown", "24"),
    ],
)
def test_row_counts_are_those_of_a_stranger(found: ProbeRecord, studies: str, patients: str, images: str) -> None:
    line = row(found)
    assert (str(line.studies), str(line.patients), str(line.images)) == (studies, patients, images)


def test_row_own_counts_are_separate() -> None:
    line = row(builders.FOUND_GUARDED)
    assert (str(line.own_studies), str(line.own_images)) == ("5", "9")
    assert line.studies.number is None


def test_row_empty_answer_counts_zero() -> None:
    empty = {"studies": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True, instances=0, instances_complete=True)}
    line = row(builders.record(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, empty)))
    assert (str(line.studies), str(line.images)) == ("0", "0")


@pytest.mark.parametrize("outcome", [QueryOutcome.REFUSED, QueryOutcome.TIMEOUT, QueryOutcome.ABORTED])
def test_row_refused_query_counts_unknown(outcome: QueryOutcome) -> None:
    queries = {
        "random_uid": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True),
        "studies": QueryResult(outcome),
    }
    line = row(builders.record(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, queries)))
    assert line.level == 4
    assert (str(line.studies), str(line.images)) == ("unknown", "unknown")


def test_row_images_not_counted_by_archive_are_unknown() -> None:
    studies = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=7, complete=True)}
    line = row(builders.record(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, studies)))
    assert (str(line.studies), str(line.images)) == ("7", "unknown")


def test_row_count_without_completeness_is_at_least() -> None:
    suspect = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=100, complete=None)}
    line = row(builders.record(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, suspect)))
    assert (str(line.studies), line.studies.short) == ("at least 100", "100+")


def test_row_peer_version_is_printable() -> None:
    session = builders.stranger(Outcome.REJECTED, version="A\x1b[31m\nB")
    assert row(builders.record(builders.target("t", Expect.CLOSED), session)).version == "A?[31m?B"
