"""What a target's line says, and what it does not claim."""

from __future__ import annotations

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.report import Kind, Row
from dicom_exporter.report.rows import make_row
from dicom_exporter.results import Outcome, QueryOutcome, QueryResult, StoreResult, TLSFacts, WebAnswer, WebResult
from dicom_exporter.verdict.findings import stand
from tests.report import found as made


def row(found: made.Found) -> Row:
    return make_row(*found)


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
def test_one_of_each_kind(
    found: made.Found, standing: str, reachable: bool | None, open_to_strangers: bool | None
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
    (finding,) = row(made.found(made.target("t", Expect.AVAILABLE), made.ours(outcome))).findings
    assert finding.kind is kind
    assert finding.text.startswith(f"C-ECHO {outcome}: ")


def test_a_query_or_a_store_that_fails_is_trouble() -> None:
    sessions = made.ours(studies=QueryResult(QueryOutcome.REFUSED), store=StoreResult(success=False))
    line = row(made.found(made.target("t", Expect.AVAILABLE), sessions))
    assert [finding.kind for finding in line.findings] == [Kind.TROUBLE, Kind.TROUBLE]


@pytest.mark.parametrize("expect", [Expect.CLOSED, Expect.CONTROL])
def test_where_no_stranger_went_nothing_is_known_of_strangers(expect: Expect) -> None:
    (finding,) = row(made.found(made.target("t", expect), made.ours())).findings
    assert finding.kind is Kind.UNKNOWN


@pytest.mark.parametrize("found", [*made.ALL, made.BLIND])
def test_it_judges_as_the_pages_do(found: made.Found) -> None:
    names = {"as expected": "ok", "vantage blind": "blind"}
    standing = row(found).standing
    assert names.get(standing, standing) == stand(found[0], found[1].sessions)


def test_a_closed_target_need_not_answer_us() -> None:
    line = row(made.found(made.target("t", Expect.CLOSED), made.ours(Outcome.REFUSED), made.stranger(Outcome.REFUSED)))
    assert line.findings == ()


def test_a_level_says_what_is_allowed() -> None:
    (finding,) = row(made.OPEN).findings
    assert finding.text == "DICOM: a stranger gets to level 5, lists studies; allowed is 0, closed"


def test_nothing_is_said_of_strangers_where_the_owner_says_nothing() -> None:
    line = row(made.found(made.target("t", Expect.AVAILABLE), made.stranger(Outcome.SUCCESS, made.listing(3))))
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
    session = made.ours(dicomweb=WebResult(answer))
    findings = row(made.found(made.target("t", Expect.AVAILABLE), session)).findings
    assert [finding.kind for finding in findings] == ([] if kind is None else [kind])


def test_a_certificate_that_we_do_not_trust_is_named_as_the_reason() -> None:
    web = WebResult(WebAnswer.NOT_HTTP, tls=TLSFacts(certificate_trusted=False))
    (finding,) = row(made.found(made.target("t", Expect.AVAILABLE), made.ours(dicomweb=web))).findings
    assert finding.text == "DICOMweb does not answer us: we do not trust its certificate"


def test_the_worst_comes_first() -> None:
    sessions = made.ours(Outcome.BUSY), made.stranger(Outcome.SUCCESS, made.listing(1))
    line = row(made.found(made.target("t", Expect.GUARDED), *sessions))
    assert [finding.kind for finding in line.findings] == [Kind.EXPOSED, Kind.BUSY]


def test_a_control_that_could_not_be_told_shows_nothing() -> None:
    (finding,) = row(made.found(made.target("t", Expect.CONTROL), made.stranger(Outcome.BUSY))).findings
    assert finding.kind is Kind.UNKNOWN


def test_one_service_unknown_leaves_the_target_unknown() -> None:
    line = row(
        made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.REFUSED, web=WebResult(WebAnswer.UNKNOWN)))
    )
    assert (line.standing, line.open_to_strangers, line.reachable) == ("unknown", None, None)
    assert str(line.studies) == "unknown"


def test_a_bug_of_ours_is_unknown() -> None:
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
def test_counts_are_what_a_stranger_was_shown(found: made.Found, studies: str, patients: str, images: str) -> None:
    line = row(found)
    assert (str(line.studies), str(line.patients), str(line.images)) == (studies, patients, images)


def test_our_own_counts_are_no_strangers() -> None:
    line = row(made.GUARDED)
    assert (str(line.own_studies), str(line.own_images)) == ("5", "9")
    assert line.studies.number is None


def test_an_empty_answer_is_a_zero_that_somebody_counted() -> None:
    empty = {"studies": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True, instances=0)}
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, empty)))
    assert (str(line.studies), str(line.images)) == ("0", "0")


@pytest.mark.parametrize("outcome", [QueryOutcome.REFUSED, QueryOutcome.TIMEOUT, QueryOutcome.ABORTED])
def test_a_refused_query_is_not_an_empty_archive(outcome: QueryOutcome) -> None:
    queries = {
        "random_uid": QueryResult(QueryOutcome.EMPTY, matches=0, complete=True),
        "studies": QueryResult(outcome),
    }
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, queries)))
    assert line.level == 4
    assert (str(line.studies), str(line.images)) == ("unknown", "unknown")


def test_images_that_the_archive_does_not_count_are_unknown() -> None:
    studies = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=7, complete=True)}
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, studies)))
    assert (str(line.studies), str(line.images)) == ("7", "unknown")


def test_a_count_of_unclaimed_completeness_is_at_least() -> None:
    suspect = {"studies": QueryResult(QueryOutcome.ALLOWED, matches=100, complete=None)}
    line = row(made.found(made.target("t", Expect.CLOSED), made.stranger(Outcome.SUCCESS, suspect)))
    assert (str(line.studies), line.studies.short) == ("at least 100", "100+")


def test_a_peers_words_are_made_printable() -> None:
    session = made.stranger(Outcome.REJECTED, version="A\x1b[31m\nB")
    assert row(made.found(made.target("t", Expect.CLOSED), session)).version == "A?[31m?B"
