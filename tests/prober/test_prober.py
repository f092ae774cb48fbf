"""What a reload does to a scrape that is under way, and what a probe is handed. No probe leaves the process."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import replace

import pytest

import dicom_exporter.prober.prober as prober_module
from dicom_exporter.config import Address, Config, Identity, Module, Target, TLSSettings, WebEntry
from dicom_exporter.config.model import BUILTIN_IDENTITIES, BUILTIN_MODULES
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.prober.cache import ResultCache
from dicom_exporter.prober.prober import Prober, _server_names
from dicom_exporter.results import EchoResult, Outcome, SessionResult
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
    modules = (BUILTIN_MODULES["availability"], BUILTIN_MODULES["exposure"])
    assert _server_names(config, target, modules) == ("192.0.2.1", "dicom.site.example", "web.site.example")
    named = replace(target, server_name="pacs.example")
    assert _server_names(config, named, modules) == ("pacs.example",)
