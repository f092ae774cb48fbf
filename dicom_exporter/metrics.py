"""What the exporter says: results -> metric families. The single place where metric names and HELP texts stand.

Everything here is a pure function and may run in a thread. What was not established has no sample, and a family
without a sample is left out. One target with one session on `/metrics` (on `/probe` the label `target` is missing):

    # HELP dicom_target_info The target as configured, with its labels.
    # TYPE dicom_target_info gauge
    dicom_target_info{address="pacs.test:104",called_ae_title="PACS",expect="closed",site="north",target="main"} 1.0
    # HELP dicom_echo_success 1 if and only if the C-ECHO was answered with status 0x0000.
    # TYPE dicom_echo_success gauge
    dicom_echo_success{identity="monitor",target="main"} 1.0
    # HELP dicom_phase_duration_seconds Seconds that each phase took, of the phases that were reached.
    # TYPE dicom_phase_duration_seconds gauge
    dicom_phase_duration_seconds{identity="monitor",phase="connect",target="main"} 0.00041
    dicom_phase_duration_seconds{identity="monitor",phase="associate",target="main"} 0.0012
    # HELP dicom_studies_visible Studies that the query `studies` listed; at least this many where it is not complete.
    # TYPE dicom_studies_visible gauge
    dicom_studies_visible{identity="monitor",target="main"} 200.0
    # HELP dicom_query_outcome How the query ended: one series per outcome, 1 for the current one.
    # TYPE dicom_query_outcome gauge
    dicom_query_outcome{identity="monitor",outcome="allowed",query="studies",target="main"} 1.0
    dicom_query_outcome{identity="monitor",outcome="empty",query="studies",target="main"} 0.0
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from prometheus_client import Metric
from prometheus_client.samples import Sample

from dicom_exporter.advisories import matching
from dicom_exporter.config import Target
from dicom_exporter.dicom.implementation import product
from dicom_exporter.exposure import Verdict, allowed_level, judge
from dicom_exporter.results import (
    Flow,
    Outcome,
    QueryOutcome,
    QueryResult,
    SessionResult,
    StoreResult,
    TargetResult,
    WebAnswer,
    WebResult,
)

MAX_TEXT = 64
"""Characters of a peer's own words that are shown."""

T = TypeVar("T")
Labels: TypeAlias = dict[str, str]
Row: TypeAlias = tuple[Labels, float]
"""The labels that a sample has beside those that all of its family have, and its value."""
_NO_LABELS: Labels = {}
_ANSWERED = frozenset({WebAnswer.EMPTY, WebAnswer.ENTRIES})


@dataclass(frozen=True, slots=True)
class Family(Generic[T]):
    """One metric: its name, its HELP text, and how its rows are read from a `T`."""

    name: str
    help: str
    rows: Callable[[T], Iterable[Row]]
    type: str = "gauge"


@dataclass(frozen=True, slots=True)
class _Exposed:
    """A target that strangers were sent to, and the verdict."""

    target: Target
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class ExporterFacts:
    """What the exporter knows about itself; times are Unix times in seconds."""

    version: str
    python_version: str
    reload_successful: bool
    reload_success_time: float | None
    probes_in_flight: int
    unknown_target_requests: int


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
        (_target_labels(target, target_label), _Exposed(target, verdict))
        for target, result in results
        if (verdict := judge(result.sessions)) is not None
    ]
    yield from _collect(TARGET_FAMILIES, targets)
    yield from _collect(SESSION_FAMILIES, sessions)
    yield from _collect(QUERY_FAMILIES, queries)
    yield from _collect(EXPOSURE_FAMILIES, verdicts)


def flow_families(flows: Sequence[Flow]) -> Iterator[Metric]:
    """The families of targets that are compared with each other."""
    yield from _collect(FLOW_FAMILIES, [(_NO_LABELS, flow) for flow in flows])


def exporter_families(facts: ExporterFacts) -> Iterator[Metric]:
    """The exporter's own families, without those of its process."""
    yield from _collect(EXPORTER_FAMILIES, [(_NO_LABELS, facts)])


def printable(text: str) -> str:
    """A peer's own words, made harmless: printable ASCII with `?` for the rest, at most `MAX_TEXT` characters.

    Padding is no part of a value (spaces, or NUL behind a UID: PS3.5 6.2).
    """
    text = text.strip(" \0")[:MAX_TEXT]
    if text.isascii() and text.isprintable():
        return text
    return "".join(character if " " <= character <= "~" else "?" for character in text)


def _target_labels(target: Target, target_label: bool) -> Labels:
    return {"target": target.name} if target_label else {}


def _collect(table: Iterable[Family[T]], subjects: Sequence[tuple[Labels, T]]) -> Iterator[Metric]:
    """One Metric per family of `table` that has a sample.

    Samples are built directly, as 10,000 targets have half a million of them; those without labels of their own share
    one dict.
    """
    for family in table:
        samples = [
            Sample(family.name, {**labels, **own} if own else labels, value)
            for labels, subject in subjects
            for own, value in family.rows(subject)
        ]
        if samples:
            metric = Metric(family.name.removesuffix("_total"), family.help, family.type)
            metric.samples = samples
            yield metric


def _value(read: Callable[[T], float | None]) -> Callable[[T], Iterable[Row]]:
    """The rows of a family with one series, absent where `read` gives None."""

    def rows(subject: T) -> Iterable[Row]:
        value = read(subject)
        return () if value is None else ((_NO_LABELS, value),)

    return rows


def _target_info(target: Target) -> Iterable[Row]:
    own = {"address": str(target.address), "called_ae_title": target.called_ae_title, "expect": target.expect.value}
    return (({**target.labels, **own}, 1.0),)


def _echo_outcomes(session: SessionResult) -> Iterable[Row]:
    if session.echo is None:
        return ()
    current = session.echo.outcome
    return [({"outcome": outcome.value}, float(outcome is current)) for outcome in Outcome]


def _phases(session: SessionResult) -> Iterable[Row]:
    return [({"phase": phase.value}, seconds) for phase, seconds in session.phases.items()]


def _rejection(session: SessionResult) -> Iterable[Row]:
    rejection = session.rejection
    if rejection is None:
        return ()
    return (({"result": rejection.result, "source": rejection.source, "reason": rejection.reason}, 1.0),)


def _services(session: SessionResult) -> Iterable[Row]:
    return [({"service": service.value}, float(accepted)) for service, accepted in session.services.items()]


def _peer_info(session: SessionResult) -> Iterable[Row]:
    peer = session.peer
    if peer is None:
        return ()
    labels = {
        "implementation_class_uid": printable(peer.implementation_class_uid),
        "implementation_version": printable(peer.implementation_version),
        "product": product(peer.implementation_class_uid, peer.implementation_version),
    }
    return ((labels, 1.0),)


def _tls_info(session: SessionResult) -> Iterable[Row]:
    tls = session.tls
    if tls is None or tls.version is None:
        return ()
    return (({"version": printable(tls.version), "cipher": printable(tls.cipher or "unknown")}, 1.0),)


def _advisories(session: SessionResult) -> Iterable[Row]:
    return [({"id": name}, 1.0) for name in matching(session.peer)] if session.peer is not None else ()


def _store(read: Callable[[StoreResult], float | None]) -> Callable[[SessionResult], Iterable[Row]]:
    return _value(lambda session: None if session.store is None else read(session.store))


def _web(read: Callable[[WebResult], float | None]) -> Callable[[SessionResult], Iterable[Row]]:
    """A fact of DICOMweb, absent where nobody looked."""
    return _value(lambda session: None if session.dicomweb is None else read(session.dicomweb))


def _web_authentication(web: WebResult) -> float | None:
    """1 where it was demanded, 0 where we were let in without credentials of ours; else it could not be told."""
    if web.answer is WebAnswer.DENIED:
        return 1.0
    return 0.0 if web.answer in _ANSWERED and not web.authenticated else None


def _web_phases(session: SessionResult) -> Iterable[Row]:
    phases = session.dicomweb.phases if session.dicomweb is not None else {}
    return [({"phase": phase}, seconds) for phase, seconds in phases.items()]


def _web_server(session: SessionResult) -> Iterable[Row]:
    web = session.dicomweb
    return (({"server": printable(web.server)}, 1.0),) if web is not None and web.server else ()


def _levels(exposed: _Exposed) -> Iterable[Row]:
    return [({"service": name}, float(level)) for name, level in exposed.verdict.levels.items() if level is not None]


def _known(exposed: _Exposed) -> Iterable[Row]:
    return [({"service": name}, float(level is not None)) for name, level in exposed.verdict.levels.items()]


def _allowed(exposed: _Exposed) -> Iterable[Row]:
    allowed = allowed_level(exposed.target.expect.value)
    return [] if allowed is None else [({"service": name}, float(allowed)) for name in exposed.verdict.levels]


def _checks(exposed: _Exposed) -> Iterable[Row]:
    return [({"check": name}, float(holds)) for name, holds in exposed.verdict.checks.items()]


def _visible(query: str, count: Callable[[QueryResult], int | None]) -> Callable[[SessionResult], Iterable[Row]]:
    """A count of one built-in query, absent unless the archive answered it."""

    def read(session: SessionResult) -> float | None:
        result = session.queries.get(query)
        return count(result) if result is not None and result.outcome.is_success else None

    return _value(read)


def _query_outcomes(query: QueryResult) -> Iterable[Row]:
    return [({"outcome": outcome.value}, float(outcome is query.outcome)) for outcome in QueryOutcome]


def _matches_by(query: QueryResult) -> Iterator[Row]:
    for attribute, counts in query.matches_by.items():
        shown: Counter[str] = Counter()  # two values may look the same once they are made printable
        for value, matches in counts.items():
            shown[printable(value)] += matches
        for value, matches in shown.items():
            yield {"attribute": attribute, "value": value}, float(matches)


TARGET_FAMILIES: tuple[Family[Target], ...] = (
    Family("dicom_target_info", "The target as configured, with its labels.", _target_info),
)

SESSION_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicom_echo_success",
        "1 if and only if the C-ECHO was answered with status 0x0000.",
        _value(lambda session: None if session.echo is None else session.echo.outcome is Outcome.SUCCESS),
    ),
    Family(
        "dicom_echo_outcome", "How the C-ECHO ended: one series per outcome, 1 for the current one.", _echo_outcomes
    ),
    Family("dicom_phase_duration_seconds", "Seconds that each phase took, of the phases that were reached.", _phases),
    Family(
        "dicom_probe_duration_seconds",
        "Seconds that the whole probe took.",
        _value(lambda session: session.duration),
    ),
    Family(
        "dicom_probe_timeout_seconds",
        "Seconds that the probe was given.",
        _value(lambda session: session.timeout),
    ),
    Family(
        "dicom_probe_last_run_timestamp_seconds",
        "Unix time at which the probe ran, of modules that do not run on every scrape.",
        _value(lambda session: session.last_run),
    ),
    Family(
        "dicom_association_rejected_info",
        "The A-ASSOCIATE-RJ that the peer sent, in the words of DICOM PS3.8 9.3.4.",
        _rejection,
    ),
    Family("dicom_service_accepted", "Whether the peer accepted the presentation context of a service.", _services),
    Family("dicom_peer_info", "Who the peer says it is (DICOM PS3.7 D.3.3.2).", _peer_info),
    Family(
        "dicom_peer_max_pdu_bytes",
        "The longest PDU that the peer can receive, in bytes; 0 means that it states no limit.",
        _value(lambda session: None if session.peer is None else session.peer.max_pdu_bytes),
    ),
    Family("dicom_tls_info", "Version and cipher of the TLS connection.", _tls_info),
    Family(
        "dicom_tls_certificate_expiry_timestamp_seconds",
        "Unix time at which the first certificate of the peer's chain ends.",
        _value(lambda session: None if session.tls is None else session.tls.certificate_expiry),
    ),
    Family(
        "dicom_tls_certificate_trusted",
        "Whether the peer's certificate is valid for its name under the authorities we trust.",
        _value(lambda session: None if session.tls is None else session.tls.certificate_trusted),
    ),
    Family(
        "dicom_tls_client_certificate_required",
        "Whether the peer demands a certificate of its clients.",
        _value(lambda session: None if session.tls is None else session.tls.client_certificate_required),
    ),
    Family(
        "dicom_peer_advisory",
        "A published advisory that the peer's own version name leaves no doubt about.",
        _advisories,
    ),
    Family(
        "dicom_store_success",
        "1 if and only if the archive took every synthetic instance of the bandwidth test.",
        _store(lambda store: store.success),
    ),
    Family("dicom_store_bytes", "Bytes of the instances that the archive took.", _store(lambda store: store.bytes)),
    Family(
        "dicom_store_duration_seconds",
        "Seconds from the first C-STORE request to the last response.",
        _store(lambda store: store.duration),
    ),
    Family(
        "dicomweb_success",
        "1 if and only if QIDO-RS answered a query.",
        _web(lambda web: web.answer in _ANSWERED),
    ),
    Family("dicomweb_http_status_code", "HTTP status of the first answer.", _web(lambda web: web.status)),
    Family(
        "dicomweb_duration_seconds", "Seconds that each phase of the first request took, of those reached.", _web_phases
    ),
    Family(
        "dicomweb_studies_visible",
        "Studies that QIDO-RS listed; at least this many where it cut the list.",
        _web(lambda web: web.studies),
    ),
    Family(
        "dicomweb_authentication_required",
        "Whether DICOMweb demanded credentials; absent where it could not be told.",
        _web(_web_authentication),
    ),
    Family("dicomweb_server_info", "What the web server calls itself.", _web_server),
    Family(
        "dicomweb_tls_certificate_expiry_timestamp_seconds",
        "Unix time at which the first certificate of the web server's chain ends.",
        _web(lambda web: None if web.tls is None else web.tls.certificate_expiry),
    ),
    Family(
        "dicom_studies_visible",
        "Studies that the query `studies` listed; at least this many where it is not complete.",
        _visible("studies", lambda query: query.matches),
    ),
    Family(
        "dicom_images_visible",
        "Sum of NumberOfStudyRelatedInstances over the studies that the query `studies` listed.",
        _visible("studies", lambda query: query.instances),
    ),
    Family(
        "dicom_patients_visible",
        "Patients that the query `patients` listed; at least this many where it is not complete.",
        _visible("patients", lambda query: query.matches),
    ),
    Family(
        "dicom_worklist_items_visible",
        "Items that the query `worklist` listed; at least this many where it is not complete.",
        _visible("worklist", lambda query: query.matches),
    ),
)

QUERY_FAMILIES: tuple[Family[QueryResult], ...] = (
    Family(
        "dicom_query_success",
        "1 if the C-FIND was answered: it ended with Success, with Cancel at our own limit, or with status B001.",
        _value(lambda query: query.outcome.is_success),
    ),
    Family(
        "dicom_query_outcome", "How the query ended: one series per outcome, 1 for the current one.", _query_outcomes
    ),
    Family("dicom_query_matches", "Responses with a match (FF00 and FF01).", _value(lambda query: query.matches)),
    Family(
        "dicom_query_complete",
        "1 if every match was counted, 0 if there are at least as many as counted.",
        _value(lambda query: query.complete),
    ),
    Family("dicom_query_matches_by", "Matches by the value of an attribute that identifies no patient.", _matches_by),
    Family(
        "dicom_query_duration_seconds",
        "Seconds from the C-FIND request to its final response.",
        _value(lambda query: query.duration),
    ),
    Family(
        "dicom_query_first_match_seconds",
        "Seconds from the C-FIND request to the first match.",
        _value(lambda query: query.first_match),
    ),
    Family(
        "dicom_query_match_interval_mean_seconds",
        "Mean of the seconds between one match and the next.",
        _value(lambda query: query.match_interval_mean),
    ),
    Family(
        "dicom_query_match_interval_max_seconds",
        "Most seconds between one match and the next.",
        _value(lambda query: query.match_interval_max),
    ),
    Family(
        "dicom_query_last_run_timestamp_seconds",
        "Unix time at which the query ran, of queries that do not run on every scrape.",
        _value(lambda query: query.last_run),
    ),
)

EXPOSURE_FAMILIES: tuple[Family[_Exposed], ...] = (
    Family(
        "dicom_exposure_level",
        "How far a stranger got: 0 closed, 1 open port, 2 refuses strangers, 3 associates, 4 queryable, "
        "5 lists studies, 6 identifies patients, 7 hands out images. Absent where it could not be told.",
        _levels,
    ),
    Family("dicom_exposure_level_allowed", "The highest level that the configuration allows (`expect`).", _allowed),
    Family("dicom_exposure_known", "Whether it could be told how far a stranger gets.", _known),
    Family(
        "dicom_exposure_check", "Single facts about what a stranger finds; absent where it could not be told.", _checks
    ),
)

FLOW_FAMILIES: tuple[Family[Flow], ...] = (
    Family(
        "dicom_flow_missing_studies",
        "Studies that the source lists and the destination does not; absent where one of them was not counted whole.",
        lambda flow: (({"source": flow.source, "destination": flow.destination}, float(flow.missing)),),
    ),
)

EXPORTER_FAMILIES: tuple[Family[ExporterFacts], ...] = (
    Family(
        "dicom_exporter_build_info",
        "The running version of the exporter.",
        lambda facts: (({"version": facts.version, "python_version": facts.python_version}, 1.0),),
    ),
    Family(
        "dicom_exporter_config_last_reload_successful",
        "Whether the configuration was valid when it was last read.",
        _value(lambda facts: facts.reload_successful),
    ),
    Family(
        "dicom_exporter_config_last_reload_success_timestamp_seconds",
        "Unix time at which the running configuration was read.",
        _value(lambda facts: facts.reload_success_time),
    ),
    Family(
        "dicom_exporter_probes_in_flight",
        "Probes that are under way.",
        _value(lambda facts: facts.probes_in_flight),
    ),
    Family(
        "dicom_exporter_unknown_target_requests_total",
        "Requests to /probe for a target that the configuration does not have.",
        _value(lambda facts: facts.unknown_target_requests),
        type="counter",
    ),
)
