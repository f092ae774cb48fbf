"""Debian's Prometheus scrapes the exporter by the README's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import ClientSession

from tests import readme
from tests.integration.exporting import exporter, until
from tests.peers import Address, Orthanc, Process, synthetic
from tests.peers.process import free_address, process
from tests.peers.requirements import program

pytestmark = pytest.mark.integration

EXPORTER = "exporter.hospital.example:10104"
"""Where it is, in the README."""


def scrape_configs(exporter_address: str) -> list[dict[str, Any]]:
    """Both ways that the README has, but each second."""
    texts = [text.replace(EXPORTER, exporter_address) for text in readme.blocks("yaml") if EXPORTER in text]
    jobs = [job for text in texts for job in yaml.safe_load(text)["scrape_configs"]]
    return [{**job, "scrape_interval": "1s", "scrape_timeout": "1s"} for job in jobs]


@contextmanager
def prometheus(directory: Path, jobs: list[dict[str, Any]]) -> Iterator[tuple[Process, Address]]:
    """Run Prometheus with those jobs, until the block ends."""
    directory.mkdir()
    (directory / "prometheus.yml").write_text(yaml.safe_dump({"scrape_configs": jobs}))
    address = free_address()
    argv = [
        program("prometheus", "prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        f"--web.listen-address={address}",
    ]
    with process(argv, directory, "prometheus") as running:
        running.wait_for_log("Server is ready to receive web requests")
        yield running, address


async def test_prometheus_scrapes_both_ways(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(known={"monitor": "PROMETHEUS"})
    archive.upload(synthetic.studies(5))
    targets: list[dict[str, object]] = [
        {"name": "main-pacs", "address": archive.dicom, "labels": {"site": "north", "country": "DE"}},
        {"name": "research-archive", "address": "127.0.0.1:1", "expect": "guarded"},
    ]
    async with exporter(tmp_path, targets) as exporting:
        jobs = scrape_configs(exporting.url.removeprefix("http://"))
        assert [job["job_name"] for job in jobs] == ["dicom", "dicom-probe"]
        with prometheus(tmp_path / "prometheus", jobs) as (running, address):
            async with ClientSession(f"http://{address}") as client:

                async def ask(path: str, **parameters: str) -> Any:
                    async with client.get(f"/api/v1/{path}", params=parameters) as response:
                        answer = await response.json()
                    assert answer["status"] == "success", answer
                    return answer["data"]

                async def query(expression: str) -> list[dict[str, Any]]:
                    found: list[dict[str, Any]] = (await ask("query", query=expression))["result"]
                    return found

                async def all_up() -> bool:
                    return [series["value"][1] for series in await query("up")] == ["1", "1", "1"]

                await until(all_up, "up is 1 for the one target of one job and the two of the other")
                scraped = (await ask("targets"))["activeTargets"]
                assert {(each["health"], each["lastError"]) for each in scraped} == {("up", "")}
                for job in ("dicom", "dicom-probe"):
                    (series,) = await query(f'dicom_studies_visible{{job="{job}"}}')
                    assert series["metric"]["target"] == "main-pacs"
                    assert series["value"][1] == "5"
                for job in ("dicom", "dicom-probe"):
                    (series,) = await query(
                        f'dicom_studies_visible{{job="{job}"}}'
                        " * on (instance, target) group_left (site) dicom_target_info"
                    )
                    assert series["metric"]["site"] == "north"
                (example,) = readme.blocks("promql")
                for expression in example.split("\n\n"):
                    await query(expression)
                assert len(await query('dicom_echo_success{identity="monitor"} == 0')) == 2
            assert "level=error" not in running.log
            assert "level=warn" not in running.log
