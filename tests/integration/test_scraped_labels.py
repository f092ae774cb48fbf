"""Debian's Prometheus scrapes series of every family with labels of its own: ours stay, and the same alerts fire.

The labels are those that the Prometheus Operator, the usual jobs for annotations in Kubernetes, and people attach; each
with `honor_labels` off and on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.registry import Collector

from deploy.demo_stack.settings import RUNBOOKS, write_rules
from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome
from dicom_exporter.metrics import families, flow_families
from dicom_exporter.results import EchoResult, Flow, SessionResult
from tests.builders import record
from tests.testing.exporting import until
from tests.testing.hostile import http
from tests.testing.peers.prometheus import Prometheus, prometheus
from tests.testing.rules import ROOT
from tools.reference.sample import ANSWERED, REJECTED, STRANGER, TARGET

pytestmark = pytest.mark.integration

Series = frozenset[tuple[str, str]]

OPERATOR = {
    "namespace": "monitoring",
    "service": "dicom-exporter",
    "pod": "dicom-exporter-1-a",
    "container": "exporter",
}
POD = {
    "namespace": "monitoring",
    "service": "exporters",
    "pod": "e-0",
    "node": "n1",
    "app": "e",
    "release": "monitoring",
}
OWN = {
    "service": "pacs",
    "instance": "exporter",
    "target": "exporter",
    "identity": "ops",
    "namespace": "a",
    "site": "hq",
}
FORMER = "service"


class Everything(Collector):
    """Series of every family of targets."""

    def collect(self) -> Iterator[Metric]:
        down = SessionResult("monitor", EchoResult(Outcome.REFUSED), association=Outcome.REFUSED)
        refused = replace(REJECTED, association=Outcome.REJECTED)
        records = [
            record(TARGET, ANSWERED, STRANGER),
            record(replace(TARGET, name="down", labels={"country": "DE"}), down, STRANGER),
            record(replace(TARGET, name="refuses", expect=Expect.AVAILABLE), refused),
        ]
        yield from families(records, target_label=True)
        yield from flow_families([Flow("main", "down", 3)])


def exposed() -> tuple[bytes, set[Series]]:
    """The exposition, and its series without the label that has another name now."""
    registry = CollectorRegistry()
    registry.register(Everything())
    text = generate_latest(registry)
    series = {
        frozenset(
            (name, value)
            for name, value in {"__name__": sample.name, **sample.labels}.items()
            if value and name != FORMER  # to Prometheus, an empty label is none
        )
        for metric in Everything().collect()
        for sample in metric.samples
    }
    return text, series


def ours(metric: Mapping[str, str], names: set[str]) -> Series:
    """The labels that the exporter set."""
    return frozenset((name, value) for name, value in metric.items() if name in names)


def monitored_by_operator(labels: Mapping[str, str]) -> dict[str, Any]:
    """The job that the operator writes for our ServiceMonitor."""
    monitor = yaml.safe_load((ROOT / "deploy/kubernetes/operator/servicemonitor.yaml").read_text())["spec"][
        "endpoints"
    ][0]
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    return {
        "labels": {**labels, "endpoint": monitor["port"]},
        "honor_labels": monitor["honorLabels"],
        "relabel_configs": [
            {names.get(key, key): value for key, value in rule.items()} for rule in monitor["relabelings"]
        ],
    }


WAYS: Mapping[str, Mapping[str, Any]] = {
    "plain": {"labels": {}},
    "operator-off": {"labels": {**OPERATOR, "endpoint": "http"}, "honor_labels": False},
    "operator-on": {"labels": {**OPERATOR, "endpoint": "http"}, "honor_labels": True},
    "servicemonitor": monitored_by_operator(OPERATOR),
    "servicemonitor-off": {**monitored_by_operator(OPERATOR), "honor_labels": False},  # by `overrideHonorLabels`
    "annotations-off": {"labels": POD, "honor_labels": False},
    "annotations-on": {"labels": POD, "honor_labels": True},
    "own-on": {"labels": OWN, "honor_labels": True},
}
NOT_OUR_JOBS = {"annotations-off": "kubernetes-pods", "annotations-on": "kubernetes-service-endpoints"}
REPLACED = "own-off"
"""The one way that replaces labels that alerts need: there is an alert for that."""


def jobs(address: str) -> list[Mapping[str, Any]]:
    """A job for each way, named ``dicom-WAY`` where the name is not given."""
    ways = {**WAYS, REPLACED: {"labels": OWN, "honor_labels": False}}
    return [
        {
            "job_name": NOT_OUR_JOBS.get(way, f"dicom-{way}"),
            **{key: value for key, value in job.items() if key != "labels"},
            "static_configs": [{"targets": [address], "labels": job["labels"]}],
        }
        for way, job in ways.items()
    ]


def same(wanted: set[Series], found: set[Series]) -> bool:
    """Whether these are the same series; a job may add a label of its own to a series that has none of that name."""
    return len(found) == len(wanted) and all(any(series <= other for other in found) for series in wanted)


async def firing(server: Prometheus, job: str, names: set[str]) -> set[Series]:
    """The alerts that fire for a job, by name and the labels that the exporter set."""
    alerts = await server.query(f'ALERTS{{alertstate="firing", job="{job}"}}')
    return {ours(alert["metric"], names | {"alertname"}) for alert in alerts}


async def test_scraped_labels_of_ours_survive_and_the_same_alerts_fire(tmp_path: Path) -> None:
    text, expected = exposed()
    names = {name for series in expected for name, _ in series}
    write_rules(tmp_path / "rules", 100_000, RUNBOOKS)
    headers = {"Content-Type": "text/plain; version=0.0.4"}
    async with http.server(http.answers(200, text, headers)) as exporter:
        settings = {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["../rules/*.yml"],
            "scrape_configs": jobs(f"127.0.0.1:{exporter.port}"),
        }
        with prometheus(tmp_path / "prometheus", settings) as server:

            async def told() -> list[dict[str, Any]]:
                return await server.query('ALERTS{alertname="DicomLabelsOverwritten", alertstate="firing"}')

            for series in await until(told, "the alert about labels that are replaced"):
                assert series["metric"]["job"] == f"dicom-{REPLACED}"

            async def plain() -> set[Series]:
                return await firing(server, "dicom-plain", names)

            async def all_alerts() -> bool:
                return {"DicomTargetDown", "DicomTargetRefusesUs", "DicomExposed", "DicomPeerAdvisory"} <= {
                    dict(alert)["alertname"] for alert in await plain()
                }

            await until(all_alerts, "what is wrong is alerted on, in the plain way")
            for way in WAYS:
                job = NOT_OUR_JOBS.get(way, f"dicom-{way}")
                scraped = await server.query(f'{{__name__=~"dicom(web)?_.*", job="{job}"}}')
                assert same(expected, {ours(series["metric"], names | {"__name__"}) for series in scraped}), way

                async def same_alerts(job: str = job) -> bool:
                    return same(await plain(), await firing(server, job, names))

                await until(same_alerts, f"{way}: the alerts of the plain way")
            assert "level=error" not in server.process.log
            assert "level=warn" not in server.process.log  # a rule that cannot be evaluated
