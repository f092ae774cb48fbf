"""Where the Kubernetes manifests are, and what checks the objects of the Prometheus Operator."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cloudcoil.models.prometheus_operator import v1, v1alpha1

ROOT = Path(__file__).parents[2]
MANIFESTS = ROOT / "deploy" / "kubernetes"
VERSIONS = ("1.29", "1.33", "1.37")
"""Of Kubernetes: the oldest and the newest that are maintained by anybody, and one between them."""
OPERATOR = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): v1.ServiceMonitor,
    ("monitoring.coreos.com/v1", "Probe"): v1.Probe,
    ("monitoring.coreos.com/v1", "PrometheusRule"): v1.PrometheusRule,
    ("monitoring.coreos.com/v1alpha1", "ScrapeConfig"): v1alpha1.ScrapeConfig,
}


def fits_the_operator(manifest: dict[str, Any]) -> None:
    """Check an object of the Prometheus Operator against its model."""
    model = OPERATOR[manifest["apiVersion"], manifest["kind"]]
    understood = model.model_validate(manifest).model_dump(by_alias=True, exclude_unset=True, mode="json")
    assert understood == manifest  # a key that it does not know would be missing
