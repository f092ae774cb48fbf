"""The Helm chart, rendered by Helm's own library: valid objects, those of kustomize, and values that are checked."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from dicom_exporter import __version__
from dicom_exporter.config import load
from grafana.build import as_text
from grafana.build import built as dashboards
from prometheus.build import built
from tests.deploy.manifests import MANIFESTS, ROOT, VERSIONS, fits_the_operator
from tests.testing.peers.requirements import program
from tests.testing.readme import blocks

helm = pytest.importorskip("helm_python", reason="pip install helm-python-sdk")

CHART = ROOT / "deploy" / "helm" / "dicom-exporter"
NAME, NAMESPACE = "dicom-exporter", "monitoring"
EVERYTHING: Mapping[str, Any] = {
    "image": {"repository": "registry.hospital.example/dicom_exporter", "tag": "1", "pullPolicy": "Always"},
    "imagePullSecrets": [{"name": "registry"}],
    "secrets": ["pacs", "tls"],
    "args": ["--log.level=debug"],
    "nodeSelector": {"kubernetes.io/os": "linux"},
    "tolerations": [{"key": "clinical", "operator": "Exists", "effect": "NoSchedule"}],
    "monitoring": {"scrape": "servicemonitor", "rules": True, "dashboards": True, "labels": {"release": "north"}},
}


def rendered(values: Mapping[str, Any] | None = None, name: str = NAME) -> list[dict[str, Any]]:
    """The objects of the chart with `values`."""
    with helm.Chart.load(CHART) as chart:
        files = chart.render(dict(values or {}), name=name, namespace=NAMESPACE)
    return [
        document
        for path, text in files.items()
        if not path.endswith("NOTES.txt")
        for document in yaml.safe_load_all(text)
        if document
    ]


def kustomized(directory: Path) -> list[dict[str, Any]]:
    """The objects of a kustomization, by kubectl."""
    command = [program("kubectl", "kubectl"), "kustomize", str(directory)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return list(yaml.safe_load_all(done.stdout))


def compared(objects: list[dict[str, Any]]) -> dict[tuple[str, str], dict[str, Any]]:
    """By kind and name, the exporter's configuration parsed, and lists that have no order sorted."""
    found = {}
    for each in objects:
        if each["kind"] == "ConfigMap" and "config.yml" in each["data"]:
            each["data"]["config.yml"] = yaml.safe_load(each["data"]["config.yml"])
        found[each["kind"], each["metadata"]["name"]] = each
    assert len(found) == len(objects)
    return found


def pods(objects: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    return (each["spec"]["template"]["spec"] for each in objects if each["kind"] == "Deployment")


def test_chart_lint_finds_nothing() -> None:
    found = helm.lint(CHART)
    assert not found["errors"]
    assert [message["error"] for message in found["messages"]] == ["icon is recommended"]


def test_chart_has_the_version_of_the_package() -> None:
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)


def test_chart_gives_what_kustomize_gives() -> None:
    assert compared(rendered()) == compared(kustomized(MANIFESTS))


def test_chart_on_openshift_gives_the_pod_of_its_kustomization() -> None:
    """Neither names a user or a group, which restricted-v2 chooses."""
    (pod,) = pods(rendered({"openshift": True}))
    assert [pod] == list(pods(kustomized(ROOT / "deploy" / "openshift")))
    for context in (pod["securityContext"], *(each["securityContext"] for each in pod["containers"])):
        assert not {"runAsUser", "runAsGroup", "fsGroup"} & context.keys()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("values", [{}, EVERYTHING], ids=["default", "everything"])
def test_chart_objects_match_the_schemas(values: Mapping[str, Any], version: str) -> None:
    for each in rendered(values):
        if each["apiVersion"].startswith("monitoring.coreos.com/"):
            fits_the_operator(each)
        else:
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("kind", ["servicemonitor", "scrapeconfig"])
def test_chart_object_of_the_operator_is_that_of_the_manifests(kind: str) -> None:
    (found,) = (each for each in rendered({"monitoring": {"scrape": kind}}) if each["kind"].lower() == kind)
    (expected,) = yaml.safe_load_all((MANIFESTS / "operator" / f"{kind}.yaml").read_text())
    assert found["metadata"]["labels"].items() >= expected["metadata"]["labels"].items()
    assert found["spec"] == expected["spec"]


def test_chart_objects_of_the_operator_and_dashboards_have_the_labels_that_they_are_selected_by() -> None:
    objects = rendered({**EVERYTHING, "openshift": True})
    kinds = [each["kind"] for each in objects]
    for each in objects:
        if each["apiVersion"].startswith("monitoring.coreos.com/"):
            assert each["metadata"]["labels"]["release"] == "north"
        if "dashboard" in each["metadata"]["name"]:
            assert each["metadata"]["labels"]["grafana_dashboard"] == "1"
            (text,) = each["data"].values()
            assert json.loads(text)["title"]
    assert kinds.count("ConfigMap") == 1 + len(list((ROOT / "grafana" / "dashboards").iterdir()))
    assert kinds.count("PrometheusRule") == len(built())


@pytest.mark.parametrize("labels", [["site", "country"], ["ward"], []], ids=str)
def test_chart_rules_are_those_for_the_labels(labels: list[str]) -> None:
    url = "https://exporter.hospital.example"
    objects = rendered({"monitoring": {"rules": True, "targetLabels": labels, "exporterUrl": url}})
    found = [each["spec"] for each in objects if each["kind"] == "PrometheusRule"]
    assert found == [yaml.safe_load(text) for text in built(labels, url).values()]


@pytest.mark.parametrize("labels", [["site", "country"], ["hospital", "health_region"], ["country", "site"]], ids=str)
def test_chart_dashboards_are_those_for_the_labels(labels: list[str]) -> None:
    url = "https://exporter.hospital.example"
    objects = rendered({"monitoring": {"dashboards": True, "targetLabels": labels, "exporterUrl": url}})
    found = [each["data"] for each in objects if "dashboard" in each["metadata"]["name"]]
    texts = {name: as_text(made).replace("http://localhost:10104", url) for name, made in dashboards(labels).items()}
    assert {name: json.loads(text) for data in found for name, text in data.items()} == {
        name: json.loads(text) for name, text in texts.items()
    }


def test_chart_dashboards_for_one_label_are_refused() -> None:
    with pytest.raises(Exception, match="needs two"):
        rendered({"monitoring": {"dashboards": True, "targetLabels": ["ward"]}})


def test_chart_with_a_web_configuration_needs_no_password_of_the_kubelet() -> None:
    (values,) = [block for block in blocks("yaml", ROOT / "docs" / "deployment.md") if "--web.config.file" in block]
    objects = rendered(yaml.safe_load(values))
    (pod,) = pods(objects)
    (exporter,) = pod["containers"]  # a reload would need the password, too
    assert exporter["readinessProbe"]["tcpSocket"] == exporter["livenessProbe"]["tcpSocket"] == {"port": "http"}
    assert "httpGet" not in str(exporter)
    for each in objects:
        if each["kind"] == "ServiceMonitor":
            fits_the_operator(each)
            assert each["spec"]["endpoints"][0]["basicAuth"]["password"] == {"name": "scrape", "key": "password"}
        else:
            kubernetes_validate.validate(each, VERSIONS[-1], strict=True)


def test_chart_objects_are_named_after_the_release() -> None:
    for each in rendered(EVERYTHING, name="outside"):
        assert each["metadata"]["name"].startswith("outside")
        assert NAME not in json.dumps(each["spec"].get("selector", "") if "spec" in each else "")


def test_chart_configuration_loads(tmp_path: Path) -> None:
    (config,) = (each for each in rendered() if each["kind"] == "ConfigMap")
    (tmp_path / "config.yml").write_text(config["data"]["config.yml"])
    assert [target.name for target in load([str(tmp_path / "config.yml")]).targets] == ["main-pacs"]


def test_chart_secrets_are_files_where_the_values_say() -> None:
    (pod,) = pods(rendered(EVERYTHING))
    mounts = {each["mountPath"]: each["name"] for each in pod["containers"][0]["volumeMounts"]}
    volumes = {each["name"]: each.get("secret", {}).get("secretName") for each in pod["volumes"]}
    assert volumes[mounts["/run/secrets/pacs"]] == "pacs"
    assert volumes[mounts["/run/secrets/tls"]] == "tls"


@pytest.mark.parametrize(
    "values",
    [
        {"imagee": {}},
        {"image": {"tga": "1"}},
        {"config": "targets"},
        {"monitoring": {"scrape": "annotations"}},
        {"networkPolicy": {"archives": {"ports": ["dicom"]}}},
        {"args": ["log.level=debug"]},
        {"openshift": "yes"},
    ],
    ids=str,
)
def test_chart_values_that_are_wrong_are_refused(values: dict[str, Any]) -> None:
    with helm.Chart.load(CHART) as chart, pytest.raises(helm.HelmError):
        chart.validate_schema(chart.merge_values(values))


def test_chart_every_value_has_a_description() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())

    def described(values: Mapping[str, Any], part: Mapping[str, Any], path: str) -> None:
        for name, value in values.items():
            assert part["properties"][name]["description"], f"{path}{name}"
            if "properties" in part["properties"][name]:
                described(value, part["properties"][name], f"{path}{name}.")
        assert values.keys() == part["properties"].keys() - {"global"}

    described(yaml.safe_load((CHART / "values.yaml").read_text()), schema, "")


def test_chart_packed_has_rules_and_dashboards(tmp_path: Path) -> None:
    """They are links in the source."""
    with tarfile.open(helm.package(CHART, destination=tmp_path)) as archive:
        packed = set(archive.getnames())
    for name in ("rules", "dashboards"):
        assert packed >= {f"{NAME}/{name}/{file.name}" for file in (CHART / name).iterdir()}
