"""Debian's Prometheus scrapes the exporter with the configurations of the README."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testing import readme
from tests.testing.exporting import exporter, until
from tests.testing.peers import Orthanc, synthetic
from tests.testing.peers.prometheus import prometheus

pytestmark = pytest.mark.integration

EXPORTER = "exporter.hospital.example:10104"
"""The address in the README."""


def scrape_configs(exporter_address: str) -> list[dict[str, Any]]:
    """Both configurations of the README, with an interval of one second."""
    texts = [text.replace(EXPORTER, exporter_address) for text in readme.blocks("yaml") if EXPORTER in text]
    jobs = [job for text in texts for job in yaml.safe_load(text)["scrape_configs"]]
    return [{**job, "scrape_interval": "1s", "scrape_timeout": "1s"} for job in jobs]


async def test_prometheus_scrapes_metrics_and_probe(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(known={"monitor": "PROMETHEUS"})
    archive.upload(synthetic.studies(5))
    targets: list[dict[str, object]] = [
        {"name": "main-pacs", "address": archive.dicom, "labels": {"site": "north", "country": "DE"}},
        {"name": "research-archive", "address": "127.0.0.1:1", "expect": "guarded"},
    ]
    async with exporter(tmp_path, targets) as exporting:
        jobs = scrape_configs(exporting.url.removeprefix("http://"))
        assert [job["job_name"] for job in jobs] == ["dicom", "dicom-probe"]
        with prometheus(tmp_path / "prometheus", {"scrape_configs": jobs}) as server:

            async def all_up() -> bool:
                return [series["value"][1] for series in await server.query("up")] == ["1", "1", "1"]

            await until(all_up, "up is 1 for the one target of one job and the two of the other")
            scraped = (await server.ask("targets"))["activeTargets"]
            assert {(each["health"], each["lastError"]) for each in scraped} == {("up", "")}
            for job in ("dicom", "dicom-probe"):
                (series,) = await server.query(f'dicom_studies_visible{{job="{job}"}}')
                assert series["metric"]["target"] == "main-pacs"
                assert series["value"][1] == "5"
            for job in ("dicom", "dicom-probe"):
                (series,) = await server.query(
                    f'dicom_studies_visible{{job="{job}"}} * on (instance, target) group_left (site) dicom_target_info'
                )
                assert series["metric"]["site"] == "north"
            (example,) = readme.blocks("promql")
            for expression in example.split("\n\n"):
                await server.query(expression)
            assert len(await server.query('dicom_echo_success{identity="monitor"} == 0')) == 2
            assert "level=error" not in server.process.log
            assert "level=warn" not in server.process.log
