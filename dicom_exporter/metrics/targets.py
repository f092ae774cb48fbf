"""What was found on targets."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from prometheus_client import Metric

from dicom_exporter.config import Target
from dicom_exporter.exposure import judge
from dicom_exporter.metrics.associations import ASSOCIATION_FAMILIES
from dicom_exporter.metrics.dicomweb import DICOMWEB_FAMILIES
from dicom_exporter.metrics.family import Family, Group, Labels, Row, collect
from dicom_exporter.metrics.ladder import EXPOSURE_FAMILIES, Exposed
from dicom_exporter.metrics.queries import QUERY_FAMILIES, VISIBLE_FAMILIES
from dicom_exporter.metrics.stores import STORE_FAMILIES
from dicom_exporter.results import TargetResult


def _target_info(target: Target) -> Collection[Row]:
    own = {"address": str(target.address), "called_ae_title": target.called_ae_title, "expect": target.expect.value}
    return (({**target.labels, **own}, 1.0),)


TARGET_FAMILIES: tuple[Family[Target], ...] = (
    Family("dicom_target_info", "The target as configured, with its labels.", _target_info),
)
SESSION_FAMILIES = (*ASSOCIATION_FAMILIES, *VISIBLE_FAMILIES, *STORE_FAMILIES, *DICOMWEB_FAMILIES)


def families(results: Sequence[tuple[Target, TargetResult]], *, target_label: bool) -> Iterator[Metric]:
    """The families of `results`, each with the samples of all targets; for many of those, `lines` of `groups` is it.

    `target_label` puts the target's name into the label `target` of every series, as more than one target needs it.
    """
    for group in groups(results, target_label=target_label):
        yield from collect(group.families, group.subjects)


def groups(results: Sequence[tuple[Target, TargetResult]], *, target_label: bool) -> Iterator[Group[Any]]:
    """What the families of `results` are read from; see `families`."""
    targets = [(_target_labels(target, target_label), target) for target, _ in results]
    yield Group(TARGET_FAMILIES, targets)
    sessions = [
        ({**labels, "identity": session.identity}, session)
        for (labels, _), (_, result) in zip(targets, results, strict=True)
        for session in result.sessions
    ]
    yield Group(SESSION_FAMILIES, sessions)
    yield Group(
        QUERY_FAMILIES,
        [({**labels, "query": name}, query) for labels, session in sessions for name, query in session.queries.items()],
    )
    yield Group(
        EXPOSURE_FAMILIES,
        [
            (labels, Exposed(target, verdict))
            for (labels, target), (_, result) in zip(targets, results, strict=True)
            if (verdict := judge(result.sessions)) is not None
        ],
    )


def _target_labels(target: Target, target_label: bool) -> Labels:
    return {"target": target.name} if target_label else {}
