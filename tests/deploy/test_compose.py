"""The compose file: read by docker-compose; each file that it mounts exists and is valid."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.testing.peers.requirements import program

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose"
USERS_OWN = {"dicom_exporter", "grafana-admin-password"}
"""The files and directories that the comment at the top of the file asks the user to create."""


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services as docker-compose understands them, paths relative to the top of the repository."""
    command = [program("docker-compose", "docker-compose"), "-f", str(COMPOSE / "compose.yml"), "config"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    config: dict[str, dict[str, Any]] = yaml.safe_load(done.stdout)
    return config["services"]


def test_compose_services_are_restricted(services: dict[str, Any]) -> None:
    assert services.keys() == {"exporter", "prometheus", "alertmanager", "grafana"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name


def test_compose_ports_are_on_loopback(services: dict[str, Any]) -> None:
    ports = [port for service in services.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_images_have_a_version(services: dict[str, Any]) -> None:
    for service in services.values():
        tag = service["image"].rpartition(":")[2]
        assert tag[:1].isdigit() or tag[:2].strip("v").isdigit(), service["image"]


def test_compose_mounted_files_exist(services: dict[str, Any]) -> None:
    mounts = [Path(mount.split(":")[0]) for service in services.values() for mount in service.get("volumes", [])]
    files = [path for path in mounts if path.is_absolute()]
    assert files
    assert [path for path in files if path.name not in USERS_OWN and not path.exists()] == []


def test_compose_mounts_no_single_file(services: dict[str, Any]) -> None:
    """A mount of one file keeps showing the old one after an editor has replaced it."""
    mounts = [mount.split(":")[:2] for service in services.values() for mount in service.get("volumes", [])]
    assert [pair for pair in mounts if Path(pair[0]).is_file() or Path(pair[1]).suffix] == []


def test_compose_grafana_finds_its_dashboards_and_prometheus(services: dict[str, Any]) -> None:
    """What Grafana reads in its container, by what is mounted where; and the data source is a service of this file."""
    mounts = {at: Path(source) for source, at, *_ in (each.split(":") for each in services["grafana"]["volumes"])}

    def on_host(path: str) -> Path:
        at = max((at for at in mounts if path == at or path.startswith(f"{at}/")), key=len)
        return mounts[at] / path[len(at) :].lstrip("/")

    provisioning = "/etc/grafana/provisioning"
    (provider,) = yaml.safe_load(on_host(f"{provisioning}/dashboards/dicom.yml").read_text())["providers"]
    assert len(list(on_host(provider["options"]["path"]).glob("*.json"))) == 3
    (source,) = yaml.safe_load(on_host(f"{provisioning}/datasources/prometheus.yml").read_text())["datasources"]
    host, port = source["url"].removeprefix("http://").split(":")
    assert host in services
    assert [each for each in services[host]["ports"] if each.endswith((f":{port}", f":{port}/tcp"))]
    interval = yaml.safe_load((COMPOSE / "prometheus" / "prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == interval


def test_compose_prometheus_configuration_and_rules_pass_promtool(tmp_path: Path) -> None:
    shutil.copytree(COMPOSE / "prometheus", tmp_path / "compose")
    shutil.copytree(ROOT / "prometheus" / "rules", tmp_path / "rules")
    command = [program("promtool", "prometheus"), "check", "config", str(tmp_path / "compose" / "prometheus.yml")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "rule files found" in done.stdout  # and not none
