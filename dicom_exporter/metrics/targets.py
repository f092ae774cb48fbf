"""How far a stranger got. The verdict is `exposure`'s; here it is shown.

Two targets, compared.

What was found on targets.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from prometheus_client import Metric

from dicom_exporter.config import Target
from dicom_exporter.metrics.associations import ASSOCIATION_FAMILIES
from dicom_exporter.metrics.dicomweb import DICOMWEB_FAMILIES
from dicom_exporter.metrics.families import NO_LABELS, Family, Group, Labels, Row, collect, shared
from dicom_exporter.metrics.queries import QUERY_FAMILIES, STORE_FAMILIES, VISIBLE_FAMILIES
from dicom_exporter.results import Flow, TargetResult
from dicom_exporter.verdict.ladder import Verdict, allowed_level, judge


@dataclass(frozen=True, slots=True)
class Exposed:
    """A target that strangers were sent to, and the verdict."""

    target: Target
    verdict: Verdict


def _known(exposed: Exposed) -> Iterable[tuple[str, float]]:
    return [(service, level is not None) for service, level in exposed.verdict.levels.items()]


def _allowed(exposed: Exposed) -> Iterable[tuple[str, float | None]]:
    return dict.fromkeys(exposed.verdict.levels, allowed_level(exposed.target.expect)).items()


EXPOSURE_FAMILIES: tuple[Family[Exposed], ...] = (
    Family(
        "dicom_exposure_level",
        "How far a stranger got: 0 closed, 1 open port, 2 refuses strangers, 3 associates, 4 queryable, "
        "5 lists studies, 6 identifies patients, 7 hands out images. Absent where it could not be told.",
        shared("service", lambda exposed: exposed.verdict.levels.items()),
    ),
    Family(
        "dicom_exposure_level_allowed",
        "The highest level that the configuration allows (`expect`).",
        shared("service", _allowed),
    ),
    Family("dicom_exposure_known", "Whether it could be told how far a stranger gets.", shared("service", _known)),
    Family(
        "dicom_exposure_check",
        "Single facts about what a stranger finds; absent where it could not be told.",
        shared("check", lambda exposed: exposed.verdict.checks.items()),
    ),
)


FLOW_FAMILIES: tuple[Family[Flow], ...] = (
    Family(
        "dicom_flow_missing_studies",
        "Studies that the source lists and the destination does not; absent where one of them was not counted whole.",
        lambda flow: (({"source": flow.source, "destination": flow.destination}, float(flow.missing)),),
    ),
)


def flow_families(flows: Sequence[Flow]) -> Iterator[Metric]:
    """The families of targets that are compared with each other."""
    yield from collect(FLOW_FAMILIES, [(NO_LABELS, flow) for flow in flows])


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
