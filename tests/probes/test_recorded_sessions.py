"""Sessions of real servers, played to our own client: whole, in any pieces, and with any damage."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_exporter.enums import Outcome, Phase, QueryOutcome, StoreOutcome
from dicom_exporter.results import SessionResult, StoreResult
from tests.testing.hostile import damage, scenarios, sessions, simulated, wire
from tests.testing.hostile.playing import facts, play

RECORDED = sessions.load()
recorded = pytest.mark.parametrize("session", RECORDED, ids=str)


def test_the_servers_that_we_mean_are_recorded() -> None:
    assert {session.server for session in RECORDED} == {"dcmqrscp", "orthanc", "pynetdicom", "storescp", "wlmscpfs"}


@recorded
def test_a_whole_session_says_what_the_server_had(session: sessions.Session) -> None:
    found = play(scenarios.ALL[session.scenario], session.steps)
    if isinstance(found, StoreResult):
        assert found.outcome is StoreOutcome.SUCCESS
        return
    assert found.echo is not None
    assert found.echo.outcome is Outcome.SUCCESS
    assert found.peer is not None
    counts = {name: result.matches for name, result in found.queries.items() if result.matches is not None}
    assert counts.items() <= {"studies": 3, "two": 2, "patients": 3, "worklist": 3}.items()
    assert counts or session.server == "storescp" or (session.server, session.scenario) == ("dcmqrscp", "worklist")


@recorded
@settings(max_examples=25, deadline=None)
@given(pieces=damage.pieces)
def test_any_split_finds_the_same(session: sessions.Session, pieces: list[int]) -> None:
    scenario = scenarios.ALL[session.scenario]
    assert facts(play(scenario, session.steps, pieces)) == facts(play(scenario, session.steps))


@recorded
@settings(max_examples=10, deadline=None)
@given(pieces=damage.pieces)
def test_answers_in_one_segment_find_the_same(session: sessions.Session, pieces: list[int]) -> None:
    scenario = scenarios.ALL[session.scenario]
    together = sessions.answers(session.steps)
    assert facts(play(scenario, together, pieces)) == facts(play(scenario, session.steps))


ENDS = {
    "abort": wire.abort(),
    "release": wire.release_rq(),
    "close": simulated.direct(simulated.Direction.CLOSE),
    "garbage": b"\0\1\2\3",
    "garbage of a known type": wire.pdu(wire.P_DATA, b""),
}


@recorded
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
@settings(max_examples=10, deadline=None)
@given(pieces=damage.pieces)
def test_end_right_after_the_accept_finds_the_same_in_any_split(
    session: sessions.Session, end: bytes, pieces: list[int]
) -> None:
    """Whether the end comes in the segment of the A-ASSOCIATE-AC, or after it."""
    accept = session.steps[0]
    close = simulated.direct(simulated.Direction.CLOSE)
    in_one, in_two = ([accept, close],) * 2 if end == close else ([accept + end, close], [accept, end, close])
    scenario = scenarios.ALL[session.scenario]
    whole, split = play(scenario, in_one * 20), play(scenario, in_two * 20, pieces)
    assert _without_release(facts(whole)) == _without_release(facts(split))
    if isinstance(whole, SessionResult):
        assert whole.association is Outcome.SUCCESS


def _without_release(found: Any) -> Any:
    """An association that has ended is not released: that phase depends on when the end is seen."""
    if isinstance(found, StoreResult):
        return found
    return replace(found, phases={phase for phase in found.phases if phase is not Phase.RELEASE})


@recorded
def test_byte_by_byte_finds_the_same(session: sessions.Session) -> None:
    scenario = scenarios.ALL[session.scenario]
    one_by_one = [1] * sum(map(len, session.steps))
    assert facts(play(scenario, session.steps, one_by_one)) == facts(play(scenario, session.steps))


@recorded
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_ends_as_an_outcome(session: sessions.Session, data: st.DataObject) -> None:
    steps = data.draw(damage.damaged(list(session.steps)))
    silent = data.draw(st.booleans())
    play(scenarios.ALL[session.scenario], steps, data.draw(damage.pieces), silent_at_end=silent)


@pytest.mark.parametrize("scenario", scenarios.ALL.values(), ids=scenarios.ALL)
@settings(max_examples=50, deadline=None)
@given(steps=st.lists(st.binary(max_size=100), max_size=5))
def test_any_bytes_end_as_an_outcome(scenario: scenarios.Scenario, steps: list[bytes]) -> None:
    found = play(scenario, steps)
    assert isinstance(found, StoreResult) or found.echo is None or found.echo.outcome is not Outcome.SUCCESS


def test_a_pause_before_the_answer_is_no_answer() -> None:
    pause = [simulated.direct(simulated.Direction.STOP_READING), simulated.direct(simulated.Direction.READ_ON)]
    (session,) = (session for session in RECORDED if str(session) == "orthanc-archive")
    found = play(scenarios.archive, [*pause, *session.steps])
    assert isinstance(found, SessionResult)
    assert found.echo is not None
    assert found.echo.outcome is Outcome.SUCCESS


def test_a_connection_that_comes_as_we_give_up_is_none() -> None:
    found = play(scenarios.archive, [simulated.direct(simulated.Direction.LATE)])
    assert isinstance(found, SessionResult)
    assert found.echo is not None
    assert found.echo.outcome is Outcome.CONNECT_TIMEOUT


def test_an_answer_that_lay_there_at_the_deadline_is_an_answer() -> None:
    """The event loop sees to its timers first, and what came while it was busy comes after them."""
    (session,) = (session for session in RECORDED if str(session) == "orthanc-archive")
    accept, echo, *_ = session.steps
    until_the_deadline = simulated.direct(simulated.Direction.WAIT, bytes(round(scenarios.SECONDS * 10)))
    found = play(scenarios.archive, [accept, until_the_deadline, echo], silent_at_end=True)
    assert isinstance(found, SessionResult)
    assert found.echo is not None
    assert found.echo.outcome is Outcome.SUCCESS
    assert found.queries["studies"].outcome is QueryOutcome.TIMEOUT
