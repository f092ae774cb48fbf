"""The Kubernetes manifests against Kubernetes' own schemas, the operator's objects against its own models."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from cloudcoil.models.prometheus_operator import v1, v1alpha1

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.config import load

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
OPERATOR = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): v1.ServiceMonitor,
    ("monitoring.coreos.com/v1", "Probe"): v1.Probe,
    ("monitoring.coreos.com/v1", "PrometheusRule"): v1.PrometheusRule,
    ("monitoring.coreos.com/v1alpha1", "ScrapeConfig"): v1alpha1.ScrapeConfig,
}


def _kustomization() -> dict[str, Any]:
    return dict(yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text()))


def _resource(name: str) -> dict[str, Any]:
    (document,) = yaml.safe_load_all((MANIFESTS / name).read_text())
    return dict(document)


def _fits_the_operator(manifest: dict[str, Any]) -> None:
    model = OPERATOR[manifest["apiVersion"], manifest["kind"]]
    understood = model.model_validate(manifest).model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert understood == manifest  # a key that it does not know would be missing


@pytest.mark.parametrize("name", _kustomization()["resources"])
def test_manifests_match_kubernetes_schema(name: str) -> None:
    kubernetes_validate.validate(_resource(name), "1.35", strict=True)


def test_kubernetes_schema_rejects_misspelt_key() -> None:
    deployment = _resource("deployment.yaml")
    deployment["spec"]["replica"] = deployment["spec"].pop("replicas")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(deployment, "1.35", strict=True)


def test_kustomization_lists_every_manifest() -> None:
    kustomization = _kustomization()
    named = {*kustomization["resources"], *kustomization["configMapGenerator"][0]["files"], "kustomization.yaml"}
    assert {path.name for path in MANIFESTS.glob("*.y*ml")} == named


def test_configmap_example_loads() -> None:
    (target,) = load([str(MANIFESTS / "config.yml")]).targets
    assert target.name in (MANIFESTS / "operator" / "probe.yaml").read_text()


def test_pods_run_without_privileges() -> None:
    pod = _resource("deployment.yaml")["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"] is True
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"] == {"drop": ["ALL"]}


def test_manifests_agree_on_port_and_selector() -> None:
    template = _resource("deployment.yaml")["spec"]["template"]
    labels = template["metadata"]["labels"]
    ports = {port["name"]: port["containerPort"] for port in template["spec"]["containers"][0]["ports"]}
    service = _resource("service.yaml")["spec"]
    assert ports == {"http": DEFAULT_PORT}
    assert service["selector"] == labels
    assert [(port["port"], port["targetPort"]) for port in service["ports"]] == [(DEFAULT_PORT, "http")]
    assert _resource("networkpolicy.yaml")["spec"]["podSelector"]["matchLabels"] == labels
    monitor = yaml.safe_load((MANIFESTS / "operator" / "servicemonitor.yaml").read_text())["spec"]
    assert monitor["selector"]["matchLabels"] == _resource("service.yaml")["metadata"]["labels"]
    assert [endpoint["port"] for endpoint in monitor["endpoints"]] == ["http"]


@pytest.mark.parametrize("path", sorted((MANIFESTS / "operator").glob("*.yaml")), ids=lambda path: path.name)
def test_operator_objects_match_schema(path: Path) -> None:
    _fits_the_operator(yaml.safe_load(path.read_text()))


def test_operator_schema_rejects_misspelt_key() -> None:
    manifest = yaml.safe_load((MANIFESTS / "operator" / "servicemonitor.yaml").read_text())
    manifest["spec"]["endpoints"][0]["intervall"] = "1m"
    with pytest.raises(AssertionError):
        _fits_the_operator(manifest)


def test_operator_rules_script_makes_prometheusrule_objects() -> None:
    script = MANIFESTS / "operator" / "rules.sh"
    done = subprocess.run(["sh", str(script)], capture_output=True, text=True, timeout=60, check=True)
    manifests = list(yaml.safe_load_all(done.stdout))
    for manifest in manifests:
        _fits_the_operator(manifest)
    rules = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))]
    assert [manifest["spec"] for manifest in manifests] == rules
