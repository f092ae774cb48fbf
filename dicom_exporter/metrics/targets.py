"""The families of a scrape's targets: how far strangers got, two targets compared, and everything that was found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from prometheus_client import Metric

from dicom_exporter.config import Target
from dicom_exporter.enums import LadderService, Outcome, UnknownReason
from dicom_exporter.metrics.associations import ASSOCIATION_FAMILIES, TLS_FAMILIES
from dicom_exporter.metrics.dicomweb import DICOMWEB_FAMILIES
from dicom_exporter.metrics.families import NO_LABELS, Constant, Family, Group, Labels, Row, collect, shared
from dicom_exporter.metrics.queries import CANARY_FAMILIES, QUERY_FAMILIES, STORE_FAMILIES, VISIBLE_FAMILIES
from dicom_exporter.metrics.tls_posture import POSTURE_FAMILIES, speaks_tls
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import Flow, SessionResult
from dicom_exporter.verdict.ladder import Verdict, allowed_level


@dataclass(frozen=True, slots=True)
class Exposed:
    """A target that strangers probed, and the verdict."""

    target: Target
    verdict: Verdict


_by_protocol = partial(shared, "protocol", former="service")  # Prometheus' Operator puts `service` on what it scrapes


def _known(exposed: Exposed) -> Iterable[tuple[str, float]]:
    return [(service, level is not None) for service, level in exposed.verdict.levels.items()]


def _unknown_reasons(exposed: Exposed) -> Collection[Row]:
    reasons = exposed.verdict.reasons
    return _reason_rows(tuple(reasons.items())) if any(reasons.values()) else ()


@lru_cache(maxsize=4096)
def _reason_rows(reasons: tuple[tuple[LadderService, tuple[UnknownReason, ...]], ...]) -> Constant:
    return Constant(
        ({"protocol": service.value, "service": service.value, "reason": reason.value}, 1.0)
        for service, found in reasons
        for reason in found
    )


def _allowed(exposed: Exposed) -> Iterable[tuple[str, float | None]]:
    return dict.fromkeys(exposed.verdict.levels, allowed_level(exposed.target.expect)).items()


def _profiles(exposed: Exposed) -> Collection[Row]:
    return [
        ({"protocol": service.value, "profile": profile.value}, float(kept.value))
        for service, judged in exposed.verdict.profiles.items()
        for profile, kept in judged.items()
        if kept.value is not None
    ]


EXPOSURE_FAMILIES: tuple[Family[Exposed], ...] = (
    Family(
        "dicom_exposure_level",
        "How far a stranger got: 0 closed, 1 open port, 2 refuses strangers, 3 associates, 4 queryable, "
        "5 lists studies, 6 identifies patients, 7 hands out images. Absent if it is not known.",
        _by_protocol(lambda exposed: exposed.verdict.levels.items()),
    ),
    Family(
        "dicom_exposure_level_allowed",
        "The highest level that the configuration allows (`expect`).",
        _by_protocol(_allowed),
    ),
    Family("dicom_exposure_known", "Whether the level of the service is known.", _by_protocol(_known)),
    Family(
        "dicom_exposure_level_at_least",
        "The level that was proved: equal to dicom_exposure_level if that is known, else a lower bound. Absent "
        "if nothing was proved.",
        _by_protocol(lambda exposed: exposed.verdict.at_least.items()),
    ),
    Family(
        "dicom_exposure_unknown_reason",
        "Why the level of the service is not known: one series with the value 1 for each reason that holds. "
        "Absent if it is known.",
        _unknown_reasons,
    ),
    Family(
        "dicom_exposure_check",
        "Single facts about what a stranger finds; absent if it is not known.",
        shared("check", lambda exposed: exposed.verdict.checks.items()),
    ),
    Family(
        "dicom_tls_profile_kept",
        "Whether all servers of a service keep a profile of PS3.15: bcp195 (B.12), modified (B.13). Absent if it is "
        "not known: 1 only if all that the profile forbids was tried and refused.",
        _profiles,
    ),
)


def _flow(read: Callable[[Flow], float | None]) -> Callable[[Flow], Collection[Row]]:
    def rows(flow: Flow) -> Collection[Row]:
        value = read(flow)
        return () if value is None else (({"source": flow.source, "destination": flow.destination}, float(value)),)

    return rows


FLOW_FAMILIES: tuple[Family[Flow], ...] = (
    Family(
        "dicom_flow_missing_studies",
        "Studies that the source lists and the destination does not; absent if one of them was not counted whole.",
        _flow(lambda flow: flow.missing),
    ),
    Family(
        "dicom_flow_incomplete_studies",
        "Studies that both list, and of which the destination has fewer images; absent if that is not compared, or not "
        "known of each of them.",
        _flow(lambda flow: flow.incomplete),
    ),
    Family(
        "dicom_flow_oldest_missing_seconds",
        "For how long one of the missing studies has been missing, since the exporter first saw that; 0 if none is. "
        "Absent where dicom_flow_missing_studies is.",
        _flow(lambda flow: flow.oldest),
    ),
)


def flow_families(flows: Sequence[Flow]) -> Iterator[Metric]:
    """The families of comparisons between two targets."""
    yield from collect(FLOW_FAMILIES, [(NO_LABELS, flow) for flow in flows])


def _target_info(target: Target) -> Collection[Row]:
    target = target.shown
    own = {"address": str(target.address), "called_ae_title": target.called_ae_title, "expect": target.expect.value}
    return (({**target.labels, **own, **_vantage_label(target)}, 1.0),)


def _profile_required(target: Target) -> Collection[Row]:
    return () if target.tls_profile is None else (({"profile": target.tls_profile.value}, 1.0),)


TARGET_FAMILIES: tuple[Family[Target], ...] = (
    Family("dicom_target_info", "The target as configured, with its labels.", _target_info),
    Family(
        "dicom_tls_profile_required",
        "1 for the profile of PS3.15 that the configuration says the target keeps (`tls_profile`).",
        _profile_required,
    ),
)
SESSION_FAMILIES = (
    *ASSOCIATION_FAMILIES,
    *TLS_FAMILIES,
    *VISIBLE_FAMILIES,
    *STORE_FAMILIES,
    *CANARY_FAMILIES,
    *DICOMWEB_FAMILIES,
    *POSTURE_FAMILIES,
)


def families(records: Sequence[ProbeRecord], *, target_label: bool) -> Iterator[Metric]:
    """The families of `records`, each with the samples of all targets. For many targets, `lines` of `groups` is faster.

    `target_label` adds the label `target` with the target's name to every series; more than one target needs it.
    """
    for group in groups(records, target_label=target_label):
        yield from collect(group.families, group.subjects)


def groups(records: Sequence[ProbeRecord], *, target_label: bool) -> Iterator[Group[Any]]:
    """What the families of `records` are read from; see `families`."""
    labelled = [(_target_labels(record.target, target_label), record) for record in records]
    yield Group(TARGET_FAMILIES, [(labels, record.target) for labels, record in labelled])
    sessions = [
        ({**labels, "identity": session.identity}, session)
        for labels, record in labelled
        for session in record.result.sessions
    ]
    yield Group(ASSOCIATION_FAMILIES, sessions)
    # Each only for the sessions that have any of it: most have not, and asking each family takes as long as writing it.
    yield Group(TLS_FAMILIES, [(labels, session) for labels, session in sessions if session.tls is not None])
    asked = [(labels, session) for labels, session in sessions if session.queries and _was_asked(session)]
    yield Group(VISIBLE_FAMILIES, asked)
    yield Group(STORE_FAMILIES, [(labels, session) for labels, session in sessions if session.store is not None])
    yield Group(CANARY_FAMILIES, [(labels, session) for labels, session in sessions if session.canary is not None])
    yield Group(DICOMWEB_FAMILIES, [(labels, session) for labels, session in sessions if session.dicomweb is not None])
    yield Group(POSTURE_FAMILIES, [(labels, session) for labels, session in sessions if speaks_tls(session)])
    yield Group(
        QUERY_FAMILIES,
        [({**labels, "query": name}, query) for labels, session in asked for name, query in session.queries.items()],
    )
    yield Group(
        EXPOSURE_FAMILIES,
        [
            ({**labels, **_vantage_label(record.target)}, Exposed(record.target, record.verdict))
            for labels, record in labelled
            if record.verdict is not None
        ],
    )


def _was_asked(session: SessionResult) -> bool:
    """Whether queries say more than `dicom_association_outcome`: those of a stranger who was not let in do not."""
    return session.stranger is None or session.association is Outcome.SUCCESS


def _target_labels(target: Target, target_label: bool) -> Labels:
    return {"target": target.name} if target_label else {}


def _vantage_label(target: Target) -> Labels:
    """A series of a target that is seen from here has no such label: then it is the same without vantages."""
    return {} if target.seen_from is None else {"vantage": target.seen_from}
