"""`/metrics` and `/probe`: what is asked of the prober, and what is answered."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dicom_exporter.config import Address, Config, Target
from tests.testing.in_process import CONFIG, FakeProber, exporter, state

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"


def series(text: str) -> dict[tuple[str, str], float]:
    """(Name, target) -> value."""
    return {
        (sample.name, sample.labels.get("target", "")): sample.value
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    }


async def test_metrics_are_those_of_all_targets_and_of_the_exporter() -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get("/metrics") as response:
        found = series(await response.text())
    assert response.status == 200
    assert prober.asked == [(("one", "two"), None, None)]
    assert found["dicom_echo_success", "one"] == 1
    assert found["dicom_echo_success", "two"] == 1
    assert found["dicom_exporter_build_info", ""] == 1
    assert ("process_open_fds", "") in found


async def test_the_exporters_own_metrics_can_be_had_without_a_probe() -> None:
    prober = FakeProber()
    async with exporter(prober) as client:
        async with client.get("/metrics?probe=false") as response:
            found = series(await response.text())
        async with client.get("/metrics?probe=no") as response:
            assert response.status == 400
    assert prober.asked == []
    assert found["dicom_exporter_build_info", ""] == 1
    assert all(name.startswith(("dicom_exporter_", "process_")) for name, _ in found)


async def test_a_probe_is_of_one_target_and_carries_no_target() -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get("/probe?target=two") as response:
        found = series(await response.text())
    assert prober.asked == [(("two",), None, None)]
    assert found["dicom_echo_success", ""] == 1
    assert not any(name.startswith(("dicom_exporter_", "process_")) for name, _ in found)


async def test_a_probe_may_name_modules() -> None:
    prober = FakeProber()
    async with exporter(prober) as client:
        async with client.get("/probe?target=one&module=availability") as response:
            assert response.status == 200
        async with client.get("/probe?target=one&module=exposure,availability,exposure") as response:
            assert response.status == 200
    assert [modules for _, _, modules in prober.asked] == [("availability",), ("exposure", "availability")]


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
async def test_what_the_configuration_does_not_have_is_a_bad_request(query: str) -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get(f"/probe{query}") as response:
        text = await response.text()
    assert response.status == 400
    assert response.content_type == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert "script" not in text
    assert len(text) < 500
    assert prober.asked == []


async def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    async with exporter() as client:
        async with client.get("/probe?target=three") as response:
            assert "one, two" in await response.text()
        async with client.get("/probe?target=one&module=nothing") as response:
            assert "availability, exposure" in await response.text()


async def test_of_many_names_a_few_are_enough() -> None:
    config = Config(tuple(Target(f"target-{number}", Address("127.0.0.1", 104)) for number in range(1000)))
    async with exporter(FakeProber(config)) as client, client.get("/probe?target=x") as response:
        assert (await response.text()).endswith("target-19, and 980 more.\n")


async def test_requests_for_unknown_targets_are_counted() -> None:
    async with exporter() as client:
        for query in ("?target=three", "?target=four", "", "?target=one"):
            await client.get(f"/probe{query}")
        async with client.get("/metrics") as response:
            assert series(await response.text())["dicom_exporter_unknown_target_requests_total", ""] == 2


async def test_the_answer_comes_before_the_scrape_times_out() -> None:
    prober = FakeProber()
    async with exporter(replace(state(prober), timeout_offset=1.0)) as client:
        await client.get("/metrics", headers={HEADER: "10"})
        await client.get("/probe?target=one", headers={HEADER: "7.5"})
    assert [timeout for _, timeout, _ in prober.asked] == [9.0, 6.5]


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=one"])
@pytest.mark.parametrize("timeout", ["soon", "0", "-1", "nan", "inf"])
async def test_a_timeout_that_is_none_is_a_bad_request(path: str, timeout: str) -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.get(path, headers={HEADER: timeout}) as response:
        assert response.status == 400
        assert HEADER in await response.text()
    assert prober.asked == []


async def test_two_timeouts_are_a_bad_request() -> None:
    async with exporter() as client, client.get("/metrics", headers=[(HEADER, "5"), (HEADER, "10")]) as response:
        assert response.status == 400


@pytest.mark.parametrize("path", ["/", "/metrics", "/probe?target=one", "/-/healthy", "/-/ready"])
async def test_head_is_get_without_a_body(path: str) -> None:
    async with exporter() as client, client.head(path) as response:
        assert response.status == 200
        assert int(response.headers["Content-Length"]) > 0
        assert await response.read() == b""


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=one"])
async def test_nothing_is_posted_to_a_scrape(path: str) -> None:
    prober = FakeProber()
    async with exporter(prober) as client, client.post(path) as response:
        assert response.status == 405
    assert prober.asked == []


async def test_the_exporter_is_healthy_while_a_scrape_waits() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        await prober.begun.wait()
        async with client.get("/-/healthy") as response:
            assert response.status == 200
        assert not prober.answered.is_set()
        await prober.close()
        assert (await scrape).status == 200


async def test_a_client_that_goes_away_does_not_end_the_scrape() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        await prober.begun.wait()
        scrape.cancel()
        await asyncio.wait({scrape})
        async with client.get("/-/healthy") as response:
            assert response.status == 200
        await prober.close()
        await asyncio.wait_for(prober.answered.wait(), 10)


async def test_a_configuration_that_changes_in_mid_scrape_changes_the_next_one() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        scrape = asyncio.create_task(client.get("/metrics"))
        await prober.begun.wait()
        prober.reconfigure(Config((CONFIG.targets[1],)))
        await prober.close()
        found = series(await (await scrape).text())
        assert {target for _, target in found} == {"one", "two", ""}
        async with client.get("/metrics") as response:
            found = series(await response.text())
        assert {target for _, target in found} == {"two", ""}
