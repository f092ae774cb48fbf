"""Debian's Prometheus finds the targets at /sd: by the example, on IPv6, and under a prefix."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.testing.examples import example
from tests.testing.exporting import Exporter, configure, until
from tests.testing.peers import Orthanc, synthetic
from tests.testing.peers.prometheus import Prometheus, prometheus
from tests.testing.running import started

pytestmark = pytest.mark.integration

EXPORTER = "exporter.hospital.example:10104"

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


async def wait_until_up(server: Prometheus, *names: str) -> None:
    """Wait until exactly these targets are scraped."""

    async def up() -> bool:
        return await server.values('up{job="dicom"}', "target") == dict.fromkeys(names, 1.0)

    await until(up, f"up is 1 for {names}")


async def test_discovery_series_have_target_and_user_labels(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(known={"monitor": "PROMETHEUS"})
    archive.upload(synthetic.studies(5))
    one = {"name": "main pacs", "address": archive.dicom, "labels": {"site": "north", "country": "DE"}}
    two = {"name": "research-archive", "address": "127.0.0.1:1", "expect": "guarded", "labels": {"site": "south"}}
    configure(tmp_path, [one, two])
    async with started("--web.listen-address=127.0.0.1:0", directory=tmp_path) as running:
        url = await running.url()
        with prometheus(tmp_path / "prometheus", example("prometheus-sd.yml", {EXPORTER: url[7:]})) as server:
            await wait_until_up(server, "main pacs", "research-archive")

            async def exporter_scraped() -> bool:
                return bool(await server.query('dicom_exporter_build_info{job="dicom-exporter"}'))

            await until(exporter_scraped, "the exporter's own metrics are there")
            assert not await server.query('dicom_target_info{job="dicom-exporter"}')
            scraped = (await server.ask("targets"))["activeTargets"]
            assert [(each["health"], each["lastError"]) for each in scraped] == [("up", "")] * 3

            everything = await server.query('{job="dicom"}')
            assert len(everything) > 50
            sites = {"main pacs": "north", "research-archive": "south"}
            for series in everything:
                labels = series["metric"]
                assert labels["instance"] == labels["target"]
                assert labels["site"] == sites[labels["target"]]
                assert ("country" in labels) is (labels["target"] == "main pacs")
            assert not [name for name in await server.label_names() if name.startswith(("exported_", "__param"))]

            (series,) = await server.query("dicom_studies_visible")
            assert (series["metric"]["site"], series["value"][1]) == ("north", "5")
            (series,) = await server.query('dicom_target_info{target="main pacs"}')
            assert series["metric"]["address"] == str(archive.dicom)
            (series,) = await server.query(  # a join that is written for /metrics gives the same here
                "dicom_studies_visible * on (instance, target) group_left (site, country) dicom_target_info"
            )
            assert (series["metric"]["site"], series["metric"]["country"]) == ("north", "DE")

            configure(tmp_path, [two])  # a target that goes from the configuration goes from Prometheus
            async with ClientSession(url) as client:
                assert (await client.post("/-/reload")).status == 200
            await wait_until_up(server, "research-archive")
            assert "level=error" not in server.process.log
            assert "level=warn" not in server.process.log


@needs_ipv6
async def test_discovery_works_under_prefix_and_on_ipv6(tmp_path: Path) -> None:
    configure(tmp_path, [{"name": "six", "address": "[::1]:1"}])
    flags = ("--web.listen-address=[::1]:0", "--web.external-url=http://localhost/monitoring/dicom/")
    async with started(*flags, directory=tmp_path) as running:
        url = await running.url()
        assert url.startswith("http://[::1]:")
        async with ClientSession(f"{url}/monitoring/dicom/") as client:
            six = Exporter(running, url, client)
            assert (await six.get("metrics")).outcome("six") == "refused"
            async with client.get("sd") as response:
                assert (await response.json())[0]["targets"] == ["localhost:80"]
    configure(tmp_path, [{"name": "six", "address": "[::1]:1", "labels": {"site": "north"}}])
    async with started("--web.listen-address=[::1]:0", directory=tmp_path) as running:
        address = (await running.url()).removeprefix("http://")
        with prometheus(tmp_path / "prometheus", example("prometheus-sd.yml", {EXPORTER: address})) as server:
            await wait_until_up(server, "six")
            values = await server.values('dicom_echo_outcome{site="north"} == 1', "outcome")
            assert values == {"refused": 1.0}
