"""`/metrics` and `/probe`: the calls of the prober, and the responses."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import MappingProxyType

import pytest

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
    UserIdentity,
)
from dicom_exporter.config.model import BUILTIN_IDENTITIES, BUILTIN_MODULES, BUILTIN_QUERIES
from dicom_exporter.config.values.network import parse_network
from dicom_exporter.net.errors import Overloaded
from dicom_exporter.prober.allowlist import NotAllowed
from tests.testing.in_process import CONFIG, HEADER, FakeProber, exporter, series, state

pytestmark = pytest.mark.loopback

ALLOW = ProbeSettings((parse_network("10.0.0.0/8"),))
ALLOWING = Config(
    (
        Target("one", Address("127.0.0.1", 104)),
        Target("10.0.0.9:104", Address("127.0.0.1", 11112)),
        Target("closed", Address("127.0.0.1", 104), expect=Expect.CLOSED),
        Target("own", Address("127.0.0.1", 104), modules=("password",)),
    ),
    identities=MappingProxyType(
        {**BUILTIN_IDENTITIES, "known": Identity("known", "US", user_identity=UserIdentity("us", Secret("hidden")))}
    ),
    modules=MappingProxyType(
        {
            **BUILTIN_MODULES,
            "writes": Module("writes", store=Store()),
            "password": Module("password", identity="known"),
            "asks_again": Module("asks_again", queries={"studies": BUILTIN_QUERIES["studies"]}),
        }
    ),
    probe=ALLOW,
)


async def test_metrics_has_all_targets_and_the_exporter_itself() -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get("/metrics") as response:
        found = series(await response.text())
    assert response.status == 200
    assert prober.asked == [(("one", "two"), None, None)]
    assert found["dicom_echo_success", "one"] == 1
    assert found["dicom_echo_success", "two"] == 1
    assert found["dicom_exporter_build_info", ""] == 1
    assert ("process_open_fds", "") in found


async def test_metrics_with_probe_false_starts_no_probe() -> None:
    prober = FakeProber()
    async with exporter(prober) as client:
        async with client.get("/metrics?probe=false") as response:
            found = series(await response.text())
        async with client.get("/metrics?probe=no") as response:
            assert response.status == 400
    assert prober.asked == []
    assert found["dicom_exporter_build_info", ""] == 1
    assert all(name.startswith(("dicom_exporter_", "process_", "python_info")) for name, _ in found)


async def test_probe_result_has_no_target_label() -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get("/probe?target=two") as response:
        found = series(await response.text())
    assert prober.asked == [(("two",), None, None)]
    assert found["dicom_echo_success", ""] == 1
    assert not any(name.startswith(("dicom_exporter_", "process_", "python_info")) for name, _ in found)


async def test_probe_with_module_parameter_runs_these_modules_once() -> None:
    prober = FakeProber()
    async with exporter(prober) as client:
        async with client.get("/probe?target=one&module=availability") as response:
            assert response.status == 200
        for names in ("exposure,availability,exposure", "availability,exposure"):  # the order is no matter
            async with client.get(f"/probe?target=one&module={names}") as response:
                assert response.status == 200
    first, second, third = (modules for _, _, modules in prober.asked)
    assert first == ("availability",)
    assert second == third
    assert second is not None
    assert sorted(second) == ["availability", "exposure"]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("closed&module=writes", "nothing is written to a target with expect: closed"),
        ("closed&module=exposure,writes", "nothing is written to a target with expect: closed"),
        ("one&module=password", "probes as the identity known, which no module of this target has"),
        ("closed&module=exposure,password", "probes as the identity known, which no module of this target has"),
        ("one&module=availability,asks_again", "have different queries with the name 'studies'"),
    ],
)
async def test_probe_with_module_that_target_cannot_have_is_bad_request(query: str, said: str) -> None:
    prober = FakeProber(ALLOWING)
    async with exporter(prober) as client, client.get(f"/probe?target={query}") as response:
        text = await response.text()
    assert response.status == 400
    assert said in text
    assert text.endswith(".\n")
    assert prober.asked == []


@pytest.mark.parametrize("query", ["one&module=writes,exposure", "closed&module=availability", "own&module=password"])
async def test_probe_with_module_that_target_can_have_is_probed(query: str) -> None:
    prober = FakeProber(ALLOWING)
    async with exporter(prober) as client, client.get(f"/probe?target={query}") as response:
        assert response.status == 200
    assert len(prober.asked) == 1


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?target=",
        "?target=three",
        "?target=ONE",
        "?target=one,two",
        "?target=one&target=two",
        "?target=one&target=one",
        "?target=127.0.0.1:104",
        "?target=one&module=",
        "?target=one&module=nothing",
        "?target=one&module=availability,nothing",
        "?target=one&module=availability,",
        "?target=one&module=availability&module=exposure",
        "?target=<script>alert(1)</script>",
        "?target=one%00",
        "?target=" + "x" * 5000,
    ],
)
async def test_probe_of_unknown_target_or_module_is_bad_request(query: str) -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get(f"/probe{query}") as response:
        text = await response.text()
    assert response.status == 400
    assert response.content_type == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "script" not in text
    assert len(text) < 500
    assert prober.asked == []


async def test_unknown_name_is_answered_with_known_names() -> None:
    async with exporter() as client:
        async with client.get("/probe?target=three") as response:
            assert "one, two" in await response.text()
        async with client.get("/probe?target=one&module=nothing") as response:
            assert "availability, exposure" in await response.text()


async def test_unknown_name_is_answered_with_at_most_twenty_names() -> None:
    config = Config(tuple(Target(f"target-{number}", Address("127.0.0.1", 104)) for number in range(1000)))
    async with exporter(FakeProber(config)) as client, client.get("/probe?target=x") as response:
        assert (await response.text()).endswith("target-19, and 980 more.\n")


async def test_unknown_target_requests_are_counted() -> None:
    async with exporter() as client:
        for query in ("?target=three", "?target=four", "", "?target=one"):
            await client.get(f"/probe{query}")
        async with client.get("/metrics") as response:
            assert series(await response.text())["dicom_exporter_unknown_target_requests_total", ""] == 2


async def test_probe_timeout_is_header_less_offset() -> None:
    prober = FakeProber()
    async with exporter(replace(state(prober), timeout_offset=1.0)) as client:
        await client.get("/metrics", headers={HEADER: "10"})
        await client.get("/probe?target=one", headers={HEADER: "7.5"})
    assert [timeout for _, timeout, _ in prober.asked] == [9.0, 6.5]


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=one"])
@pytest.mark.parametrize(
    ("timeout", "said"),
    [
        ("soon", f"{HEADER} is not a number.\n"),
        ("0", f"{HEADER} is not a positive number of seconds.\n"),
        ("-1", f"{HEADER} is not a positive number of seconds.\n"),
        ("nan", f"{HEADER} is not a positive number of seconds.\n"),
        ("inf", f"{HEADER} is not a positive number of seconds.\n"),
    ],
)
async def test_timeout_header_that_is_invalid_is_bad_request(path: str, timeout: str, said: str) -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get(path, headers={HEADER: timeout}) as response:
        assert response.status == 400
        assert await response.text() == said
    assert prober.asked == []


async def test_timeout_header_given_twice_is_bad_request() -> None:
    async with exporter() as client, client.get("/metrics", headers=[(HEADER, "5"), (HEADER, "10")]) as response:
        assert response.status == 400
        assert await response.text() == f"The header {HEADER} may be given once.\n"


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe?target=one", "/-/healthy", "/-/ready"])
async def test_head_request_has_headers_of_get_and_no_body(path: str) -> None:
    async with exporter() as client, client.head(path) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 0
        assert await response.read() == b""


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=one"])
async def test_post_to_scrape_endpoint_is_method_not_allowed(path: str) -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.post(path) as response:
        assert response.status == 405
    assert prober.asked == []


async def test_healthy_is_answered_during_a_scrape() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        await prober.started.wait()
        async with client.get("/-/healthy") as response:
            assert response.status == 200
        assert not prober.answered.is_set()
        await prober.close()
        assert (await scrape).status == 200


async def test_scrape_continues_after_client_disconnects() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        await prober.started.wait()
        scrape.cancel()
        await asyncio.wait({scrape})
        async with client.get("/-/healthy") as response:
            assert response.status == 200
        await prober.close()
        await asyncio.wait_for(prober.answered.wait(), 10)


async def test_reload_during_scrape_applies_to_next_scrape() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        await prober.started.wait()
        prober.reconfigure(Config((CONFIG.targets[1],)))
        await prober.close()
        found = series(await (await scrape).text())
        assert {target for _, target in found} == {"one", "two", ""}
        async with client.get("/metrics") as response:
            found = series(await response.text())
        assert {target for _, target in found} == {"two", ""}


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
async def test_adhoc_address_is_probed(query: str, address: str, title: str, modules: tuple[str, ...] | None) -> None:
    prober = FakeProber(ALLOWING)
    async with exporter(prober) as client, client.get(f"/probe?target={query}") as response:
        text = await response.text()
    assert response.status == 200
    assert prober.asked == [((address,), None, modules)]
    assert f'dicom_target_info{{address="{address}",called_ae_title="{title}",expect="available"}} 1.0' in text


async def test_configured_name_that_is_an_address_is_not_adhoc() -> None:
    prober = FakeProber(ALLOWING, denies=NotAllowed())
    async with exporter(prober) as client, client.get("/probe?target=10.0.0.9:104") as response:
        assert 'address="127.0.0.1:11112"' in await response.text()
    assert response.status == 200


async def test_adhoc_denial_gives_no_reason_and_is_counted() -> None:
    async with exporter(FakeProber(ALLOWING, denies=NotAllowed())) as client:
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


async def test_adhoc_lookup_overload_is_503_with_retry_after() -> None:
    async with exporter(FakeProber(ALLOWING, denies=Overloaded("…"))) as client:
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
        ("10.1.2.3", "An address needs a port: HOST:PORT"),
        ("10.1.2.3:0", "no target of this name"),
        ("http://10.1.2.3:104/", "no target of this name"),
    ],
)
async def test_adhoc_parameters_that_are_not_allowed_are_bad_requests(query: str, said: str) -> None:
    prober = FakeProber(ALLOWING)
    async with exporter(prober) as client, client.get(f"/probe?target={query}") as response:
        text = await response.text()
    assert response.status == 400
    assert said in text
    assert prober.asked == []


async def test_adhoc_without_probe_allow_is_unknown_target() -> None:
    prober = FakeProber(replace(ALLOWING, probe=ProbeSettings()))
    async with exporter(prober) as client:
        async with client.get("/probe?target=10.1.2.3:104") as response:
            assert response.status == 400
        assert await counts(client) == {"denied": 0, "unknown": 1}
    assert prober.asked == []
