"""Which scrapes share a probe, what a reload or a short timeout does, and what the prober does not permit.

No probe leaves the process.
"""

from __future__ import annotations

import asyncio
import gc
import ssl
from collections import Counter
from dataclasses import replace
from functools import partial
from itertools import combinations

import pytest

import dicom_exporter.prober.prober as prober_module
from dicom_exporter.config import (
    Address,
    Config,
    Expect,
    Identity,
    Module,
    ProbeSettings,
    Secret,
    Store,
    Target,
    TLSSettings,
    UserIdentity,
    WebEntry,
)
from dicom_exporter.config.model import BUILTIN_IDENTITIES
from dicom_exporter.config.values.network import parse_network
from dicom_exporter.enums import Outcome, Phase
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import NotPermitted
from dicom_exporter.prober.cache import ResultCache
from dicom_exporter.prober.plan import choice
from dicom_exporter.prober.prober import Prober, _server_names
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import EchoResult, SessionResult
from dicom_exporter.server.probe_endpoints import _scrape_all
from tests.testing import in_process

COUNT = 40
"""More than are started in one turn of the event loop."""


def configuration(identity: str, port: int) -> Config:
    """Forty targets at `port`, probed by `identity`."""
    targets = tuple(Target(f"t{n}", Address("127.0.0.1", port), modules=("m",)) for n in range(COUNT))
    return Config(
        targets, identities={identity: Identity(identity, "US")}, modules={"m": Module("m", identity=identity)}
    )


@pytest.fixture
def probed(monkeypatch: pytest.MonkeyPatch) -> list[Target]:
    """Every target that is probed."""
    targets: list[Target] = []

    async def probe_as(target: Target, module: Module, context: ProbeContext, results: ResultCache) -> SessionResult:
        targets.append(target)
        for _ in range(50):  # long enough for others to join
            await asyncio.sleep(0)
        return SessionResult(context.identity.name, EchoResult(Outcome.SUCCESS))

    monkeypatch.setattr(prober_module, "probe_as", probe_as)
    return targets


async def test_prober_reload_removes_identity_scrape_under_way_ends_with_it(probed: list[Target]) -> None:
    old = configuration("old", 1001)
    prober = Prober(old)
    under_way = asyncio.create_task(prober.probe_targets(old.targets, 30.0))
    await asyncio.sleep(0)
    prober.reconfigure(configuration("new", 1001))
    results = await under_way
    assert [result.sessions[0].identity for result in results] == ["old"] * COUNT
    await prober.close()


async def test_prober_counts_the_outcomes_of_its_probes(probed: list[Target]) -> None:
    config = configuration("us", 1001)
    prober = Prober(config)
    await prober.probe_targets(config.targets, 30.0)
    await prober.probe_targets(config.targets[:2], 30.0)
    assert prober.outcomes == {Outcome.SUCCESS: COUNT + 2}
    await prober.close()


async def test_prober_garbage_is_collected_again_after_many_targets_were_cancelled(
    probed: list[Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the first of two scrapes is in flight, there is no collection; it is cancelled, and the second goes on."""
    monkeypatch.setattr(prober_module, "_MANY", COUNT)
    config = configuration("us", 1001)
    prober = Prober(config)
    first, second = (asyncio.create_task(prober.probe_targets(config.targets, 30.0)) for _ in range(2))
    await asyncio.sleep(0)
    assert not gc.isenabled()
    first.cancel()
    await asyncio.wait([first])
    assert gc.isenabled()
    assert not second.done()
    await second
    assert gc.isenabled()
    await prober.close()


async def test_prober_reload_changes_address_new_scrape_joins_no_old_probe(probed: list[Target]) -> None:
    old, new = configuration("us", 1001), configuration("us", 2002)
    prober = Prober(old)
    under_way = asyncio.create_task(prober.probe_targets(old.targets, 30.0))
    await asyncio.sleep(0)
    prober.reconfigure(new)
    await asyncio.sleep(0)
    await asyncio.sleep(0)  # the old scrape has started more of its targets by now
    await asyncio.gather(under_way, prober.probe_targets(new.targets, 30.0))
    assert {target.name for target in probed if target.address.port == 2002} == {t.name for t in new.targets}
    await prober.close()


async def test_prober_reload_between_request_and_scrape_probes_the_new_modules(probed: list[Target]) -> None:
    old = configuration("us", 1001)
    new = Config(
        tuple(Target(t.name, t.address, modules=("other",)) for t in old.targets),
        identities=old.identities,
        modules={"other": Module("other", identity="us")},
    )
    prober = Prober(old)
    state = in_process.state(prober, lambda: new)
    scrape_of_a_request = asyncio.ensure_future(_scrape_all(state, 30.0))
    prober.reconfigure(new)
    await scrape_of_a_request
    assert len(probed) == COUNT
    await prober.close()


async def test_prober_two_scrapes_at_once_share_the_probes(probed: list[Target]) -> None:
    config = configuration("us", 1001)
    prober = Prober(config)
    first, second = await asyncio.gather(*(prober.probe_targets(config.targets, 30.0) for _ in range(2)))
    assert first == second
    assert len(probed) == COUNT
    await prober.close()


CLOSED = Target("closed", Address("192.0.2.1", 104), modules=("echo",), expect=Expect.CLOSED)
PERMITTING = Config(
    (CLOSED,),
    identities={**BUILTIN_IDENTITIES, "known": Identity("known", "US", user_identity=UserIdentity("u", Secret("x")))},
    modules={
        "echo": Module("echo"),
        "writes": Module("writes", store=Store()),
        "password": Module("password", identity="known"),
    },
    probe=ProbeSettings((parse_network("192.0.2.0/24"),)),
)


@pytest.mark.parametrize("module", ["writes", "password"])
async def test_prober_choice_that_is_not_permitted_raises_and_probes_nothing(probed: list[Target], module: str) -> None:
    prober = Prober(PERMITTING)
    with pytest.raises(NotPermitted):
        await prober.probe_targets([CLOSED], 5.0, [module])
    with pytest.raises(NotPermitted):
        await prober.probe_address(Target("192.0.2.1:104", CLOSED.address), 5.0, [module])
    assert probed == []
    await prober.close()


@pytest.mark.parametrize("module", ["writes", "password"])
async def test_prober_target_not_of_the_configuration_is_unknown_and_not_failed(module: str) -> None:
    """Whoever calls it with a target that has the module, past every check of a configuration."""
    target = Target("elsewhere", Address("192.0.2.1", 104), modules=(module,))
    prober = Prober(PERMITTING)
    (record,) = await prober.probe_targets([target], 5.0)
    (session,) = record.sessions
    assert session.echo == EchoResult(Outcome.OVERLOAD)
    assert session.store is None


@pytest.mark.parametrize(
    ("first", "second", "probes"),
    [
        (9.5, 9.5, 1),
        (None, 30.0, 1),  # no more than the module may take
        (9.5, 4.0, 1),
        (0.3, 9.5, 2),
        (9.5, None, 1),  # a result of about as long would be reused, too
        (7.5, None, 2),
        (3.2, 3.5, 2),  # the first is hurried
    ],
)
async def test_prober_scrape_joins_no_probe_that_was_given_less_time(
    probed: list[Target], first: float | None, second: float | None, probes: int
) -> None:
    config = configuration("us", 1001)
    target = config.targets[:1]
    prober = Prober(config)
    await asyncio.gather(prober.probe_targets(target, first), prober.probe_targets(target, second))
    assert len(probed) == probes
    await prober.close()


@pytest.mark.parametrize(
    ("timeout", "outcome", "hurried", "cut_short"),
    [
        (9.5, Outcome.OVERLOAD, False, set()),
        (1.0, Outcome.OVERLOAD, True, {"us"}),
        (1.0, Outcome.REFUSED, True, set()),
    ],
)
async def test_prober_result_that_a_short_timeout_cut_is_not_kept_and_is_marked(
    monkeypatch: pytest.MonkeyPatch, timeout: float, outcome: Outcome, hurried: bool, cut_short: set[str]
) -> None:
    contexts: list[ProbeContext] = []
    records: list[ProbeRecord] = []

    async def probe_as(target: Target, module: Module, context: ProbeContext, results: ResultCache) -> SessionResult:
        contexts.append(context)
        return SessionResult(context.identity.name, EchoResult(outcome))

    monkeypatch.setattr(prober_module, "probe_as", probe_as)
    config = configuration("us", 1001)
    config = replace(config, modules={"m": replace(config.modules["m"], every=900.0)})
    prober = Prober(config, records.append)
    await prober.probe_targets(config.targets[:1], timeout)
    await prober.probe_targets(config.targets[:1], timeout)
    assert [record.cut_short for record in records] == [cut_short] * 2
    assert {context.hurried for context in contexts} == {hurried}
    assert len(contexts) == (2 if outcome is Outcome.OVERLOAD else 1)
    await prober.close()


@pytest.mark.parametrize(
    ("module_timeout", "connect_proof"),
    [(10.0, 3.0), (3.0, 1.0)],  # connect_timeout, or a third of the timeout of the module
)
async def test_prober_connection_proves_silence_after_its_own_bound(
    monkeypatch: pytest.MonkeyPatch, module_timeout: float, connect_proof: float
) -> None:
    contexts: list[ProbeContext] = []

    async def probe_as(target: Target, module: Module, context: ProbeContext, results: ResultCache) -> SessionResult:
        contexts.append(context)
        return SessionResult(context.identity.name, EchoResult(Outcome.SUCCESS))

    monkeypatch.setattr(prober_module, "probe_as", probe_as)
    config = configuration("us", 1001)
    config = replace(config, modules={"m": replace(config.modules["m"], timeout=module_timeout)})
    prober = Prober(config)
    await prober.probe_targets(config.targets[:1], 0.5)
    assert [context.connect_proof for context in contexts] == [pytest.approx(connect_proof)]
    await prober.close()


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules of each association at the address of the targets, in their order; each takes a while."""
    order: list[str] = []

    async def probe_as(target: Target, module: Module, context: ProbeContext, results: ResultCache) -> SessionResult:
        async with context.limits.lock_address(target.address.socket_addresses[0], context.deadline, context.turn):
            order.append(module.name)
            for _ in range(20):
                await asyncio.sleep(0)
        return SessionResult(context.identity.name, EchoResult(Outcome.SUCCESS))

    monkeypatch.setattr(prober_module, "probe_as", probe_as)
    return order


NAMES = ("a", "b", "c", "d", "e", "f")
CHOOSING = Config(
    (Target("main", Address("127.0.0.1", 104), modules=NAMES),), modules={name: Module(name) for name in NAMES}
)
SUBSETS = [choice for length in range(1, 6) for choice in combinations(NAMES, length)]


async def test_prober_subsets_of_the_modules_keep_nobody_else_waiting(archive: list[str]) -> None:
    prober = Prober(CHOOSING)
    ask = partial(prober.probe_targets, CHOOSING.targets, 9.5)
    greedy = [asyncio.create_task(ask(choice, "192.0.2.1")) for choice in SUBSETS]
    await asyncio.sleep(0)
    other = asyncio.create_task(ask(["e", "f"], "192.0.2.2"))
    own = asyncio.create_task(ask())
    found = [(await asyncio.wait_for(each, 30))[0] for each in (*greedy, other, own)]
    outcomes = Counter(record.sessions[0].association or Outcome.SUCCESS for record in found)
    assert outcomes == {Outcome.SUCCESS: 10, Outcome.OVERLOAD: len(SUBSETS) - 8}
    assert len(archive) == 10
    assert archive[1] == ",".join(NAMES), "what the configuration asks is first, after what was under way"
    assert archive[3] == "e,f", "and each client has its turn"
    assert not prober._choices
    await prober.close()


async def test_prober_more_and_more_time_keeps_nobody_else_waiting(archive: list[str]) -> None:
    prober = Prober(CHOOSING)
    ask = partial(prober.probe_targets, CHOOSING.targets)
    greedy = [asyncio.create_task(ask(n / 100, None, "192.0.2.1")) for n in range(10, 900)]
    await asyncio.sleep(0)
    (record,) = await ask(9.5)
    assert record.sessions[0].echo is not None
    assert record.sessions[0].echo.outcome is Outcome.SUCCESS
    await asyncio.gather(*greedy)
    assert len(archive) < 8 + 8  # beside those that are hurried, each is given a quarter more than the one before
    await prober.close()


async def test_prober_names_of_one_address_keep_nobody_else_waiting(archive: list[str]) -> None:
    config = replace(CHOOSING, probe=ProbeSettings((parse_network("127.0.0.0/8"),)))
    prober = Prober(config)
    strange = [replace(config.targets[0], name=f"127.0.0.1:{n}", called_ae_title=f"T{n}") for n in range(40)]
    greedy = [asyncio.create_task(prober.probe_address(each, 9.5, None, "192.0.2.1")) for each in strange]
    await asyncio.sleep(0)
    (record,) = await prober.probe_targets(config.targets, 9.5)
    assert record.sessions[0].echo is not None
    await asyncio.gather(*greedy)
    assert len(archive) <= 8 + 1
    await prober.close()


def test_prober_server_names_of_strangers_are_those_that_the_configuration_knows() -> None:
    tls = TLSSettings(context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), server_name="dicom.site.example")
    identities = {**BUILTIN_IDENTITIES, "monitor": replace(BUILTIN_IDENTITIES["monitor"], tls=tls)}
    target = Target(
        "main",
        Address("192.0.2.1", 104),
        dicomweb="https://web.site.example/dicom-web",
        web=(WebEntry("https://192.0.2.1/"), WebEntry("https://WEB.site.example/ui")),
    )
    config = Config((target,), identities=identities)
    modules = choice(config, ["availability", "exposure"])
    assert _server_names(config, target, modules) == ("192.0.2.1", "dicom.site.example", "web.site.example")
    named = replace(target, server_name="pacs.example")
    assert _server_names(config, named, modules) == ("pacs.example",)


async def test_prober_watched_tells_the_phases_of_that_target_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def probe_as(target: Target, module: Module, context: ProbeContext, results: ResultCache) -> SessionResult:
        with context.phases.time(Phase.ECHO):
            pass
        return SessionResult(module.identity, EchoResult(Outcome.SUCCESS))

    monkeypatch.setattr(prober_module, "probe_as", probe_as)
    seen: list[tuple[str, Phase, bool]] = []
    config = configuration("us", 104)
    prober = Prober(config)
    with prober.watched("t1", lambda identity, phase, seconds: seen.append((identity, phase, seconds is None))):
        await prober.probe_targets(config.targets, None)
    await prober.probe_targets(config.targets, None)
    await prober.close()
    assert seen == [("us", Phase.ECHO, True), ("us", Phase.ECHO, False)]
