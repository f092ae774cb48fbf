"""A target in one line, whatever happened to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.pages.headlines import headline
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
from dicom_exporter.verdict.findings import Standing, stand
from tests import builders


def everything() -> Iterator[tuple[SessionResult, ...]]:
    """Sessions of every ending, ours, a stranger's, and both."""
    strangers = [
        replace(builders.SHUT, stranger=StrangerResult((Attempt(outcome),)), dicomweb=web)
        for outcome in Outcome
        for web in (None, *(WebResult(answer) for answer in WebAnswer))
    ]
    ours = [replace(builders.GOOD, echo=EchoResult(outcome), queries={}) for outcome in Outcome]
    ours += [replace(builders.GOOD, queries={"today": QueryResult(outcome)}) for outcome in QueryOutcome]
    ours += [replace(builders.GOOD, dicomweb=WebResult(answer)) for answer in WebAnswer]
    ours += [replace(builders.GOOD, store=StoreResult(success=False)), replace(builders.GOOD, echo=None)]
    yield ()
    yield from ((session,) for session in (*ours, *strangers))
    yield from ((own, stranger) for own in ours for stranger in strangers[:: len(WebAnswer)])


@pytest.mark.parametrize("expect", Expect)
def test_every_ending_has_words(expect: Expect) -> None:
    target = replace(builders.OK_TARGET, expect=expect)
    for sessions in everything():
        text = headline(target, sessions)
        assert text[0].isupper()
        assert text.endswith(".")
        assert text not in ("It is not as expected.", "It could not be told."), sessions
        if stand(target, sessions) is not Standing.OK:
            assert text != "As expected.", sessions


def test_what_is_exposed_is_named_with_the_furthest_first() -> None:
    text = headline(builders.EXPOSED_TARGET, [builders.OPEN])
    assert text == "Anybody can list the studies in here. DICOM level 5, DICOMweb level 2; allowed is 0, closed."


def test_a_rejection_says_what_to_do() -> None:
    assert "have its administrator add it" in headline(builders.REJECTED_TARGET, [builders.REJECTED])


def test_of_two_faults_the_worse_is_told() -> None:
    second = replace(builders.DOWN, identity="second")
    text = headline(builders.DOWN_TARGET, [replace(builders.REJECTED, identity="first"), second])
    assert "nothing listens on the port" in text


def test_a_count_is_told_as_it_is() -> None:
    one = replace(builders.GOOD, queries={"studies": QueryResult(QueryOutcome.ALLOWED, 0, matches=1, complete=True)})
    more = replace(
        builders.GOOD, queries={"studies": QueryResult(QueryOutcome.TRUNCATED, 0, matches=50, complete=False)}
    )
    assert headline(builders.OK_TARGET, [one]) == "It answers us, and lists 1 study."
    assert headline(builders.OK_TARGET, [more]) == "It answers us, and lists 50 studies or more."
