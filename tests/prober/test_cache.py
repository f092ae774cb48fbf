"""Queries and modules with `every`: the last result, and when the next is due."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Identity, Level, Model, Module, Query, Target
from dicom_exporter.enums import Outcome, QueryOutcome, UnknownReason
from dicom_exporter.prober.cache import MAX_CHOICES, QueryKey, ResultCache, SessionKey
from dicom_exporter.probes.tally import MAX_VALUES, OTHER
from dicom_exporter.results import Attempt, EchoResult, Freshness, QueryResult, SessionResult, StrangerResult
from dicom_exporter.text import SafeText

QUERY = Query("studies", Model.STUDY_ROOT, Level.STUDY, every=300.0)
KEY = QueryKey(Target("main", Address("127.0.0.1", 104)), Identity("monitor", "PROMETHEUS"), QUERY)
MODULE = Module("m", queries={"studies": QUERY})
CONFIG = Config((KEY.target,), modules={"m": MODULE})
SECONDS = 9.5
"""The time that a request allows."""
RESULT = QueryResult(QueryOutcome.ALLOWED, matches=200, complete=True)


def test_cache_query_is_due_again_after_every() -> None:
    cache = ResultCache()
    assert cache.is_due(KEY, 1000.0, SECONDS)
    cache.keep(KEY, RESULT, 1000.0, SECONDS)
    assert not cache.is_due(KEY, 1299.9, SECONDS)
    assert cache.get(KEY) is RESULT
    assert cache.is_due(KEY, 1300.0, SECONDS)


def test_cache_query_without_every_is_always_due_and_not_kept() -> None:
    cache = ResultCache()
    key = replace(KEY, query=replace(QUERY, every=None))
    cache.keep(key, RESULT, 1000.0, SECONDS)
    assert cache.is_due(key, 1000.0, SECONDS)
    assert cache.get(key) is None


def test_cache_failure_replaces_the_last_result() -> None:
    cache = ResultCache()
    cache.keep(KEY, RESULT, 1000.0, SECONDS)
    refused = QueryResult(QueryOutcome.REFUSED)
    cache.keep(KEY, refused, 1300.0, SECONDS)
    assert cache.get(KEY) is refused
    assert not cache.is_due(KEY, 1301.0, SECONDS)


@pytest.mark.parametrize("outcome", [QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD])
def test_cache_query_that_never_reached_the_archive_stays_due(outcome: QueryOutcome) -> None:
    cache = ResultCache()
    cache.keep(KEY, QueryResult(outcome), 1000.0, SECONDS)
    assert cache.is_due(KEY, 1000.0, SECONDS)


@pytest.mark.parametrize(
    "other",
    [
        replace(KEY, query=replace(QUERY, max_matches=5)),
        replace(KEY, target=replace(KEY.target, called_ae_title="OTHER")),
        replace(KEY, identity=replace(KEY.identity, calling_ae_title="OTHER")),
    ],
)
def test_cache_result_of_changed_query_is_not_returned(other: QueryKey) -> None:
    cache = ResultCache()
    cache.keep(KEY, RESULT, 1000.0, SECONDS)
    assert cache.get(other) is None
    assert cache.is_due(other, 1001.0, SECONDS)


def test_cache_minimal_keys_are_remembered_until_reload() -> None:
    cache = ResultCache()
    cache.keep(KEY, replace(RESULT, minimal_keys=True), 1000.0, SECONDS)
    assert cache.wants_minimal_keys(KEY)
    cache.reload(CONFIG)
    assert not cache.wants_minimal_keys(KEY)
    assert cache.get(KEY) is not None


def test_cache_minimal_keys_that_did_not_help_are_not_remembered() -> None:
    cache = ResultCache()
    cache.keep(KEY, QueryResult(QueryOutcome.ABORTED, minimal_keys=True), 1000.0, SECONDS)
    assert not cache.wants_minimal_keys(KEY)


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
def test_cache_reload_forgets_what_is_gone(config: Config) -> None:
    cache = ResultCache()
    cache.keep(KEY, RESULT, 1000.0, SECONDS)
    cache.reload(config)
    assert cache.get(KEY) is None


SESSION = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0))


def session_key(*names: str) -> SessionKey:
    return SessionKey(KEY.target, KEY.identity, tuple(replace(MODULE, name=name) for name in names))


def test_cache_sessions_are_kept_for_a_bounded_number_of_module_choices() -> None:
    cache = ResultCache()
    choices = [session_key("a", str(number)) for number in range(MAX_CHOICES + 1)]
    for choice in choices[:-1]:
        cache.keep_session(choice, SESSION, 1000.0, SECONDS)
    cache.keep_session(choices[0], SESSION, 1001.0, SECONDS)  # the second is the oldest now
    cache.keep_session(choices[-1], SESSION, 1002.0, SECONDS)
    found = [cache.get_session(choice, 300.0, 1003.0, SECONDS) for choice in choices]
    assert found == [SESSION, None] + [SESSION] * (MAX_CHOICES - 1)


def test_cache_reload_forgets_sessions_whose_modules_are_gone() -> None:
    cache = ResultCache()
    cache.keep_session(session_key("m"), SESSION, 1000.0, SECONDS)
    cache.reload(CONFIG)
    assert cache.get_session(session_key("m"), 300.0, 1001.0, SECONDS) is SESSION
    cache.reload(replace(CONFIG, modules={}))
    assert cache.get_session(session_key("m"), 300.0, 1001.0, SECONDS) is None


@pytest.mark.parametrize("echo", [None, EchoResult(Outcome.OVERLOAD)], ids=["without echo", "with echo"])
def test_cache_session_that_was_never_begun_is_not_kept(echo: EchoResult | None) -> None:
    cache = ResultCache()
    cache.keep_session(session_key("m"), SessionResult("monitor", echo, association=Outcome.OVERLOAD), 1000.0, SECONDS)
    assert cache.get_session(session_key("m"), 300.0, 1001.0, SECONDS) is None


TIMED_OUT = QueryResult(QueryOutcome.TIMEOUT)


@pytest.mark.parametrize(
    ("result", "seconds", "is_due"),
    [
        (TIMED_OUT, SECONDS, False),
        (TIMED_OUT, 0.9 * SECONDS, False),  # what other probes of the target leave varies
        (TIMED_OUT, 0.5 * SECONDS, True),
        (RESULT, 0.5 * SECONDS, False),
        (QueryResult(QueryOutcome.REFUSED), 0.5 * SECONDS, False),
    ],
)
def test_cache_query_that_ran_out_of_time_is_due_for_requests_that_allow_more(
    result: QueryResult, seconds: float, is_due: bool
) -> None:
    cache = ResultCache()
    cache.keep(KEY, result, 1000.0, seconds)
    assert cache.is_due(KEY, 1001.0, SECONDS) is is_due
    assert not cache.is_due(KEY, 1001.0, seconds)


def _stranger(attempt: Attempt) -> SessionResult:
    return SessionResult("monitor", EchoResult(attempt.outcome), stranger=StrangerResult((attempt,)))


@pytest.mark.parametrize(
    ("session", "kept"),
    [
        (SESSION, True),
        (SessionResult("monitor", EchoResult(Outcome.CONNECT_TIMEOUT)), True),
        (SessionResult("monitor", EchoResult(Outcome.NO_ANSWER)), False),
        (SessionResult("monitor", EchoResult(Outcome.SUCCESS), {"studies": TIMED_OUT}), False),
        (_stranger(Attempt(Outcome.REJECTED)), True),
        (_stranger(Attempt(Outcome.SUCCESS, queries={"studies": TIMED_OUT})), False),
        (_stranger(Attempt(Outcome.REJECTED, doubts=frozenset({UnknownReason.NOT_ASKED}))), False),
    ],
)
def test_cache_session_that_ran_out_of_time_serves_no_request_that_allows_more(
    session: SessionResult, kept: bool
) -> None:
    cache = ResultCache()
    cache.keep_session(session_key("m"), session, 1000.0, 0.5 * SECONDS)
    assert (cache.get_session(session_key("m"), 300.0, 1001.0, SECONDS) is session) is kept
    assert cache.get_session(session_key("m"), 300.0, 1001.0, 0.5 * SECONDS) is session


def answer(*values: str) -> QueryResult:
    counts = {SafeText(value): 1 for value in values}
    return replace(RESULT, matches_by={"InstitutionName": counts})


def test_cache_values_of_a_query_are_bounded_over_all_its_answers() -> None:
    cache = ResultCache()
    first = [f"A{number}" for number in range(MAX_VALUES - 1)]
    assert cache.with_known_values(KEY, answer(*first)) == answer(*first)
    later = cache.with_known_values(KEY, answer("A1", "B1", "B2", "B3"))
    assert later.matches_by == {"InstitutionName": {"A1": 1, "B1": 1, OTHER: 2}}
    again = cache.with_known_values(KEY, answer("B3", "B1", OTHER))
    assert again.matches_by == {"InstitutionName": {OTHER: 2, "B1": 1}}


def test_cache_values_of_a_query_begin_anew_where_it_was_changed() -> None:
    cache = ResultCache()
    cache.with_known_values(KEY, answer(*(f"A{number}" for number in range(MAX_VALUES))))
    other = replace(KEY, target=replace(KEY.target, called_ae_title="OTHER"))
    assert cache.with_known_values(other, answer("B")) == answer("B")


def test_cache_values_of_a_query_outlive_a_reload_that_keeps_it() -> None:
    cache = ResultCache()
    cache.with_known_values(KEY, answer(*(f"A{number}" for number in range(MAX_VALUES))))
    cache.reload(CONFIG)
    assert cache.with_known_values(KEY, answer("B")) == answer(OTHER)
    cache.reload(Config(()))
    assert cache.with_known_values(KEY, answer("B")) == answer("B")


def test_cache_values_with_an_age_are_bounded_over_all_answers() -> None:
    cache = ResultCache()
    key = replace(KEY, query=replace(QUERY, expect_within={"CT1": 60.0}))

    def ages(*values: str) -> QueryResult:
        return replace(RESULT, freshness=tuple(Freshness("StationName", SafeText(each), 1.0, None) for each in values))

    first = [f"A{number}" for number in range(MAX_VALUES)]
    assert cache.with_known_values(key, ages(*first)) == ages(*first)
    assert cache.with_known_values(key, ages("A1", "B1", "CT1")) == ages("A1", "CT1")
