"""Who is told of what, by the example of a configuration for Alertmanager."""

from __future__ import annotations

import re
import subprocess

import pytest
import yaml

from tests.testing.peers.requirements import program
from tests.testing.rules import PROMETHEUS, alerts

CONFIG = PROMETHEUS / "alertmanager.yml"

TARGET = {"job": "dicom", "instance": "exporter:10104", "target": "main"}


def amtool(*arguments: str) -> str:
    done = subprocess.run(
        [program("amtool", "prometheus-alertmanager"), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.mark.integration
def test_alertmanager_example_passes_amtool() -> None:
    assert "SUCCESS" in amtool("check-config", str(CONFIG))


@pytest.mark.integration
@pytest.mark.parametrize(
    ("alert", "labels", "receiver"),
    [
        ("DicomTargetDown", {"site": "south"}, "pager"),
        ("DicomTargetDown", {}, "pager"),
        ("DicomTargetDown", {"site": "north"}, "pager-north"),
        ("DicomExposed", {"site": "south"}, "pager"),
        ("DicomPatientDataListed", {"site": "north"}, "pager-north"),
        ("DicomVantageBlind", {"site": "north"}, "pager-north"),
        ("DicomExposedOpenPort", {"site": "south"}, "tickets"),
        ("DicomExposureUnknown", {"site": "north"}, "tickets-north"),
        ("DicomTargetRefusesUs", {}, "tickets"),
        ("DicomStudiesDriedUp", {}, "tickets"),
        ("DicomStudiesDriedUp", {"site": "north"}, "tickets-north"),
        ("DicomExporterDown", {"target": "", "site": ""}, "pager"),
        ("DicomExporterAbsent", {"target": "", "job": "", "instance": ""}, "pager"),
        ("DicomReloadFailed", {"target": ""}, "tickets"),
        ("DicomQueryTruncated", {"site": "north"}, "shown"),
        ("DicomPeerSoftwareChanged", {}, "shown"),
    ],
)
def test_alertmanager_routes_by_severity(alert: str, labels: dict[str, str], receiver: str) -> None:
    given = {**TARGET, "alertname": alert, "severity": alerts()[alert]["labels"]["severity"], **labels}
    pairs = [f"{name}={value}" for name, value in given.items() if value]
    amtool("config", "routes", "test", f"--config.file={CONFIG}", f"--verify.receivers={receiver}", *pairs)


def test_alertmanager_example_alerts_exist() -> None:
    """A misspelt name hides nothing, and nobody would notice."""
    names = set(alerts())
    for pattern in re.findall(r'alertname=~?"([^"]+)"', CONFIG.read_text()):
        for part in pattern.split("|"):
            assert any(re.fullmatch(part, name) for name in names), part


def test_inhibition_of_exposure_only_by_worse_exposure_or_exporter_down() -> None:
    """Also not by what is a regular expression there."""
    exposure = ("DicomExposed", "DicomPatientDataListed", "DicomNewlyExposed", "DicomExposureUnknown")
    for rule in yaml.safe_load(CONFIG.read_text())["inhibit_rules"]:
        (source,) = re.findall(r'alertname="(\w+)"', " ".join(rule["source_matchers"]))
        hidden = re.findall(r'alertname=~?"([^"]+)"', " ".join(rule["target_matchers"]))
        if source in ("DicomExporterDown", "DicomPatientDataListed"):
            continue
        assert hidden, f"{source} hides everything"
        assert not [name for name in exposure for pattern in hidden if re.fullmatch(pattern, name)]
