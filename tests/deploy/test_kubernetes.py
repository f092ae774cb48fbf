"""The Kubernetes manifests against Kubernetes' own schemas, the operator's objects against its own models."""

from __future__ import annotations

import ipaddress
import re
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.config import load
from tests.deploy.manifests import MANIFESTS, ROOT, VERSIONS, fits_the_operator
from tests.testing.peers.requirements import program


def _kustomization() -> dict[str, Any]:
    return dict(yaml.safe_load((MANIFESTS / "kustomization.yaml").read_text()))


def _resource(name: str) -> dict[str, Any]:
    (document,) = yaml.safe_load_all((MANIFESTS / name).read_text())
    return dict(document)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", _kustomization()["resources"])
def test_manifests_match_kubernetes_schema(name: str, version: str) -> None:
    kubernetes_validate.validate(_resource(name), version, strict=True)


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


def test_pods_of_one_deployment_are_never_two() -> None:
    """During an update, two exporters would probe each archive."""
    spec = _resource("deployment.yaml")["spec"]
    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})


def test_pods_name_a_user_only_where_the_image_has_no_number() -> None:
    """OpenShift's restricted-v2 refuses a number that is not of the namespace; deploy/openshift takes this one out."""
    pod = _resource("deployment.yaml")["spec"]["template"]["spec"]
    contexts = {each["name"]: each["securityContext"] for each in pod["containers"]}
    assert not {"runAsUser", "runAsGroup", "fsGroup"} & (pod["securityContext"].keys() | contexts["exporter"].keys())
    assert re.search(r"^USER \d+:\d+$", (ROOT / "deploy/container/Containerfile").read_text(), flags=re.MULTILINE)
    assert contexts["reload"]["runAsUser"] > 0


DNS = {
    "CoreDNS": ("kube-system", "10.244.0.3", 53),
    "NodeLocal DNSCache": (None, "169.254.20.10", 53),
    "Cloud DNS of GKE": (None, "169.254.169.254", 53),
    "OpenShift": ("openshift-dns", "10.128.0.9", 5353),
}


@pytest.mark.parametrize("protocol", ["UDP", "TCP"])
@pytest.mark.parametrize(("namespace", "address", "port"), DNS.values(), ids=DNS.keys())
def test_network_policy_lets_dns_through(namespace: str | None, address: str, port: int, protocol: str) -> None:
    """Else each target by name would read `dns_failure`, which is DOWN."""
    egress = _resource("networkpolicy.yaml")["spec"]["egress"][0]
    assert {"protocol": protocol, "port": port} in egress["ports"]
    names = [peer.get("namespaceSelector", {}).get("matchLabels", {}) for peer in egress["to"]]
    networks = [ipaddress.ip_network(peer["ipBlock"]["cidr"]) for peer in egress["to"] if "ipBlock" in peer]
    assert {"kubernetes.io/metadata.name": namespace} in names or any(
        ipaddress.ip_address(address) in network for network in networks
    )


@pytest.mark.parametrize("directory", ["kubernetes", "openshift"])
def test_kustomize_leaves_the_way_for_prometheus_open(directory: str) -> None:
    """A label for all selectors would replace that of Prometheus."""
    command = [program("kubectl", "kubectl"), "kustomize", str(ROOT / "deploy" / directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    (policy,) = (each for each in yaml.safe_load_all(done.stdout) if each["kind"] == "NetworkPolicy")
    assert {"podSelector": {"matchLabels": {"app.kubernetes.io/name": "prometheus"}}} in policy["spec"]["ingress"][0][
        "from"
    ]


def test_operator_objects_have_a_label_to_be_selected_by() -> None:
    for path in (MANIFESTS / "operator").glob("*.yaml"):
        assert yaml.safe_load(path.read_text())["metadata"]["labels"] == {"release": "kube-prometheus-stack"}


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
    fits_the_operator(yaml.safe_load(path.read_text()))


def test_operator_schema_rejects_misspelt_key() -> None:
    manifest = yaml.safe_load((MANIFESTS / "operator" / "servicemonitor.yaml").read_text())
    manifest["spec"]["endpoints"][0]["intervall"] = "1m"
    with pytest.raises(AssertionError):
        fits_the_operator(manifest)


def test_operator_rules_script_makes_prometheusrule_objects() -> None:
    command = ["env", "RELEASE=north", "sh", str(MANIFESTS / "operator" / "rules.sh")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    manifests = list(yaml.safe_load_all(done.stdout))
    for manifest in manifests:
        fits_the_operator(manifest)
        assert manifest["metadata"]["labels"] == {"release": "north"}
    rules = [yaml.safe_load(path.read_text()) for path in sorted((ROOT / "prometheus" / "rules").glob("*.yml"))]
    assert [manifest["spec"] for manifest in manifests] == rules
