"""Queries with `every`: the last answer, and when the next is due."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Identity, Level, Model, Module, Query, Target
from dicom_exporter.prober.cache import MAX_CHOICES, Answers, Asked, Visited
from dicom_exporter.results import EchoResult, Outcome, QueryOutcome, QueryResult, SessionResult

QUERY = Query("studies", Model.STUDY_ROOT, Level.STUDY, every=300.0)
ASKED = Asked(Target("main", Address("127.0.0.1", 104)), Identity("monitor", "PROMETHEUS"), QUERY)
MODULE = Module("m", queries={"studies": QUERY})
CONFIG = Config((ASKED.target,), modules={"m": MODULE})
RESULT = QueryResult(QueryOutcome.ALLOWED, matches=200, complete=True)


def test_due_again_after_every() -> None:
    answers = Answers()
    assert answers.due(ASKED, 1000.0)
    answers.keep(ASKED, RESULT, 1000.0)
    assert not answers.due(ASKED, 1299.9)
    assert answers.last(ASKED) is RESULT
    assert answers.due(ASKED, 1300.0)


def test_without_every_it_is_always_due_and_nothing_is_kept() -> None:
    answers = Answers()
    asked = replace(ASKED, query=replace(QUERY, every=None))
    answers.keep(asked, RESULT, 1000.0)
    assert answers.due(asked, 1000.0)
    assert answers.last(asked) is None


def test_a_failure_takes_the_place_of_the_count() -> None:
    answers = Answers()
    answers.keep(ASKED, RESULT, 1000.0)
    refused = QueryResult(QueryOutcome.REFUSED)
    answers.keep(ASKED, refused, 1300.0)
    assert answers.last(ASKED) is refused
    assert not answers.due(ASKED, 1301.0)


@pytest.mark.parametrize("outcome", [QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD])
def test_what_never_reached_the_archive_stays_due(outcome: QueryOutcome) -> None:
    answers = Answers()
    answers.keep(ASKED, QueryResult(outcome), 1000.0)
    assert answers.due(ASKED, 1000.0)


@pytest.mark.parametrize(
    "other",
    [
        replace(ASKED, query=replace(QUERY, max_matches=5)),
        replace(ASKED, target=replace(ASKED.target, called_ae_title="OTHER")),
        replace(ASKED, identity=replace(ASKED.identity, calling_ae_title="OTHER")),
    ],
)
def test_an_answer_to_another_question_is_none(other: Asked) -> None:
    answers = Answers()
    answers.keep(ASKED, RESULT, 1000.0)
    assert answers.last(other) is None
    assert answers.due(other, 1001.0)


def test_minimal_keys_are_remembered_until_reload() -> None:
    answers = Answers()
    answers.keep(ASKED, replace(RESULT, minimal_keys=True), 1000.0)
    assert answers.wants_minimal_keys(ASKED)
    answers.reload(CONFIG)
    assert not answers.wants_minimal_keys(ASKED)
    assert answers.last(ASKED) is not None


def test_minimal_keys_that_did_not_help_are_not_remembered() -> None:
    answers = Answers()
    answers.keep(ASKED, QueryResult(QueryOutcome.ABORTED, minimal_keys=True), 1000.0)
    assert not answers.wants_minimal_keys(ASKED)


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, targets=()),
        replace(CONFIG, modules={}),
        replace(CONFIG, modules={"m": replace(MODULE, queries={})}),
        replace(CONFIG, modules={"m": replace(MODULE, identity="other")}),
    ],
    ids=["target", "module", "query", "identity"],
)
def test_reload_forgets_what_is_gone(config: Config) -> None:
    answers = Answers()
    answers.keep(ASKED, RESULT, 1000.0)
    answers.reload(config)
    assert answers.last(ASKED) is None


VISIT = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0))


def visited(*names: str) -> Visited:
    return Visited(ASKED.target, ASKED.identity, tuple(replace(MODULE, name=name) for name in names))


def test_a_visit_is_kept_for_each_choice_of_modules_but_for_so_many() -> None:
    answers = Answers()
    choices = [visited("a", str(number)) for number in range(MAX_CHOICES + 1)]
    for choice in choices[:-1]:
        answers.keep_visit(choice, VISIT, 1000.0)
    answers.keep_visit(choices[0], VISIT, 1001.0)  # the second is the oldest now
    answers.keep_visit(choices[-1], VISIT, 1002.0)
    found = [answers.last_visit(choice, 300.0, 1003.0) for choice in choices]
    assert found == [VISIT, None] + [VISIT] * (MAX_CHOICES - 1)


def test_reload_forgets_visits_whose_modules_are_gone() -> None:
    answers = Answers()
    answers.keep_visit(visited("m"), VISIT, 1000.0)
    answers.reload(CONFIG)
    assert answers.last_visit(visited("m"), 300.0, 1001.0) is VISIT
    answers.reload(replace(CONFIG, modules={}))
    assert answers.last_visit(visited("m"), 300.0, 1001.0) is None


@pytest.mark.parametrize("echo", [None, EchoResult(Outcome.OVERLOAD)], ids=["without echo", "with echo"])
def test_cache_session_that_was_never_begun_is_not_kept(echo: EchoResult | None) -> None:
    answers = Answers()
    answers.keep_visit(visited("m"), SessionResult("monitor", echo, association=Outcome.OVERLOAD), 1000.0)
    assert answers.last_visit(visited("m"), 300.0, 1001.0) is None
