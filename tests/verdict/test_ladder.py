"""The verdict over one attempt; what real servers allow a stranger is in tests/integration/test_exposure.py."""

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


def stranger(outcome: Outcome) -> SessionResult:
    return SessionResult("stranger", None, stranger=StrangerResult((Attempt(outcome),)))


@pytest.mark.parametrize("outcome", LEVELS)
def test_judge_level_of_one_attempt_by_outcome(outcome: Outcome) -> None:
    verdict = judge((stranger(outcome),))
    assert verdict is not None
    assert verdict.levels == {"dimse": LEVELS[outcome]}


@pytest.mark.parametrize("outcome", LEVELS)
def test_judge_shared_verdict_equals_computed_verdict(outcome: Outcome) -> None:
    """Without a connection, all targets share one verdict."""
    assert judge((stranger(outcome),)) == judge((stranger(outcome), stranger(outcome)))


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.CONNECT_TIMEOUT])
def test_judge_closed_port_serves_nothing_and_leaves_title_checks_unknown(outcome: Outcome) -> None:
    verdict = judge((stranger(outcome),))
    assert verdict is not None
    assert verdict.checks == {"worklist_queryable": False, "retrieve_negotiable": False, "store_negotiable": False}


@pytest.mark.parametrize("outcome", [Outcome.DNS_FAILURE, Outcome.UNREACHABLE])
def test_judge_no_name_or_route_has_no_checks(outcome: Outcome) -> None:
    verdict = judge((stranger(outcome),))
    assert verdict is not None
    assert verdict.checks == {}
