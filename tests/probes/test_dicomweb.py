"""The DICOMweb probe on recorded answers of real servers: whole, in any pieces, and with any damage."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicom_exporter.enums import WebAnswer
from dicom_exporter.results import SessionResult
from tests.testing.hostile import damage, scenarios, sessions
from tests.testing.hostile.playing import facts, play

over_http = pytest.mark.parametrize("session", sessions.load(scenarios.HTTP), ids=str)


@over_http
def test_a_whole_session_over_http_says_what_the_server_had(session: sessions.Session) -> None:
    found = play(scenarios.HTTP[session.scenario], session.steps)
    assert isinstance(found, SessionResult)
    (result,) = found.web or (found.dicomweb,)
    assert result is not None
    assert (result.answer, result.studies, result.complete) == (WebAnswer.ENTRIES, 3, True)


@over_http
@settings(max_examples=25, deadline=None)
@given(pieces=damage.pieces)
def test_any_split_finds_the_same_over_http(session: sessions.Session, pieces: list[int]) -> None:
    scenario = scenarios.HTTP[session.scenario]
    assert facts(play(scenario, session.steps, pieces)) == facts(play(scenario, session.steps))


@over_http
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_damage_ends_as_an_answer_over_http(session: sessions.Session, data: st.DataObject) -> None:
    steps = data.draw(damage.damaged(list(session.steps)))
    play(scenarios.HTTP[session.scenario], steps, data.draw(damage.pieces), silent_at_end=data.draw(st.booleans()))
