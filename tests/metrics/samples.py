"""What metric families show, in a form that tests can compare."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Metric

from dicom_exporter.config import Target
from dicom_exporter.metrics import families
from dicom_exporter.results import SessionResult
from tests.builders import TARGET, record

Labels = frozenset[tuple[str, str]]
Shown = dict[str, dict[Labels, float]]
"""Metric name -> labels -> value."""


def shown(*sessions: SessionResult, target: Target = TARGET, target_label: bool = False) -> Shown:
    """What is shown of one target."""
    return values(families([record(target, *sessions)], target_label=target_label))


def values(metrics: Iterable[Metric]) -> Shown:
    """The samples of `metrics`; no series may come twice."""
    found: Shown = {}
    for metric in metrics:
        for sample in metric.samples:
            series = found.setdefault(sample.name, {})
            key = frozenset(sample.labels.items())
            assert key not in series
            series[key] = sample.value
    return found


def labels(**pairs: str) -> Labels:
    """A set of labels."""
    return frozenset(pairs.items())
