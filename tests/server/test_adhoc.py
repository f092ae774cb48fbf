"""`/probe` of an address that is not in the configuration."""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

import pytest

from dicom_exporter.config import Address, Config, Identity, Module, ProbeSettings, Secret, Store, Target, UserIdentity
from dicom_exporter.config.model import BUILTIN_IDENTITIES, BUILTIN_MODULES
from dicom_exporter.config.values.network import parse_network
from dicom_exporter.net.errors import Overloaded
from dicom_exporter.prober.allowlist import NotAllowed
from tests.server.exporter import FakeProber, exporter
from tests.server.test_probe_endpoints import series

ALLOW = ProbeSettings((parse_network("10.0.0.0/8"),))
CONFIG = Config(
    (Target("one", Address("127.0.0.1", 104)), Target("10.0.0.9:104", Address("127.0.0.1", 11112))),
    identities=MappingProxyType(
        {**BUILTIN_IDENTITIES, "known": Identity("known", "US", user_identity=UserIdentity("us", Secret("hidden")))}
    ),
    modules=MappingProxyType(
        {**BUILTIN_MODULES, "writes": Module("writes", store=Store()), "password": Module("password", identity="known")}
    ),
    probe=ALLOW,
)


async def counts(client: object) -> dict[str, float]:
    """The counters of requests that were refused."""
    async with client.get("/metrics?probe=false") as response:  # type: ignore[attr-defined]
        found = series(await response.text())
    return {name.split("_")[2]: value for (name, _), value in found.items() if name.endswith("target_requests_total")}


@pytest.mark.parametrize(
    ("query", "address", "title", "modules"),
    [
        ("10.1.2.3:104", "10.1.2.3:104", "ANY-SCP", None),
        ("10.1.2.3:104&called_ae_title=PACS", "10.1.2.3:104", "PACS", None),
        ("pacs.example:104&module=exposure", "pacs.example:104", "ANY-SCP", ("exposure",)),
        ("[2001:db8::1]:104", "[2001:db8::1]:104", "ANY-SCP", None),
    ],
)
async def test_an_address_is_probed(query: str, address: str, title: str, modules: tuple[str, ...] | None) -> None:
    prober = FakeProber(CONFIG)
    async with exporter(prober) as client, client.get(f"/probe?target={query}") as response:
        text = await response.text()
    assert response.status == 200
    assert prober.asked == [((address,), None, modules)]
    assert f'dicom_target_info{{address="{address}",called_ae_title="{title}",expect="available"}} 1.0' in text


async def test_a_name_of_the_configuration_comes_first() -> None:
    prober = FakeProber(CONFIG, denies=NotAllowed())
    async with exporter(prober) as client, client.get("/probe?target=10.0.0.9:104") as response:
        assert 'address="127.0.0.1:11112"' in await response.text()
    assert response.status == 200


async def test_a_denial_says_nothing_and_is_counted() -> None:
    async with exporter(FakeProber(CONFIG, denies=NotAllowed())) as client:
        answers = set()
        for target in ("192.0.2.1:104", "nowhere.example:104", "[::1]:104"):
            async with client.get(f"/probe?target={target}") as response:
                answers.add((response.status, await response.text()))
        async with client.get("/probe?target=nobody") as response:  # not an address
            assert response.status == 400
        assert await counts(client) == {"denied": 3, "unknown": 1}
    ((status, text),) = answers
    assert status == 403
    assert "not inside of probe.allow" in text


async def test_too_many_lookups_are_told_to_come_again() -> None:
    async with exporter(FakeProber(CONFIG, denies=Overloaded("…"))) as client:
        async with client.get("/probe?target=pacs.example:104") as response:
            assert response.status == 503
            assert "Retry-After" in response.headers
        assert await counts(client) == {"denied": 0, "unknown": 0}


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("10.1.2.3:104&called_ae_title=", "not an AE title"),
        ("10.1.2.3:104&called_ae_title=A_TITLE_THAT_IS_TOO_LONG", "not an AE title"),
        ("10.1.2.3:104&called_ae_title=A&called_ae_title=B", "may be given once"),
        ("one&called_ae_title=PACS", "the configuration has the one of this target"),
        ("10.1.2.3:104&module=writes", "only to targets of the configuration"),
        ("10.1.2.3:104&module=availability,password", "only to targets of the configuration"),
        ("10.1.2.3:104&module=nothing", "no module of this name"),
        ("10.1.2.3", "no target of this name"),
        ("10.1.2.3:0", "no target of this name"),
        ("http://10.1.2.3:104/", "no target of this name"),
    ],
)
async def test_what_an_address_cannot_be_asked(query: str, said: str) -> None:
    prober = FakeProber(CONFIG)
    async with exporter(prober) as client, client.get(f"/probe?target={query}") as response:
        text = await response.text()
    assert response.status == 400
    assert said in text
    assert prober.asked == []


async def test_it_is_off_where_nothing_is_allowed() -> None:
    prober = FakeProber(replace(CONFIG, probe=ProbeSettings()))
    async with exporter(prober) as client:
        async with client.get("/probe?target=10.1.2.3:104") as response:
            assert response.status == 400
        assert await counts(client) == {"denied": 0, "unknown": 1}
    assert prober.asked == []
