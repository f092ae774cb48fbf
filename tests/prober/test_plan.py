"""How the modules of an identity become one, which queries are due, and how results come together. No sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import pytest

from dicom_exporter.config import (
    Address,
    Config,
    Exposure,
    HTTPSettings,
    Level,
    Model,
    Module,
    Query,
    Secret,
    Store,
    Target,
    WebEntry,
)
from dicom_exporter.config.values.time import parse_window
from dicom_exporter.enums import Outcome, QueryOutcome, StoreOutcome, WebAnswer
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import NotPermitted
from dicom_exporter.prober import plan
from dicom_exporter.prober.cache import ResultCache
from dicom_exporter.prober.plan import choice, comparing, merged, never_probed, probe_as, scheduled
from dicom_exporter.probes import PROBES, Probe
from dicom_exporter.results import EchoResult, QueryResult, SessionResult, StoreResult, StrangerResult, WebResult
from tests.testing.context import MONITOR, NOW, PEER, lookup_threads, probe_context

TARGET = Target("main", Address("192.0.2.1", 104), dicomweb="http://192.0.2.1/dicom-web", web=(WebEntry("http://x/"),))
STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY, every=300.0)
PATIENTS = Query("patients", Model.PATIENT_ROOT, Level.PATIENT)
ECHO = Module("echo", timeout=5.0)
COUNT = Module("count", timeout=20.0, echo=False, queries={"studies": STUDIES, "patients": PATIENTS})
LADDER = Module("ladder", timeout=15.0, echo=False, exposure=Exposure())
FOUND = QueryResult(QueryOutcome.ALLOWED, matches=7)


async def run(module: Module, results: ResultCache) -> SessionResult:
    with lookup_threads() as lookups:
        return await probe_as(TARGET, module, probe_context(lookups, may_store=True), results)


def use(monkeypatch: pytest.MonkeyPatch, **results: object) -> list[tuple[str, Module, ProbeContext]]:
    """Have the probes of the table return `results`, by name; returns what they are called with."""
    calls: list[tuple[str, Module, ProbeContext]] = []

    def fake(probe: Probe) -> Probe:
        async def run(target: Target, module: Module, context: ProbeContext) -> object:
            calls.append((probe.name, module, context))
            return results[probe.name]

        return replace(probe, run=run)

    monkeypatch.setattr(plan, "PROBES", tuple(fake(probe) for probe in PROBES))
    return calls


def test_merged_single_module_is_itself() -> None:
    assert merged([ECHO]) is ECHO


def test_merged_modules_ask_what_all_of_them_ask_in_the_longest_time() -> None:
    module = merged([ECHO, COUNT, replace(LADDER, store=Store(1, 1))])
    assert (module.echo, module.timeout, module.store, module.exposure) == (True, 20.0, Store(1, 1), Exposure())
    assert module.queries == COUNT.queries


def test_choice_keeps_the_order_of_identities_and_modules_and_adds_up_the_time_of_identities() -> None:
    other = Module("other", identity="someone", timeout=7.0)
    modules = {module.name: module for module in (other, ECHO, COUNT)}
    chosen = choice(Config((), modules=modules), [ECHO.name, other.name, COUNT.name, ECHO.name])
    assert chosen.names == (ECHO.name, other.name, COUNT.name)
    assert [group for group, _ in chosen.groups] == [(ECHO, COUNT), (other,)]
    assert [module for _, module in chosen.groups] == [merged([ECHO, COUNT]), other]
    longest = max(ECHO.timeout, COUNT.timeout)
    assert (chosen.longest, chosen.seconds) == (max(longest, 7.0), longest + 7.0)


def test_comparing_only_named_queries_get_a_digest_key() -> None:
    queries = comparing(COUNT, {"studies": True, "elsewhere": False}).queries
    assert queries["studies"].digest_key
    assert queries["studies"].count_images
    assert queries["patients"].digest_key is None
    assert not queries["patients"].count_images
    assert comparing(COUNT, {"elsewhere": False}) is COUNT


async def schedule(module: Module, results: ResultCache) -> tuple[Module, Mapping[str, QueryResult]]:
    with lookup_threads() as lookups:
        return scheduled(TARGET, module, probe_context(lookups), results)


async def test_scheduled_query_with_every_is_kept_until_it_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    session = SessionResult("monitor", None, {"studies": FOUND, "patients": FOUND}, association=Outcome.SUCCESS)
    use(monkeypatch, session=session)
    results = ResultCache()
    first = await run(COUNT, results)
    assert first.queries["studies"].last_run is not None
    assert first.queries["patients"] == FOUND
    module, kept = await schedule(COUNT, results)
    assert {name: query.due for name, query in module.queries.items()} == {"studies": False, "patients": True}
    assert kept == {"studies": first.queries["studies"]}


async def test_scheduled_query_is_no_other_one_for_a_renewed_token(monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, session=SessionResult("monitor", None, {"studies": FOUND, "patients": FOUND}))
    results = ResultCache()
    configured = replace(MONITOR, http=HTTPSettings(bearer_token=Secret("first")))
    with lookup_threads() as lookups:
        context = probe_context(lookups, configured, may_show_credentials=True)
        await probe_as(TARGET, COUNT, context, results)
        renewed = replace(configured, http=HTTPSettings(bearer_token=Secret("second")))
        module, _ = scheduled(TARGET, COUNT, replace(context, identity=renewed), results)
        assert module.queries["studies"].due  # the configuration was loaded with another one
        context = replace(context, identity=renewed, configured_identity=configured)
        module, _ = scheduled(TARGET, COUNT, context, results)
        assert not module.queries["studies"].due


async def test_scheduled_query_outside_its_window_is_not_due() -> None:
    at_night = replace(STUDIES, only_between=parse_window("01:00-02:00"))
    assert NOW.hour == 12
    module, kept = await schedule(replace(COUNT, queries={"studies": at_night}), ResultCache())
    assert not module.queries["studies"].due
    assert kept == {}


async def test_scheduled_archive_that_needs_minimal_keys_is_asked_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    needs = replace(FOUND, minimal_keys=True)
    use(monkeypatch, session=SessionResult("monitor", None, {"studies": FOUND, "patients": needs}))
    results = ResultCache()
    await run(COUNT, results)
    module, _ = await schedule(COUNT, results)
    assert module.queries["patients"].minimal_keys


async def test_probe_as_nothing_due_makes_no_association(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = use(monkeypatch, session=SessionResult("monitor", None, {"studies": FOUND}, association=Outcome.SUCCESS))
    module = replace(COUNT, queries={"studies": STUDIES})
    results = ResultCache()
    first = await run(module, results)
    second = await run(module, results)
    assert len(calls) == 1
    assert second.queries == first.queries
    assert (second.association, second.duration, second.timeout) == (None, None, None)


async def test_probe_as_store_result_stands_beside_the_session(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = StoreResult(StoreOutcome.SUCCESS, bytes=5, duration=0.5)
    echo = EchoResult(Outcome.SUCCESS, 0)
    use(monkeypatch, session=SessionResult("monitor", echo), store=stored, dicomweb=WebResult(WebAnswer.EMPTY))
    found = await run(replace(ECHO, store=Store()), ResultCache())
    assert (found.echo, found.store, found.dicomweb) == (echo, stored, WebResult(WebAnswer.EMPTY))
    assert found.web == ()


def test_merged_services_are_those_of_all_modules() -> None:
    one, other = Module("a", services=("CTImageStorage",)), Module("b", services=("MRImageStorage", "CTImageStorage"))
    assert merged([one, other]).services == ("CTImageStorage", "MRImageStorage")
    assert merged([ECHO, replace(ECHO, name="b")]).services is None


async def test_probe_as_store_that_is_not_permitted_runs_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = use(monkeypatch)
    with lookup_threads() as lookups, pytest.raises(NotPermitted):
        await probe_as(TARGET, replace(ECHO, store=Store()), probe_context(lookups), ResultCache())
    assert calls == []


async def test_probe_as_stranger_who_also_queries_shows_both(monkeypatch: pytest.MonkeyPatch) -> None:
    ladder = SessionResult("monitor", EchoResult(Outcome.SUCCESS), {"worklist": FOUND}, peer=PEER)
    calls = use(
        monkeypatch,
        session=SessionResult("monitor", None, {"studies": FOUND, "patients": FOUND}),
        exposure=replace(ladder, stranger=StrangerResult()),
        dicomweb=WebResult(WebAnswer.DENIED),
        web=(WebResult(WebAnswer.OTHER),),
    )
    found = await run(merged([COUNT, LADDER]), ResultCache())
    assert set(found.queries) == {"studies", "patients", "worklist"}
    assert (found.echo, found.stranger) == (ladder.echo, StrangerResult())
    assert [name for name, _, _ in calls] == ["session", "exposure", "dicomweb", "web"]
    assert [context.peer for _, _, context in calls] == [None, None, PEER, PEER]


async def test_probe_as_stranger_leaves_time_for_the_web(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = use(
        monkeypatch,
        exposure=SessionResult("monitor", EchoResult(Outcome.NO_ANSWER), stranger=StrangerResult()),
        dicomweb=WebResult(WebAnswer.UNKNOWN),
        web=(WebResult(WebAnswer.UNKNOWN),),
    )
    begun = asyncio.get_running_loop().time()
    found = await run(LADDER, ResultCache())
    shares = [(context.deadline - begun) / 5.0 for _, _, context in calls]
    assert shares == pytest.approx([0.6, 0.5, 1.0], abs=0.1)  # none of the time has passed
    assert found.timeout == pytest.approx(3.0, abs=0.5)


async def test_probe_as_hurried_silence_is_overload_and_its_query_stays_due(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = QueryResult(QueryOutcome.TIMEOUT)
    session = SessionResult("monitor", EchoResult(Outcome.SUCCESS), {"studies": silent, "patients": FOUND})
    calls = use(monkeypatch, session=session)
    results = ResultCache()
    with lookup_threads() as lookups:
        found = await probe_as(TARGET, COUNT, replace(probe_context(lookups), hurried=True), results)
    assert found.queries["studies"].outcome is QueryOutcome.OVERLOAD
    await run(COUNT, results)
    assert [call.queries["studies"].due for _, call, _ in calls] == [True, True]


@pytest.mark.parametrize(
    ("prove", "levels"), [((), set()), (("identity",), {6}), (("download",), {7}), (("identity", "download"), {6, 7})]
)
async def test_probe_as_session_says_which_levels_were_to_be_proved(
    monkeypatch: pytest.MonkeyPatch, prove: tuple[Literal["identity", "download"], ...], levels: set[int]
) -> None:
    use(
        monkeypatch,
        exposure=SessionResult("monitor", None, stranger=StrangerResult()),
        dicomweb=WebResult(WebAnswer.DENIED),
        web=(WebResult(WebAnswer.OTHER),),
    )
    found = await run(replace(LADDER, exposure=Exposure(prove=prove)), ResultCache())
    assert found.prove == levels


def test_never_probed_says_unknown_of_all_that_was_asked() -> None:
    known = never_probed(TARGET, merged([ECHO, COUNT]))
    assert known.echo == EchoResult(Outcome.OVERLOAD)
    assert {result.outcome for result in known.queries.values()} == {QueryOutcome.OVERLOAD}
    assert (known.stranger, known.dicomweb, known.web) == (None, None, ())
    stranger = never_probed(TARGET, LADDER)
    assert (stranger.echo, stranger.stranger) == (EchoResult(Outcome.OVERLOAD), StrangerResult())
    assert (stranger.dicomweb, stranger.web) == (WebResult(WebAnswer.UNKNOWN), (WebResult(WebAnswer.UNKNOWN),))
    assert {known.association, stranger.association} == {Outcome.OVERLOAD}
