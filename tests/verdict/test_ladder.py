"""The verdict over a port that let nobody in; what real servers allow a stranger is in integration/test_exposure."""

from __future__ import annotations

import pytest

from dicom_exporter.results import Attempt, Outcome, SessionResult, StrangerResult
from dicom_exporter.verdict.ladder import judge

LEVELS: dict[Outcome, int | None] = {
    Outcome.REFUSED: 0,
    Outcome.CONNECT_TIMEOUT: 0,
    Outcome.CLOSED: 1,
    Outcome.NO_ANSWER: 1,
    Outcome.NOT_DICOM: 1,
    Outcome.PROTOCOL_ERROR: 1,
    Outcome.TLS_FAILURE: 1,
    Outcome.REJECTED: 2,
    Outcome.ABORTED: 2,
    Outcome.SUCCESS: 3,
    Outcome.DNS_FAILURE: None,
    Outcome.UNREACHABLE: None,
    Outcome.BUSY: None,
    Outcome.OVERLOAD: None,
}


def visit(outcome: Outcome) -> SessionResult:
    return SessionResult("stranger", None, stranger=StrangerResult((Attempt(outcome),)))


@pytest.mark.parametrize("outcome", LEVELS)
def test_what_one_attempt_proves(outcome: Outcome) -> None:
    verdict = judge((visit(outcome),))
    assert verdict is not None
    assert verdict.levels == {"dimse": LEVELS[outcome]}


@pytest.mark.parametrize("outcome", LEVELS)
def test_the_verdict_over_one_visit_is_the_one_over_two_that_found_the_same(outcome: Outcome) -> None:
    """Where there was no connection, it is made once and kept."""
    assert judge((visit(outcome),)) == judge((visit(outcome), visit(outcome)))


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.CONNECT_TIMEOUT])
def test_what_is_closed_serves_nothing_and_says_nothing_of_its_titles(outcome: Outcome) -> None:
    verdict = judge((visit(outcome),))
    assert verdict is not None
    assert verdict.checks == {"worklist_queryable": False, "retrieve_negotiable": False, "store_negotiable": False}


@pytest.mark.parametrize("outcome", [Outcome.DNS_FAILURE, Outcome.UNREACHABLE])
def test_unknown_is_not_safe(outcome: Outcome) -> None:
    verdict = judge((visit(outcome),))
    assert verdict is not None
    assert verdict.checks == {}
