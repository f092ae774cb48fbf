"""The one line about a target, for every kind of result."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.config import Expect, Target
from dicom_exporter.enums import Outcome, QueryOutcome
from dicom_exporter.pages.headlines import headline
from dicom_exporter.results import QueryResult, SessionResult
from tests import builders


def line(target: Target, *sessions: SessionResult) -> str:
    record = builders.recent(target, *sessions)
    return headline(target, sessions, record.verdict, record.findings)


def listed(outcome: QueryOutcome, matches: int) -> SessionResult:
    query = QueryResult(outcome, 0, matches=matches, complete=outcome is QueryOutcome.ALLOWED)
    return replace(builders.GOOD, queries={"studies": query})


@pytest.mark.parametrize(
    ("target", "session", "text"),
    [
        (builders.OK_TARGET, listed(QueryOutcome.ALLOWED, 1), "It answers us, and lists 1 study."),
        (builders.OK_TARGET, listed(QueryOutcome.TRUNCATED, 50), "It answers us, and lists 50 studies or more."),
        (builders.OK_TARGET, replace(builders.GOOD, queries={}), "It answers us."),
        (
            builders.OK_TARGET,
            replace(listed(QueryOutcome.ALLOWED, 2), echo=None, association=Outcome.SUCCESS),
            "It answers us, and lists 2 studies.",
        ),
        (builders.SHUT_TARGET, builders.SHUT, "Nobody gets a connection here."),
        (builders.BLIND_TARGET, builders.OPEN, "It is known to be open, and it is open."),
    ],
)
def test_headline_as_expected(target: Target, session: SessionResult, text: str) -> None:
    assert line(target, session) == text


def test_headline_nothing_asked_as_expected() -> None:
    assert line(builders.OK_TARGET, SessionResult("monitor", None)) == "As expected."


def test_headline_never_probed() -> None:
    assert headline(builders.OK_TARGET, (), None, ()) == "It was not probed since the exporter started."


def test_headline_exposed_names_furthest_service() -> None:
    text = line(builders.EXPOSED_TARGET, builders.OPEN)
    assert text == "Anybody can list the studies in here. DICOM: allowed 0 (closed), got 5 (lists studies)."


def test_headline_rejected_says_what_to_do() -> None:
    assert "have its administrator add it" in line(builders.REJECTED_TARGET, builders.REJECTED)


def test_headline_two_faults_shows_the_worse() -> None:
    second = replace(builders.DOWN, identity="second")
    text = line(builders.DOWN_TARGET, replace(builders.REJECTED, identity="first"), second)
    assert "nothing listens on the port" in text


def test_headline_is_worst_finding() -> None:
    guarded = replace(builders.OK_TARGET, expect=Expect.GUARDED)
    record = builders.recent(guarded, builders.DOWN, builders.UNRESOLVED)
    assert len(record.findings) == 2
    assert line(guarded, builders.DOWN, builders.UNRESOLVED) == f"{record.findings[0].text}."
