"""Many targets in one scrape: in time, together, once each."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from dicom_exporter.config import (
    Address,
    Config,
    Expect,
    Exposure,
    GlobalSettings,
    Level,
    Model,
    Module,
    Query,
    Target,
)
from dicom_exporter.enums import LadderService, Outcome, QueryOutcome, UnknownReason
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from tests.testing import hostile
from tests.testing.hostile import Behaviour, Event, Peer

pytestmark = pytest.mark.integration

EVERYWHERE = "0.0.0.0"
"""All of 127.0.0.0/8, so that one server is many addresses."""
STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY)
ECHO = Module("availability", timeout=10.0)
COUNT = Module("availability", timeout=10.0, queries={"studies": STUDIES})


def target(name: str, port: int, host: str = "127.0.0.1", **more: object) -> Target:
    return replace(Target(name, Address(host, port)), **more)  # type: ignore[arg-type]


def config(*targets: Target, module: Module = ECHO, **settings: object) -> Config:
    return Config(
        targets,
        global_=replace(GlobalSettings(), **settings),  # type: ignore[arg-type]
        modules={module.name: module},
    )


@asynccontextmanager
async def scraping(settings: Config) -> AsyncIterator[Prober]:
    prober = Prober(settings)
    try:
        yield prober
    finally:
        await prober.close()


def outcome(result: ProbeRecord) -> Outcome:
    (session,) = result.sessions
    assert session.echo is not None
    return session.echo.outcome


async def test_prober_hanging_targets_do_not_delay_others() -> None:
    """60 healthy, 30 that accept and say nothing, 10 that do not exist."""
    async with (
        hostile.server(hostile.honest.honest(), host=EVERYWHERE) as healthy,
        hostile.server(hostile.plain.silent, host=EVERYWHERE) as silent,
        asyncio.timeout(10),
    ):
        targets = [target(f"healthy-{n}", healthy.port, f"127.0.1.{n}") for n in range(1, 61)]
        targets += [target(f"silent-{n}", silent.port, f"127.0.2.{n}") for n in range(1, 31)]
        targets += [target(f"gone-{n}", 1, f"127.0.3.{n}") for n in range(1, 11)]
        async with scraping(config(*targets, module=replace(ECHO, timeout=3.0))) as prober:
            results = await prober.probe_targets(targets, 2.0)
        assert [result.target.name for result in results] == [target.name for target in targets]
        found = {result.target.name: outcome(result) for result in results}
        assert {found[f"healthy-{n}"] for n in range(1, 61)} == {Outcome.SUCCESS}
        assert {found[f"silent-{n}"] for n in range(1, 31)} == {Outcome.NO_ANSWER}
        assert {found[f"gone-{n}"] for n in range(1, 11)} == {Outcome.REFUSED}
        for peer in await silent.ended(30):
            assert Event.ABORTED in peer.events


class Counting:
    """A normal server that records how many associations there were at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    async def __call__(self, peer: Peer) -> None:
        await hostile.honest.associate(peer)
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0)  # let the other tasks run
        try:
            await hostile.honest.serve(peer)
            await peer.gone.wait()
        finally:
            self.now -= 1


async def test_prober_targets_of_one_address_are_probed_in_turn() -> None:
    counting = Counting()
    async with hostile.server(counting) as server:
        targets = [target(f"t{n}", server.port, "localhost" if n % 2 else "127.0.0.1", ip_version=4) for n in range(6)]
        async with scraping(config(*targets)) as prober:
            results = await prober.probe_targets(targets, 5.0)
        assert {outcome(result) for result in results} == {Outcome.SUCCESS}
        assert len(server.connections) == 6
    assert counting.most == 1


async def test_prober_silence_after_wait_for_address_is_overload() -> None:
    """The second target gets less time than the first one took, so it is not known to be down."""
    modules = {name: Module(name, timeout=timeout) for name, timeout in (("short", 1.5), ("long", 2.0))}
    async with hostile.server(hostile.plain.silent) as server:
        targets = [target("first", server.port, modules=("short",)), target("second", server.port, modules=("long",))]
        async with scraping(Config(tuple(targets), modules=modules)) as prober:
            first, second = await prober.probe_targets(targets, 5.0)
        await server.ended(2)
    assert (outcome(first), outcome(second)) == (Outcome.NO_ANSWER, Outcome.OVERLOAD)


async def test_prober_associations_stay_below_limit() -> None:
    counting = Counting()
    async with hostile.server(counting, host=EVERYWHERE) as server:
        targets = [target(f"t{n}", server.port, f"127.0.4.{n}") for n in range(1, 31)]
        async with scraping(config(*targets, max_concurrent_probes=4)) as prober:
            results = await prober.probe_targets(targets, 5.0)
        assert {outcome(result) for result in results} == {Outcome.SUCCESS}
    assert 1 < counting.most <= 4


@asynccontextmanager
async def filtered_port() -> AsyncIterator[int]:
    """A port of 127.0.0.1 where a SYN gets no answer: its backlog is full and nobody accepts."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    waiting = []
    for _ in range(3):
        sock = socket.socket()
        sock.setblocking(False)
        sock.connect_ex(listener.getsockname())
        waiting.append(sock)
    try:
        yield listener.getsockname()[1]
    finally:
        for sock in [*waiting, listener]:
            sock.close()


async def test_prober_silent_peers_do_not_use_up_the_limit() -> None:
    """Otherwise a few of them would delay all the others."""
    async with (
        hostile.server(hostile.honest.honest(), host=EVERYWHERE) as healthy,
        hostile.server(hostile.plain.silent, host=EVERYWHERE) as silent,
    ):
        dead = [target(f"silent{number}", silent.port, f"127.0.3.{number + 1}") for number in range(4)]
        living = [target(f"healthy{number}", healthy.port, f"127.0.4.{number + 1}") for number in range(4)]
        async with scraping(config(*dead, *living, max_concurrent_probes=2)) as prober:
            results = await prober.probe_targets([*dead, *living], timeout=8.0)
    assert {outcome(result) for result in results[4:]} == {Outcome.SUCCESS}
    assert {outcome(result) for result in results[:4]} == {Outcome.NO_ANSWER}


STALLED: Mapping[str, Behaviour] = {
    "says nothing": hostile.plain.silent,
    "drips its answer": hostile.plain.drips(hostile.wire.associate_ac({1: hostile.wire.ACCEPTED}), interval=0.2),
    "accepts and says no more": hostile.negotiation.accepts(),
    "drips its response": hostile.echo.fragmented(interval=0.5),
}


@pytest.mark.parametrize("name", STALLED)
async def test_prober_peers_that_stall_at_any_step_give_up_their_place(name: str) -> None:
    async with (
        hostile.server(hostile.honest.honest(), host=EVERYWHERE) as healthy,
        hostile.server(STALLED[name], host=EVERYWHERE) as stalled,
    ):
        hoard = [target(f"stalled{number}", stalled.port, f"127.0.3.{number + 1}") for number in range(10)]
        living = [target(f"healthy{number}", healthy.port, f"127.0.4.{number + 1}") for number in range(4)]
        async with scraping(config(*hoard, *living, max_concurrent_probes=2)) as prober:
            results = await prober.probe_targets([*hoard, *living], timeout=9.5)
    assert {outcome(result) for result in results[len(hoard) :]} == {Outcome.SUCCESS}


async def test_prober_pending_connects_do_not_count() -> None:
    async with filtered_port() as filtered, hostile.server(hostile.honest.honest()) as server:
        targets = [target("filtered", filtered), target("healthy", server.port)]
        async with scraping(config(*targets, max_concurrent_probes=1, connect_timeout=0.5)) as prober:
            results = await prober.probe_targets(targets, 5.0)
        assert [outcome(result) for result in results] == [Outcome.CONNECT_TIMEOUT, Outcome.SUCCESS]


async def test_prober_many_targets_start_over_several_turns_of_the_loop() -> None:
    """Otherwise it would be noticed only after all timeouts that the connections were made."""
    many = [target(str(number), 104, f"127.99.{number // 250}.{number % 250 + 1}") for number in range(1000)]
    seen = []
    async with scraping(config(*many)) as prober:
        scrape = asyncio.create_task(prober.probe_targets(many, timeout=30))
        while not scrape.done():
            await asyncio.sleep(0)
            seen.append(prober.probes_in_flight)
        assert {outcome(result) for result in await scrape} == {Outcome.REFUSED}
    assert 0 < seen[0] <= 100


async def test_prober_concurrent_scrapes_share_one_probe() -> None:
    async with hostile.server(hostile.honest.honest()) as server:
        main = target("main", server.port)
        async with scraping(config(main)) as prober:
            first, second = await asyncio.gather(prober.probe_targets([main], 5.0), prober.probe_targets([main], 5.0))
            assert first == second
            assert len(server.connections) == 1
            await prober.probe_targets([main], 5.0)
            assert len(server.connections) == 2


async def test_prober_cancelled_scrape_leaves_shared_probe() -> None:
    entered = asyncio.Event()
    go_on = asyncio.Event()

    async def behaviour(peer: Peer) -> None:
        entered.set()
        await go_on.wait()
        await hostile.honest.honest()(peer)

    async with hostile.server(behaviour) as server:
        main = target("main", server.port)
        async with scraping(config(main)) as prober:
            first = asyncio.create_task(prober.probe_targets([main], 5.0))
            await entered.wait()
            second = asyncio.create_task(prober.probe_targets([main], 5.0))
            await asyncio.sleep(0)
            first.cancel()
            go_on.set()
            (result,) = await second
            assert outcome(result) is Outcome.SUCCESS
        assert len(server.connections) == 1


async def test_prober_joined_probe_past_deadline_is_overload() -> None:
    entered = asyncio.Event()

    async def behaviour(peer: Peer) -> None:
        entered.set()

    async with hostile.server(behaviour) as server:
        main = target("main", server.port)
        async with scraping(config(main, module=replace(COUNT, timeout=2.0))) as prober:
            long = asyncio.create_task(prober.probe_targets([main], 2.0))
            await entered.wait()
            (short,) = await prober.probe_targets([main], 0.1)
            assert outcome(short) is Outcome.OVERLOAD
            assert short.sessions[0].queries["studies"].outcome is QueryOutcome.OVERLOAD
            assert outcome((await long)[0]) is Outcome.NO_ANSWER


async def test_prober_close_aborts_running_probes() -> None:
    entered = asyncio.Event()

    async def behaviour(peer: Peer) -> None:
        await hostile.honest.associate(peer)
        entered.set()

    async with hostile.server(behaviour) as server:
        main = target("main", server.port)
        prober = Prober(config(main))
        scrape = asyncio.create_task(prober.probe_targets([main], 10.0))
        await entered.wait()
        await prober.close()
        (peer,) = await server.ended(1)
        assert Event.ABORTED in peer.events
        assert outcome((await scrape)[0]) is Outcome.OVERLOAD
        assert prober.probes_in_flight == 0


async def test_prober_query_with_every_is_sent_once() -> None:
    async with hostile.server(hostile.honest.honest(matches=7)) as server:
        main = target("main", server.port)
        module = replace(COUNT, queries={"studies": replace(STUDIES, every=3600.0)})
        async with scraping(config(main, module=module)) as prober:
            first = (await prober.probe_targets([main], 5.0))[0].sessions[0].queries["studies"]
            second = (await prober.probe_targets([main], 5.0))[0].sessions[0].queries["studies"]
        assert first.matches == 7
        assert first.last_run is not None
        assert second == first
        asked = [peer.events.count(Event.REQUESTED) for peer in server.connections]
        assert asked == [2, 1]  # echo and find, then echo alone


async def test_prober_optional_keys_that_abort_are_left_out_later() -> None:
    async with hostile.server(hostile.find.aborts_on()) as server:
        main = target("main", server.port)
        async with scraping(config(main, module=COUNT)) as prober:
            for expected in (2, 3):
                (result,) = await prober.probe_targets([main], 5.0)
                assert result.sessions[0].queries["studies"].matches == 5
                assert len(server.connections) == expected
            prober.reconfigure(prober.config)  # a reload: perhaps it was repaired
            await prober.probe_targets([main], 5.0)
            assert len(server.connections) == 5


async def test_prober_exposure_joined_past_deadline_is_unknown() -> None:
    entered = asyncio.Event()

    async def behaviour(peer: Peer) -> None:
        entered.set()

    async with hostile.server(behaviour) as server:
        closed = target("closed", server.port, expect=Expect.CLOSED, modules=("exposure",))
        async with scraping(Config((closed,))) as prober:
            long = asyncio.create_task(prober.probe_targets([closed], 2.0))
            await entered.wait()
            (short,) = await prober.probe_targets([closed], 0.1)
            verdict = short.verdict
            assert verdict is not None
            assert verdict.levels == {"dimse": None}
            await long


async def test_prober_short_timeout_of_a_client_shows_no_level_and_is_not_kept() -> None:
    """With `every`, the next scrape of Prometheus would be shown what the client left no time to find out."""
    answers = asyncio.Event()

    async def behaviour(peer: Peer) -> None:
        await answers.wait()
        await hostile.find.finds(3)(peer)

    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        main = target("main", server.port, expect=Expect.GUARDED, modules=("exposure",))
        module = Module("exposure", identity="stranger", timeout=15.0, echo=False, exposure=Exposure(), every=900.0)
        async with scraping(config(main, module=module)) as prober:
            (short,) = await prober.probe_targets([main], 0.3)
            answers.set()
            found = [await prober.probe_targets([main], 20.0) for _ in range(2)]
    assert short.cut_short == {"stranger"}
    assert short.verdict is not None
    assert short.verdict.reasons[LadderService.DIMSE] == (UnknownReason.OVERLOAD,)
    verdicts = [record.verdict for (record,) in found]
    assert [verdict.levels for verdict in verdicts if verdict is not None] == [{"dimse": 5}] * 2
    assert [record.reused for (record,) in found] == [set(), {"stranger"}]


async def test_prober_scrape_beside_a_short_one_has_its_own_time() -> None:
    answers = asyncio.Event()

    async def behaviour(peer: Peer) -> None:
        await answers.wait()
        await hostile.honest.honest()(peer)

    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        main = target("main", server.port)
        async with scraping(config(main)) as prober:
            short = asyncio.create_task(prober.probe_targets([main], 0.3))
            await asyncio.sleep(0)
            long = asyncio.create_task(prober.probe_targets([main], 9.5))
            assert outcome((await short)[0]) is Outcome.OVERLOAD
            answers.set()
            assert outcome((await long)[0]) is Outcome.SUCCESS


async def test_prober_query_that_a_short_timeout_cut_stays_due() -> None:
    answers = asyncio.Event()

    async def behaviour(peer: Peer) -> None:
        await hostile.honest.associate(peer)
        await answers.wait()
        await hostile.honest.serve(peer, matches=7)

    async with hostile.server(behaviour) as server, asyncio.timeout(30):
        main = target("main", server.port)
        module = replace(COUNT, echo=False, queries={"studies": replace(STUDIES, every=3600.0)})
        async with scraping(config(main, module=module)) as prober:
            (short,) = await prober.probe_targets([main], 0.3)
            answers.set()
            (full,) = await prober.probe_targets([main], 9.5)
    assert short.sessions[0].queries["studies"].outcome is QueryOutcome.OVERLOAD
    assert full.sessions[0].queries["studies"].matches == 7


@pytest.mark.parametrize(
    ("connect_timeout", "expected", "level"),
    [(3.0, Outcome.OVERLOAD, None), (0.2, Outcome.CONNECT_TIMEOUT, 0)],
)
async def test_prober_lost_syn_is_closed_only_after_connect_timeout(
    connect_timeout: float, expected: Outcome, level: int | None
) -> None:
    """And it leaves no cycle of objects: while ten thousand targets are probed, there is no garbage collection."""
    async with filtered_port() as port:
        main = target("main", port, expect=Expect.CLOSED, modules=("exposure",))
        settings = Config((main,), global_=GlobalSettings(connect_timeout=connect_timeout))
        async with scraping(settings) as prober:
            await prober.probe_targets([main], 0.6)
            gc.collect()
            gc.disable()
            try:
                (record,) = await prober.probe_targets([main], 0.6)
                assert gc.collect() == 0
            finally:
                gc.enable()
    assert outcome(record) is expected
    assert record.verdict is not None
    assert record.verdict.levels == {"dimse": level}
