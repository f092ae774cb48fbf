"""Paths and their handlers: `/-/healthy`, `/-/ready`, the path of the metrics."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape, unescape
from urllib.parse import urljoin

import pytest
from yarl import URL

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.server.app import create_app, is_reserved
from dicom_exporter.server.external_url import parse_external_url
from tests.testing.in_process import FakeProber, exporter, state

pytestmark = pytest.mark.loopback


async def test_healthy_and_ready_are_200_when_ready() -> None:
    async with exporter() as client:
        for path in ("/-/healthy", "/-/ready"):
            async with client.get(path) as response:
                assert response.status == 200


async def test_ready_is_503_before_ready() -> None:
    async with exporter(state(FakeProber(), ready=False)) as client:
        async with client.get("/-/healthy") as response:
            assert response.status == 200
        async with client.get("/-/ready") as response:
            assert response.status == 503


async def test_reserved_paths_are_those_of_all_routes_but_the_metrics() -> None:
    app = create_app(state(FakeProber()))
    paths = {resource.canonical for resource in app.router.resources()} - {"/metrics"}
    assert len(paths) > 10
    assert all(is_reserved(path) for path in paths)
    assert not is_reserved("/metrics")
    assert not is_reserved("/dicom/probe")


async def test_telemetry_path_replaces_metrics_path() -> None:
    async with exporter(replace(state(FakeProber()), telemetry_path="/dicom/metrics")) as client:
        async with client.get("/dicom/metrics") as response:
            assert response.status == 200
        async with client.get("/metrics") as response:
            assert response.status == 404
        async with client.get("/") as response:
            assert 'href="./dicom/metrics"' in await response.text()


async def test_long_url_or_header_is_bad_request() -> None:
    async with exporter() as client:
        async with client.get("/probe?target=" + "x" * 20_000) as response:
            assert response.status == 400
        async with client.get("/", headers={"X-Long": "x" * 70_000}) as response:
            assert response.status == 400
        async with client.get("/", headers={"Cookie": "x" * 60_000}) as response:
            assert response.status == 200
        async with client.get("/-/healthy") as response:
            assert response.status == 200


async def test_unknown_parameter_is_bad_request_with_the_one_that_was_meant() -> None:
    async with exporter() as client:
        for path, meant in (
            ("/probe?targt=one", "target"),
            ("/probe?target=one&modul=availability", "module"),
            ("/probe?target=one&Debug=true", "debug"),
            ("/metrics?prob=false", "probe"),
        ):
            async with client.get(path) as response:
                assert response.status == 400
                assert f"(did you mean {meant}?)" in await response.text()
        async with client.get("/metrics?zzzz=%3Cscript%3E") as response:
            assert response.status == 400
            assert await response.text() == "/metrics has no such parameter. It has: probe.\n"


NAMES = (
    "plain",
    "with space",
    "100%",
    "a%2Fb",
    "%2e",
    ".",
    "..",
    "...",
    "{x}",
    "ä",
    "日本",
    "?&#;=+",
    '"<b>',
)


@pytest.mark.parametrize("prefix", ["", "/dicom", "/targets/x"])
async def test_each_name_that_a_target_may_have_has_a_page(prefix: str) -> None:
    config = Config(tuple(Target(name, Address("127.0.0.1", 104)) for name in NAMES))
    async with exporter(replace(state(FakeProber(config)), route_prefix=prefix)) as client:
        async with client.get(f"{prefix}/") as response:
            links = re.findall(r'class="name" href="([^"]*)"', await response.text())
        assert len(links) == len(NAMES)
        titles = set()
        for link in links:
            where = urljoin(f"{str(client._base_url).rstrip(chr(47))}{prefix}/", unescape(link))
            async with client.get(URL(where, encoded=True)) as response:
                text = await response.text()
                assert response.status == 200, link
            titles |= {name for name in NAMES if f"<h1>{escape(name)}" in text.replace("&#34;", "&quot;")}
            (style,) = re.findall(r'href="([^"]*style.css)"', text)
            async with client.get(URL(urljoin(where, style), encoded=True)) as response:
                assert response.status == 200


async def test_route_prefix_is_not_that_of_the_external_url_behind_a_proxy_that_removes_the_path() -> None:
    of = replace(state(FakeProber()), external_url=parse_external_url("https://x/dicom/"), route_prefix="")
    async with exporter(of) as client:
        for path in ("/", "/metrics?probe=false", "/-/ready", "/targets/one"):
            async with client.get(path, allow_redirects=False) as response:
                assert response.status == 200
        async with client.get("/sd") as response:
            (first, *_) = await response.json()
        assert first["targets"] == ["x:443"]
        assert first["labels"]["__metrics_path__"] == "/dicom/probe"
