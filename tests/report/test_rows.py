"""What a target's line says, and what it does not claim."""

from __future__ import annotations

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.report import Kind, Row
from dicom_exporter.report.rows import make_row
from dicom_exporter.results import Outcome, QueryOutcome, QueryResult, StoreResult, TLSFacts, WebAnswer, WebResult
from dicom_exporter.verdict.findings import stand
from tests import builders


def row(found: builders.Found) -> Row:
    return make_row(*found)


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
def test_one_of_each_kind(
    found: builders.Found, standing: str, reachable: bool | None, open_to_strangers: bool | None
) -> None:
    line = row(found)
    assert (line.standing, line.reachable, line.open_to_strangers) == (standing, reachable, open_to_strangers)


@pytest.mark.parametrize(
    ("outcome", "kind"),
    [
        (Outcome.CONNECT_TIMEOUT, Kind.DOWN),
        (Outcome.NO_ANSWER, Kind.DOWN),
        (Outcome.REJECTED, Kind.REFUSES_US),
        (Outcome.NOT_OFFERED, Kind.REFUSES_US),
        (Outcome.BUSY, Kind.BUSY),
        (Outcome.OVERLOAD, Kind.UNKNOWN),
    ],
)
def test_refused_is_not_down_and_busy_is_neither(outcome: Outcome, kind: Kind) -> None:
    (finding,) = row(builders.found(builders.target("t", Expect.AVAILABLE), builders.monitor(outcome))).findings
    assert finding.kind is kind
    assert finding.text.startswith(f"C-ECHO {outcome}: ")


def test_a_query_or_a_store_that_fails_is_trouble() -> None:
    sessions = builders.monitor(studies=QueryResult(QueryOutcome.REFUSED), store=StoreResult(success=False))
    line = row(builders.found(builders.target("t", Expect.AVAILABLE), sessions))
    assert [finding.kind for finding in line.findings] == [Kind.TROUBLE, Kind.TROUBLE]


@pytest.mark.parametrize("expect", [Expect.CLOSED, Expect.CONTROL])
def test_where_no_stranger_went_nothing_is_known_of_strangers(expect: Expect) -> None:
    (finding,) = row(builders.found(builders.target("t", expect), builders.monitor())).findings
    assert finding.kind is Kind.UNKNOWN


@pytest.mark.parametrize("found", [*builders.ALL_FOUND, builders.FOUND_BLIND])
def test_it_judges_as_the_pages_do(found: builders.Found) -> None:
    names = {"as expected": "ok", "vantage blind": "blind"}
    standing = row(found).standing
    assert names.get(standing, standing) == stand(found[0], found[1].sessions)


def test_a_closed_target_need_not_answer_us() -> None:
    line = row(
        builders.found(
            builders.target("t", Expect.CLOSED), builders.monitor(Outcome.REFUSED), builders.stranger(Outcome.REFUSED)
        )
    )
    assert line.findings == ()


def test_a_level_says_what_is_allowed() -> None:
    (finding,) = row(builders.FOUND_OPEN).findings
    assert finding.text == "DICOM: a stranger gets to level 5, lists studies; allowed is 0, closed"


def test_nothing_is_said_of_strangers_where_the_owner_says_nothing() -> None:
    line = row(
        builders.found(builders.target("t", Expect.AVAILABLE), builders.stranger(Outcome.SUCCESS, builders.listing(3)))
    )
    assert line.findings == ()
    assert line.open_to_strangers is True


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (WebAnswer.ENTRIES, None),
        (WebAnswer.EMPTY, None),
        (WebAnswer.CLOSED, Kind.DOWN),
        (WebAnswer.OTHER, Kind.DOWN),
        (WebAnswer.DENIED, Kind.REFUSES_US),
        (WebAnswer.UNKNOWN, Kind.UNKNOWN),
    ],
)
def test_dicomweb_must_answer_us_too(answer: WebAnswer, kind: Kind | None) -> None:
    session = builders.monitor(dicomweb=WebResult(answer))
    findings = row(builders.found(builders.target("t", Expect.AVAILABLE), session)).findings
    assert [finding.kind for finding in findings] == ([] if kind is None else [kind])


def test_a_certificate_that_we_do_not_trust_is_named_as_the_reason() -> None:
    web = WebResult(WebAnswer.NOT_HTTP, tls=TLSFacts(certificate_trusted=False))
    (finding,) = row(builders.found(builders.target("t", Expect.AVAILABLE), builders.monitor(dicomweb=web))).findings
    assert finding.text == "DICOMweb does not answer us: we do not trust its certificate"


def test_the_worst_comes_first() -> None:
    sessions = builders.monitor(Outcome.BUSY), builders.stranger(Outcome.SUCCESS, builders.listing(1))
    line = row(builders.found(builders.target("t", Expect.GUARDED), *sessions))
    assert [finding.kind for finding in line.findings] == [Kind.EXPOSED, Kind.BUSY]


def test_a_control_that_could_not_be_told_shows_nothing() -> None:
    (finding,) = row(builders.found(builders.target("t", Expect.CONTROL), builders.stranger(Outcome.BUSY))).findings
    assert finding.kind is Kind.UNKNOWN


def test_one_service_unknown_leaves_the_target_unknown() -> None:
    line = row(
        builders.found(
            builders.target("t", Expect.CLOSED),
            builders.stranger(Outcome.REFUSED, dicomweb=WebResult(WebAnswer.UNKNOWN)),
        )
    )
    assert (line.standing, line.open_to_strangers, line.reachable) == ("unknown", None, None)
    assert str(line.studies) == "unknown"


def test_a_bug_of_ours_is_unknown() -> None:
    assert row(builders.found(builders.target("t", Expect.CLOSED))).standing == "unknown"


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
def test_counts_are_what_a_stranger_was_shown(found: builders.Found, studies: str, patients: str, images: str) -> None:
    line = row(found)
    assert (str(line.studies), str(line.patients), str(line.images)) == (studies, patients, images)


def test_our_own_counts_are_no_strangers() -> None:
    line = row(builders.FOUND_GUARDED)
    assert (str(line.own_studies), str(line.own_images)) == ("5", "9")
    assert line.studies.number is None


def test_an_empty_answer_is_a_zero_that_somebody_counted() -> None:
    empty = {"studies": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True, instances=0)}
    line = row(builders.found(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, empty)))
    assert (str(line.studies), str(line.images)) == ("0", "0")


@pytest.mark.parametrize("outcome", [QueryOutcome.REFUSED, QueryOutcome.TIMEOUT, QueryOutcome.ABORTED])
def test_a_refused_query_is_not_an_empty_archive(outcome: QueryOutcome) -> None:
    queries = {
        "random_uid": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True),
        "studies": QueryResult(outcome),
    }
    line = row(builders.found(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, queries)))
    assert line.level == 4
    assert (str(line.studies), str(line.images)) == ("unknown", "unknown")


def test_images_that_the_archive_does_not_count_are_unknown() -> None:
    studies = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=7, complete=True)}
    line = row(builders.found(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, studies)))
    assert (str(line.studies), str(line.images)) == ("7", "unknown")


def test_a_count_of_unclaimed_completeness_is_at_least() -> None:
    suspect = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=100, complete=None)}
    line = row(builders.found(builders.target("t", Expect.CLOSED), builders.stranger(Outcome.SUCCESS, suspect)))
    assert (str(line.studies), line.studies.short) == ("at least 100", "100+")


def test_a_peers_words_are_made_printable() -> None:
    session = builders.stranger(Outcome.REJECTED, version="A\x1b[31m\nB")
    assert row(builders.found(builders.target("t", Expect.CLOSED), session)).version == "A?[31m?B"
