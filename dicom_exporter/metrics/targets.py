"""What was found on targets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import Metric

from dicom_exporter.config import Target
from dicom_exporter.exposure import judge
from dicom_exporter.metrics.associations import ASSOCIATION_FAMILIES
from dicom_exporter.metrics.dicomweb import DICOMWEB_FAMILIES
from dicom_exporter.metrics.family import Family, Labels, Row, collect
from dicom_exporter.metrics.ladder import EXPOSURE_FAMILIES, Exposed
from dicom_exporter.metrics.queries import QUERY_FAMILIES, VISIBLE_FAMILIES
from dicom_exporter.metrics.stores import STORE_FAMILIES
from dicom_exporter.results import TargetResult


def _target_info(target: Target) -> Iterable[Row]:
    own = {"address": str(target.address), "called_ae_title": target.called_ae_title, "expect": target.expect.value}
    return (({**target.labels, **own}, 1.0),)


TARGET_FAMILIES: tuple[Family[Target], ...] = (
    Family("dicom_target_info", "The target as configured, with its labels.", _target_info),
)
SESSION_FAMILIES = (*ASSOCIATION_FAMILIES, *VISIBLE_FAMILIES, *STORE_FAMILIES, *DICOMWEB_FAMILIES)


def families(results: Sequence[tuple[Target, TargetResult]], *, target_label: bool) -> Iterator[Metric]:
    """The families of `results`, each with the samples of all targets.

    `target_label` puts the target's name into the label `target` of every series, as more than one target needs it.
    """
    targets = [(_target_labels(target, target_label), target) for target, _ in results]
    sessions = [
        ({**_target_labels(target, target_label), "identity": session.identity}, session)
        for target, result in results
        for session in result.sessions
    ]
    queries = [
        ({**labels, "query": name}, query) for labels, session in sessions for name, query in session.queries.items()
    ]
    verdicts = [
        (_target_labels(target, target_label), Exposed(target, verdict))
        for target, result in results
        if (verdict := judge(result.sessions)) is not None
    ]
    yield from collect(TARGET_FAMILIES, targets)
    yield from collect(SESSION_FAMILIES, sessions)
    yield from collect(QUERY_FAMILIES, queries)
    yield from collect(EXPOSURE_FAMILIES, verdicts)


def _target_labels(target: Target, target_label: bool) -> Labels:
    return {"target": target.name} if target_label else {}
