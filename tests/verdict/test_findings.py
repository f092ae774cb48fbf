"""What is to be said of a target first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Expect, Target
from dicom_exporter.results import (
    Attempt,
    EchoResult,
    Outcome,
    QueryOutcome,
    QueryResult,
    SessionResult,
    StoreResult,
    StrangerResult,
    WebAnswer,
    WebResult,
)
from dicom_exporter.verdict.findings import RANKS, Standing, stand

GOOD = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0))


def target(expect: Expect) -> Target:
    return Target("main", Address("pacs.example", 104), expect=expect)


def own(outcome: Outcome) -> SessionResult:
    return SessionResult("monitor", EchoResult(outcome))


def stranger(outcome: Outcome, dicomweb: WebResult | None = None) -> SessionResult:
    ladder = StrangerResult((Attempt(outcome),))
    return SessionResult("stranger", EchoResult(outcome), stranger=ladder, dicomweb=dicomweb)


def test_the_words_come_worst_first() -> None:
    assert sorted(RANKS, key=RANKS.__getitem__)[0] is Standing.EXPOSED
    assert sorted(RANKS, key=RANKS.__getitem__)[-1] is Standing.OK


@pytest.mark.parametrize("expect", [Expect.AVAILABLE, Expect.GUARDED])
@pytest.mark.parametrize("outcome", Outcome)
def test_what_must_answer_is_down_when_it_does_not(expect: Expect, outcome: Outcome) -> None:
    expected = {
        Outcome.SUCCESS: Standing.OK,
        Outcome.REJECTED: Standing.TROUBLED,
        Outcome.BUSY: Standing.TROUBLED,
        Outcome.NOT_OFFERED: Standing.TROUBLED,
        Outcome.OVERLOAD: Standing.UNKNOWN,
    }
    assert stand(target(expect), [own(outcome)]) is expected.get(outcome, Standing.DOWN)


@pytest.mark.parametrize(
    ("expect", "outcome", "standing"),
    [
        (Expect.CLOSED, Outcome.CONNECT_TIMEOUT, Standing.OK),
        (Expect.CLOSED, Outcome.REFUSED, Standing.OK),
        (Expect.CLOSED, Outcome.NO_ANSWER, Standing.EXPOSED),
        (Expect.CLOSED, Outcome.REJECTED, Standing.EXPOSED),
        (Expect.CLOSED, Outcome.SUCCESS, Standing.EXPOSED),
        (Expect.CLOSED, Outcome.DNS_FAILURE, Standing.UNKNOWN),
        (Expect.CLOSED, Outcome.BUSY, Standing.UNKNOWN),
        (Expect.CLOSED, Outcome.OVERLOAD, Standing.UNKNOWN),
        (Expect.GUARDED, Outcome.REJECTED, Standing.OK),
        (Expect.GUARDED, Outcome.SUCCESS, Standing.EXPOSED),
        (Expect.GUARDED, Outcome.UNREACHABLE, Standing.UNKNOWN),
        (Expect.CONTROL, Outcome.SUCCESS, Standing.OK),
        (Expect.CONTROL, Outcome.REFUSED, Standing.BLIND),
        (Expect.CONTROL, Outcome.REJECTED, Standing.BLIND),
        (Expect.CONTROL, Outcome.DNS_FAILURE, Standing.UNKNOWN),
        (Expect.AVAILABLE, Outcome.SUCCESS, Standing.OK),
    ],
)
def test_strangers(expect: Expect, outcome: Outcome, standing: Standing) -> None:
    assert stand(target(expect), [stranger(outcome)]) is standing


def test_a_service_that_nobody_could_tell_about_is_not_safe() -> None:
    session = stranger(Outcome.REFUSED, dicomweb=WebResult(WebAnswer.UNKNOWN))
    assert stand(target(Expect.CLOSED), [session]) is Standing.UNKNOWN


def test_exposed_is_worse_than_down() -> None:
    assert stand(target(Expect.GUARDED), [own(Outcome.REFUSED), stranger(Outcome.SUCCESS)]) is Standing.EXPOSED


def test_that_we_get_in_says_nothing_of_strangers() -> None:
    assert stand(target(Expect.CLOSED), [GOOD]) is Standing.UNKNOWN
    assert stand(target(Expect.CONTROL), [GOOD]) is Standing.UNKNOWN


def test_nothing_found_is_no_verdict() -> None:
    assert stand(target(Expect.AVAILABLE), []) is Standing.NEVER_PROBED


@pytest.mark.parametrize(
    "session",
    [
        replace(GOOD, queries={"studies": QueryResult(QueryOutcome.REFUSED, 0x0124)}),
        replace(GOOD, store=StoreResult(success=False)),
        replace(GOOD, dicomweb=WebResult(WebAnswer.DENIED, status=401)),
    ],
)
def test_an_archive_that_does_not_do_all_it_was_asked_is_troubled(session: SessionResult) -> None:
    assert stand(target(Expect.AVAILABLE), [session]) is Standing.TROUBLED


@pytest.mark.parametrize(
    ("answer", "standing"),
    [
        (WebAnswer.EMPTY, Standing.OK),
        (WebAnswer.DENIED, Standing.TROUBLED),
        (WebAnswer.OTHER, Standing.DOWN),
        (WebAnswer.CLOSED, Standing.DOWN),
        (WebAnswer.UNKNOWN, Standing.UNKNOWN),
    ],
)
def test_dicomweb_must_answer_too(answer: WebAnswer, standing: Standing) -> None:
    assert stand(target(Expect.AVAILABLE), [replace(GOOD, dicomweb=WebResult(answer))]) is standing


def test_a_query_that_was_never_sent_adds_nothing() -> None:
    session = replace(GOOD, queries={"studies": QueryResult(QueryOutcome.NO_ASSOCIATION)})
    assert stand(target(Expect.AVAILABLE), [session]) is Standing.OK
