"""Paths and their handlers: `/-/healthy`, `/-/ready`, the path of the metrics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.server.app import create_app, is_reserved
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
