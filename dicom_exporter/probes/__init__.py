"""What is asked of a target: one file for each probe, and the table of them.

A probe is a function ``(target, module, context) -> result``. It owns nothing, keeps nothing, and never raises for what
a peer does. `module` is all that one identity asks of the target, merged into one (`prober.plan.merged`).

To add a probe: write the function in a file of its own, its result type and its field of `SessionResult` in `results`,
its families in `metrics`, its block in `config.model`, and its entry here (docs/architecture.md has the list). The
prober walks this table, in this order, and knows no probe by name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from dicom_exporter.config import Module, Target
from dicom_exporter.enums import Outcome, QueryOutcome, WebAnswer
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.probes.addresses import (
    probe_dicomweb_everywhere,
    probe_exposure_everywhere,
    probe_web_everywhere,
)
from dicom_exporter.probes.canary import probe_canary
from dicom_exporter.probes.newest import probe_newest
from dicom_exporter.probes.services import probe_services
from dicom_exporter.probes.session import probe_session
from dicom_exporter.probes.store import probe_store
from dicom_exporter.probes.tls_posture import probe_tls
from dicom_exporter.probes.web_page import probe_software
from dicom_exporter.results import EchoResult, QueryResult, SessionResult, StrangerResult, WebResult


@dataclass(frozen=True, slots=True)
class Probe:
    """An entry of the table."""

    name: str
    run: Callable[[Target, Module, ProbeContext], Awaitable[object]]
    """Returns the value of the one field in `fills`; or a SessionResult that has all of those."""
    switched_on_by: tuple[str, ...]
    """Keys of a module or a target in the configuration."""
    is_wanted: Callable[[Target, Module], bool]
    """Whether those keys ask for it, now."""
    fills: tuple[str, ...]
    """Fields of `SessionResult`."""
    families: tuple[str, ...]
    """Metrics that are read from those fields."""
    columns: tuple[str, ...]
    """Columns of the report as CSV that are read from those fields."""
    never_run: Callable[[Target, Module], object] = lambda target, module: None
    """What `run` would have returned, if there was no time to call it: unknown, and nothing about the peer."""
    share: Callable[[Target, Module], float] = lambda target, module: 1.0
    """How much of the time that is left it may take, from 0 to 1."""
    makes_associations: bool = False
    """Whether its time counts in the duration of the session, which is without that of HTTP."""


_SESSION_FIELDS = ("echo", "association", "queries", "rejection", "services", "peer", "tls")
_SESSION_FAMILIES = (
    "dicom_association_outcome",
    "dicom_association_rejected_info",
    "dicom_echo_outcome",
    "dicom_echo_success",
    "dicom_images_complete",
    "dicom_images_visible",
    "dicom_patients_visible",
    "dicom_peer_advisory",
    "dicom_peer_info",
    "dicom_peer_max_pdu_bytes",
    "dicom_phase_duration_seconds",
    "dicom_probe_duration_seconds",
    "dicom_probe_last_run_timestamp_seconds",
    "dicom_probe_timeout_seconds",
    "dicom_query_complete",
    "dicom_query_duration_seconds",
    "dicom_query_first_match_seconds",
    "dicom_query_last_run_timestamp_seconds",
    "dicom_query_match_interval_max_seconds",
    "dicom_query_match_interval_mean_seconds",
    "dicom_query_matches",
    "dicom_query_matches_by",
    "dicom_query_newest_age_seconds",
    "dicom_query_outcome",
    "dicom_query_overdue",
    "dicom_query_success",
    "dicom_service_accepted",
    "dicom_target_addresses",
    "dicom_target_addresses_failed",
    "dicom_studies_visible",
    "dicom_tls_certificate_expiry_timestamp_seconds",
    "dicom_tls_certificate_key_size",
    "dicom_tls_certificate_signature_info",
    "dicom_tls_certificate_trusted",
    "dicom_tls_chain_expiry_timestamp_seconds",
    "dicom_tls_client_certificate_required",
    "dicom_tls_failure",
    "dicom_tls_info",
    "dicom_worklist_items_visible",
)
_EXPOSURE_FAMILIES = (
    "dicom_exposure_check",
    "dicom_exposure_known",
    "dicom_exposure_level",
    "dicom_exposure_level_allowed",
    "dicom_exposure_level_at_least",
    "dicom_exposure_unknown_reason",
)


def _urls(target: Target) -> int:
    return (target.dicomweb is not None) + len(target.web)


def _is_due(module: Module, *, over_dicomweb: bool) -> bool:
    return any(query.due and query.over_dicomweb is over_dicomweb for query in module.queries.values())


def _session_never_run(target: Target, module: Module) -> SessionResult:
    return SessionResult(
        module.identity,
        EchoResult(Outcome.OVERLOAD) if module.echo else None,
        {name: QueryResult(QueryOutcome.OVERLOAD) for name in module.queries},
        association=Outcome.OVERLOAD,
    )


PROBES: tuple[Probe, ...] = (
    Probe(
        "session",
        probe_session,
        switched_on_by=("echo", "queries"),
        is_wanted=lambda target, module: module.echo or _is_due(module, over_dicomweb=False),
        fills=_SESSION_FIELDS,
        families=_SESSION_FAMILIES,
        columns=("echo_outcome", "our_studies", "our_images", "product", "version"),
        never_run=_session_never_run,
        makes_associations=True,
    ),
    Probe(
        "newest",
        probe_newest,
        switched_on_by=("queries",),
        is_wanted=lambda target, module: target.dicomweb is not None and _is_due(module, over_dicomweb=True),
        fills=("queries",),
        families=("dicom_query_newest_age_seconds", "dicom_query_overdue"),
        columns=(),
        never_run=_session_never_run,
    ),
    Probe(
        "services",
        probe_services,
        switched_on_by=("services",),
        is_wanted=lambda target, module: module.services is not None,
        fills=("negotiated",),
        families=("dicom_service_accepted",),
        columns=(),
        makes_associations=True,
    ),
    Probe(
        "store",
        probe_store,
        switched_on_by=("store",),
        is_wanted=lambda target, module: module.store is not None,
        fills=("store",),
        families=("dicom_store_bytes", "dicom_store_duration_seconds", "dicom_store_outcome", "dicom_store_success"),
        columns=(),
        makes_associations=True,
    ),
    Probe(
        "canary",
        probe_canary,
        switched_on_by=("canary",),
        is_wanted=lambda target, module: module.canary is not None,
        fills=("canary",),
        families=(
            "dicom_canary_retrieve_bytes",
            "dicom_canary_retrieve_first_byte_seconds",
            "dicom_canary_step_duration_seconds",
            "dicom_canary_step_success",
        ),
        columns=(),
        makes_associations=True,
    ),
    Probe(
        "software",
        probe_software,
        switched_on_by=("software",),
        is_wanted=lambda target, module: module.software,
        fills=("software",),
        families=("dicom_peer_advisory", "dicom_peer_info", "dicom_peer_release_year"),
        columns=("product", "version", "released"),
    ),
    Probe(
        "exposure",
        probe_exposure_everywhere,
        switched_on_by=("exposure",),
        is_wanted=lambda target, module: module.exposure is not None,
        fills=(*_SESSION_FIELDS, "stranger"),
        families=(*_SESSION_FAMILIES, *_EXPOSURE_FAMILIES),
        columns=(
            "level_dimse",
            "level_unknown_reasons",
            "stranger_studies",
            "stranger_patients",
            "stranger_images",
            "failed_checks",
        ),
        never_run=lambda target, module: SessionResult(
            module.identity, EchoResult(Outcome.OVERLOAD), association=Outcome.OVERLOAD, stranger=StrangerResult()
        ),
        share=lambda target, module: 0.6 if _urls(target) else 1.0,  # a silent port leaves time for the web
        makes_associations=True,
    ),
    Probe(
        "dicomweb",
        probe_dicomweb_everywhere,
        switched_on_by=("dicomweb",),
        is_wanted=lambda target, module: target.dicomweb is not None and (module.echo or module.exposure is not None),
        fills=("dicomweb",),
        families=(
            "dicomweb_authentication_required",
            "dicomweb_login_scheme",
            "dicomweb_duration_seconds",
            "dicomweb_http_status_code",
            "dicomweb_server_info",
            "dicomweb_studies_complete",
            "dicomweb_studies_visible",
            "dicomweb_success",
            "dicomweb_tls_certificate_expiry_timestamp_seconds",
            "dicomweb_tls_chain_expiry_timestamp_seconds",
            "dicomweb_tls_failure",
            *_EXPOSURE_FAMILIES,
        ),
        columns=("dicomweb_services", "dicomweb_open", "level_dicomweb", "level_unknown_reasons"),
        never_run=lambda target, module: None if module.exposure is None else WebResult(WebAnswer.UNKNOWN),
        share=lambda target, module: 1.0 if module.exposure is None else 1 / _urls(target),
    ),
    Probe(
        "web",
        probe_web_everywhere,
        switched_on_by=("web",),
        is_wanted=lambda target, module: bool(target.web) and module.exposure is not None,
        fills=("web",),
        families=(*_EXPOSURE_FAMILIES, "dicom_peer_advisory", "dicom_peer_info", "dicom_peer_release_year"),
        columns=("level_web", "level_unknown_reasons", "product", "version", "released"),
        never_run=lambda target, module: (WebResult(WebAnswer.UNKNOWN),) * len(target.web),
    ),
    Probe(
        "tls",
        probe_tls,
        switched_on_by=("exposure",),
        is_wanted=lambda target, module: module.exposure is not None and module.exposure.tls,
        fills=("tls_postures",),
        families=(
            "dicom_exposure_check",
            "dicom_tls_dh_size",
            "dicom_tls_profile_kept",
            "dicom_tls_suites_accepted",
            "dicom_tls_version_accepted",
        ),
        columns=("failed_checks",),
        never_run=lambda target, module: {},
    ),
)
"""All probes there are, in the order in which one identity runs them."""
