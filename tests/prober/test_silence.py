"""What silence proves, by the time that a request allowed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.enums import (
    CanaryStep,
    LadderService,
    Outcome,
    QueryOutcome,
    StoreOutcome,
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.prober.silence import as_overload, is_hurried, ran_out_of_time
from dicom_exporter.results import (
    Attempt,
    CanaryResult,
    CanaryStepResult,
    EchoResult,
    QueryResult,
    SessionResult,
    StoreResult,
    StrangerResult,
    WebResult,
)

TIMED_OUT = QueryResult(QueryOutcome.TIMEOUT, matches=3)
OVERLOAD = QueryResult(QueryOutcome.OVERLOAD, matches=3)
ANSWERED = QueryResult(QueryOutcome.ALLOWED, matches=3)
GOOD = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0), {"studies": ANSWERED}, association=Outcome.SUCCESS)


def stranger(*attempts: Attempt, **fields: object) -> SessionResult:
    return replace(SessionResult("stranger", None, stranger=StrangerResult(attempts)), **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "longest", "hurried"),
    [
        (9.5, 10.0, False),  # Prometheus' own scrape_timeout, less the offset
        (9.5, 15.0, False),
        (4.5, 10.0, False),
        (3.0, 10.0, True),
        (0.15, 10.0, True),
        (0.9, 1.0, False),
    ],
)
def test_is_hurried_below_a_third_of_the_longest_timeout(seconds: float, longest: float, hurried: bool) -> None:
    assert is_hurried(seconds, longest) is hurried


@pytest.mark.parametrize("outcome", Outcome)
def test_as_overload_silence_is_overload_and_every_answer_stays(outcome: Outcome) -> None:
    expected = Outcome.OVERLOAD if outcome in (Outcome.NO_ANSWER, Outcome.DNS_FAILURE) else outcome
    found = as_overload(replace(GOOD, echo=EchoResult(outcome), association=outcome))
    assert (found.echo, found.association) == (EchoResult(expected), expected)
    found = as_overload(stranger(Attempt(outcome, echo=EchoResult(outcome))))
    assert found.stranger == StrangerResult((Attempt(expected, echo=EchoResult(expected)),))


@pytest.mark.parametrize("outcome", QueryOutcome)
def test_as_overload_unanswered_query_is_overload_and_keeps_its_matches(outcome: QueryOutcome) -> None:
    query = QueryResult(outcome, matches=3)
    expected = OVERLOAD if outcome is QueryOutcome.TIMEOUT else query
    assert as_overload(replace(GOOD, queries={"studies": query})).queries == {"studies": expected}
    found = as_overload(stranger(Attempt(Outcome.SUCCESS, queries={"studies": query})))
    assert found.stranger == StrangerResult((Attempt(Outcome.SUCCESS, queries={"studies": expected}),))


def test_as_overload_other_results_stay_as_they_are() -> None:
    page = WebResult(WebAnswer.UNKNOWN)
    assert as_overload(page) is page


@pytest.mark.parametrize(
    ("session", "expected"),
    [
        (GOOD, False),
        (replace(GOOD, echo=EchoResult(Outcome.REJECTED)), False),
        (replace(GOOD, echo=EchoResult(Outcome.CONNECT_TIMEOUT)), False),
        (replace(GOOD, echo=EchoResult(Outcome.NO_ANSWER)), True),
        (replace(GOOD, association=Outcome.OVERLOAD), True),
        (replace(GOOD, queries={"studies": TIMED_OUT}), True),
        (replace(GOOD, store=StoreResult(StoreOutcome.SUCCESS)), False),
        (replace(GOOD, store=StoreResult(StoreOutcome.FAILED)), False),
        (replace(GOOD, store=StoreResult(StoreOutcome.TIMEOUT)), True),
        (
            replace(GOOD, canary=CanaryResult((CanaryStepResult(LadderService.DIMSE, CanaryStep.STORE, True, 1.0),))),
            False,
        ),
        (
            replace(GOOD, canary=CanaryResult((CanaryStepResult(LadderService.DIMSE, CanaryStep.STORE, None, 1.0),))),
            True,
        ),
        (replace(GOOD, dicomweb=WebResult(WebAnswer.DENIED)), False),
        (replace(GOOD, dicomweb=WebResult(WebAnswer.UNKNOWN)), True),
        (stranger(Attempt(Outcome.REJECTED)), False),
        (stranger(Attempt(Outcome.REJECTED), Attempt(Outcome.OVERLOAD)), True),
        (stranger(Attempt(Outcome.SUCCESS, queries={"studies": TIMED_OUT})), True),
        (stranger(Attempt(Outcome.SUCCESS, doubts=frozenset({UnknownReason.NOT_ASKED}))), True),
        (stranger(Attempt(Outcome.SUCCESS, doubts=frozenset({UnknownReason.NOT_OFFERED}))), False),
        (stranger(stranger=StrangerResult(doubts=frozenset({UnknownReason.OVERLOAD}))), True),
        (stranger(web=(WebResult(WebAnswer.OTHER, doubts=frozenset({UnknownReason.TIMEOUT})),)), True),
    ],
)
def test_ran_out_of_time_if_more_time_might_have_brought_an_answer(session: SessionResult, expected: bool) -> None:
    assert ran_out_of_time(session) is expected
