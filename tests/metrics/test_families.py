"""Names, types and HELP texts of all families, as Prometheus' own tool and parser read them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, replace
from typing import Any

import pytest
from prometheus_client import Metric, ProcessCollector, generate_latest
from prometheus_client.openmetrics import exposition, parser

from dicom_exporter.enums import LadderService, SecureProfile
from dicom_exporter.metrics import exporter_families, families, flow_families
from dicom_exporter.metrics.exporter import EXPORTER_FAMILIES
from dicom_exporter.metrics.queries import QUERY_FAMILIES
from dicom_exporter.metrics.targets import EXPOSURE_FAMILIES, FLOW_FAMILIES, SESSION_FAMILIES, TARGET_FAMILIES
from dicom_exporter.results import Flow
from dicom_exporter.text import SafeText
from tests.builders import CONQUEST, FACTS, FULL, OLD_TLS, STRANGER, STRANGER_REJECTED, TARGET, record
from tests.testing.peers.requirements import program


@dataclass
class Everything:
    """Every family there is."""

    target_label: bool

    def collect(self) -> list[Metric]:
        postures = {LadderService.DIMSE: (OLD_TLS,)}
        stranger = replace(STRANGER, identity="other", tls_postures=postures)
        conquest = replace(STRANGER_REJECTED, peer=CONQUEST, software=SafeText("1.9.7"))
        target = replace(TARGET, tls_profile=SecureProfile.BCP195)
        found = list(families([record(target, FULL, conquest, stranger)], target_label=self.target_label))
        if self.target_label:
            found += flow_families([Flow("main", "copy", 3, 1)])
            found += exporter_families(FACTS)
            found += ProcessCollector(registry=None).collect()
        return found


@pytest.mark.integration
@pytest.mark.parametrize("target_label", [True, False], ids=["metrics", "probe"])
def test_families_pass_promtool_check(target_label: bool) -> None:
    done = subprocess.run(
        [program("promtool", "prometheus"), "check", "metrics"],
        input=generate_latest(Everything(target_label)),
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


def test_families_openmetrics_text_is_read_back_whole() -> None:
    text = exposition.generate_latest(Everything(True)).decode()  # type: ignore[no-untyped-call]
    read: list[Any] = list(parser.text_string_to_metric_families(text))  # type: ignore[no-untyped-call]
    assert [metric.name for metric in read] == [metric.name for metric in Everything(True).collect()]


def test_families_declared_are_all_collected() -> None:
    tables = (TARGET_FAMILIES, SESSION_FAMILIES, QUERY_FAMILIES, EXPOSURE_FAMILIES, FLOW_FAMILIES, EXPORTER_FAMILIES)
    declared = {family.name.removesuffix("_total") for table in tables for family in table}
    assert declared <= {metric.name for metric in Everything(True).collect()}


def test_families_without_targets_are_none() -> None:
    assert list(families([], target_label=True)) == []
