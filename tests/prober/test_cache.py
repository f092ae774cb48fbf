"""Queries and modules with `every`: the last result, and when the next is due."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Identity, Level, Model, Module, Query, Target
from dicom_exporter.prober.cache import MAX_CHOICES, QueryKey, ResultCache, SessionKey
from dicom_exporter.results import EchoResult, Outcome, QueryOutcome, QueryResult, SessionResult

QUERY = Query("studies", Model.STUDY_ROOT, Level.STUDY, every=300.0)
KEY = QueryKey(Target("main", Address("127.0.0.1", 104)), Identity("monitor", "PROMETHEUS"), QUERY)
MODULE = Module("m", queries={"studies": QUERY})
CONFIG = Config((KEY.target,), modules={"m": MODULE})
RESULT = QueryResult(QueryOutcome.ALLOWED, matches=200, complete=True)


def test_cache_query_is_due_again_after_every() -> None:
    cache = ResultCache()
    assert cache.is_due(KEY, 1000.0)
    cache.keep(KEY, RESULT, 1000.0)
    assert not cache.is_due(KEY, 1299.9)
    assert cache.get(KEY) is RESULT
    assert cache.is_due(KEY, 1300.0)


def test_cache_query_without_every_is_always_due_and_not_kept() -> None:
    cache = ResultCache()
    key = replace(KEY, query=replace(QUERY, every=None))
    cache.keep(key, RESULT, 1000.0)
    assert cache.is_due(key, 1000.0)
    assert cache.get(key) is None


def test_cache_failure_replaces_the_last_result() -> None:
    cache = ResultCache()
    cache.keep(KEY, RESULT, 1000.0)
    refused = QueryResult(QueryOutcome.REFUSED)
    cache.keep(KEY, refused, 1300.0)
    assert cache.get(KEY) is refused
    assert not cache.is_due(KEY, 1301.0)


@pytest.mark.parametrize("outcome", [QueryOutcome.NO_ASSOCIATION, QueryOutcome.OVERLOAD])
def test_cache_query_that_never_reached_the_archive_stays_due(outcome: QueryOutcome) -> None:
    cache = ResultCache()
    cache.keep(KEY, QueryResult(outcome), 1000.0)
    assert cache.is_due(KEY, 1000.0)


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
    cache.keep(KEY, RESULT, 1000.0)
    assert cache.get(other) is None
    assert cache.is_due(other, 1001.0)


def test_cache_minimal_keys_are_remembered_until_reload() -> None:
    cache = ResultCache()
    cache.keep(KEY, replace(RESULT, minimal_keys=True), 1000.0)
    assert cache.wants_minimal_keys(KEY)
    cache.reload(CONFIG)
    assert not cache.wants_minimal_keys(KEY)
    assert cache.get(KEY) is not None


def test_cache_minimal_keys_that_did_not_help_are_not_remembered() -> None:
    cache = ResultCache()
    cache.keep(KEY, QueryResult(QueryOutcome.ABORTED, minimal_keys=True), 1000.0)
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
    cache.keep(KEY, RESULT, 1000.0)
    cache.reload(config)
    assert cache.get(KEY) is None


SESSION = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0))


def session_key(*names: str) -> SessionKey:
    return SessionKey(KEY.target, KEY.identity, tuple(replace(MODULE, name=name) for name in names))


def test_cache_sessions_are_kept_for_a_bounded_number_of_module_choices() -> None:
    cache = ResultCache()
    choices = [session_key("a", str(number)) for number in range(MAX_CHOICES + 1)]
    for choice in choices[:-1]:
        cache.keep_session(choice, SESSION, 1000.0)
    cache.keep_session(choices[0], SESSION, 1001.0)  # the second is the oldest now
    cache.keep_session(choices[-1], SESSION, 1002.0)
    found = [cache.get_session(choice, 300.0, 1003.0) for choice in choices]
    assert found == [SESSION, None] + [SESSION] * (MAX_CHOICES - 1)


def test_cache_reload_forgets_sessions_whose_modules_are_gone() -> None:
    cache = ResultCache()
    cache.keep_session(session_key("m"), SESSION, 1000.0)
    cache.reload(CONFIG)
    assert cache.get_session(session_key("m"), 300.0, 1001.0) is SESSION
    cache.reload(replace(CONFIG, modules={}))
    assert cache.get_session(session_key("m"), 300.0, 1001.0) is None


@pytest.mark.parametrize("echo", [None, EchoResult(Outcome.OVERLOAD)], ids=["without echo", "with echo"])
def test_cache_session_that_was_never_begun_is_not_kept(echo: EchoResult | None) -> None:
    cache = ResultCache()
    cache.keep_session(session_key("m"), SessionResult("monitor", echo, association=Outcome.OVERLOAD), 1000.0)
    assert cache.get_session(session_key("m"), 300.0, 1001.0) is None
