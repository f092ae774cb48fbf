"""Who is told of what, by the example of a configuration for Alertmanager."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

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


DEFAULT_SUBJECT = (
    '[{{ .Status | toUpper }}{{ if eq .Status "firing" }}:{{ .Alerts.Firing | len }}{{ end }}] '
    '{{ .GroupLabels.SortedPairs.Values | join " " }} '
    "{{ if gt (len .CommonLabels) (len .GroupLabels) }}({{ with .CommonLabels.Remove .GroupLabels.Names }}"
    '{{ .Values | join " " }}{{ end }}){{ end }}'
)
"""`__subject` of Alertmanager's own templates."""


def message(status: str = "firing") -> dict[str, Any]:
    """What Alertmanager gives its templates and a webhook: two alerts of one archive, with a difficult name."""

    def alert(name: str, **annotations: str) -> dict[str, Any]:
        return {
            "status": status,
            "labels": {"alertname": name, "target": "main a+b & c", "condition": "EXPOSED"},
            "annotations": {"runbook_url": f"http://localhost:10104/runbooks/{name}", **annotations},
            "startsAt": "2026-01-01T00:00:00Z",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "",
        }

    return {
        "receiver": "mail",
        "status": status,
        "externalURL": "",
        "groupLabels": {"condition": "EXPOSED", "target": "main a+b & c"},
        "commonLabels": {"condition": "EXPOSED", "target": "main a+b & c"},
        "commonAnnotations": {},
        "alerts": [
            alert("DicomNewlyExposed", summary="It became exposed", description="What was changed?"),
            alert(
                "DicomPatientDataListed",
                subject="EXPOSED main a+b & c (10.0.4.7:104, north): lists studies, allowed: refuses strangers,"
                " since 2026-11-28 09:26 UTC",
                summary="EXPOSED: main",
                description="An unknown client got a list of studies.",
            ),
        ],
    }


def rendered(tmp_path: Path, template: str, kind: str = "text", status: str = "firing") -> str:
    data = tmp_path / "data.json"
    data.write_text(json.dumps(message(status)))
    return amtool(
        "template",
        "render",
        f"--template.glob={PROMETHEUS}/templates/*.tmpl",
        f"--template.text={template}",
        f"--template.type={kind}",
        f"--template.data={data}",
    )


@pytest.mark.integration
def test_template_subject_is_the_worst_alert_in_one_line(tmp_path: Path) -> None:
    line = (
        "EXPOSED main a+b & c (10.0.4.7:104, north): lists studies, allowed: refuses strangers,"
        " since 2026-11-28 09:26 UTC (and 1 more)"
    )
    assert rendered(tmp_path, '{{ template "dicom.subject" . }}') == line
    assert rendered(tmp_path, '{{ template "dicom.subject" . }}', status="resolved") == f"RESOLVED {line}"


@pytest.mark.integration
@pytest.mark.parametrize(("name", "kind"), [("dicom.text", "text"), ("dicom.html", "html")])
def test_template_text_links_to_page_dashboard_and_runbook(tmp_path: Path, name: str, kind: str) -> None:
    said = rendered(tmp_path, f'{{{{ template "{name}" . }}}}', kind)
    name = "main%20a%2Bb%20%26%20c"  # with it, the commands of the runbook are those for that target
    assert f"http://localhost:10104/runbooks/DicomPatientDataListed?target={name}" in said.replace("%2b", "%2B")
    assert "http://localhost:10104/targets/main%20a%2Bb%20%26%20c" in said
    assert "/d/dicom-target?var-target=main%20a%2bb%20%26%20c" in said.replace("%2B", "%2b")
    assert "An unknown client got a list of studies." in said


@pytest.mark.integration
def test_default_subject_says_exposed(tmp_path: Path) -> None:
    """Also for who does not use our templates: the route groups by the label `condition`."""
    assert rendered(tmp_path, DEFAULT_SUBJECT).startswith("[FIRING:2] EXPOSED main a+b & c")
    route = yaml.safe_load(CONFIG.read_text())["route"]
    assert route["group_by"] == ["condition", "target"]
