"""How an association and the C-ECHO on it ended, and who the peer is."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from dicom_exporter.enums import Outcome, Phase, TLSFailure
from dicom_exporter.metrics.families import Constant, Family, Row, shared, single, state
from dicom_exporter.results import Peer, SessionResult
from dicom_exporter.verdict.advisories import matching, peers, release_year

_PHASES = {phase: {"phase": phase.value} for phase in Phase}


def _phases(session: SessionResult) -> Collection[Row]:
    return [(_PHASES[phase], seconds) for phase, seconds in session.phases.items()]


def _rejection(session: SessionResult) -> Collection[Row]:
    rejection = session.rejection
    if rejection is None:
        return ()
    result, source, reason = rejection.result.value, rejection.source.value, rejection.reason.value
    return (({"result": result, "source": source, "reason": reason}, 1.0),)


def _services(session: SessionResult) -> Iterable[tuple[str, float]]:
    return [(service.value, accepted) for service, accepted in session.services.items()] + [
        (name, accepted) for name, accepted in (session.negotiated or {}).items()
    ]


@lru_cache(maxsize=4096)
def _peer_info(named: tuple[Peer, ...]) -> Constant:
    return Constant(
        (
            {
                "implementation_class_uid": peer.implementation_class_uid,
                "implementation_version": peer.implementation_version,
                "product": peer.product,
            },
            1.0,
        )
        for peer in named
    )


@lru_cache(maxsize=4096)
def _advisories(named: tuple[Peer, ...]) -> Constant:
    found = dict.fromkeys(name for peer in named for name in matching(peer))
    return Constant(({"id": name}, 1.0) for name in found)


@lru_cache(maxsize=4096)
def _release_years(named: tuple[Peer, ...]) -> Constant:
    return Constant(
        ({"implementation_version": peer.implementation_version, "product": peer.product}, float(year))
        for peer in named
        if (year := release_year(peer)) is not None
    )


def _tls_info(session: SessionResult) -> Collection[Row]:
    tls = session.tls
    if tls is None or tls.version is None:
        return ()
    return (({"version": tls.version, "cipher": tls.cipher or "unknown"}, 1.0),)


def _tls_failure(session: SessionResult) -> TLSFailure | None:
    return None if session.tls is None or session.stranger is not None else session.tls.failure


ASSOCIATION_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicom_echo_success",
        "1 if and only if the C-ECHO was answered with status 0x0000.",
        single(lambda session: None if session.echo is None else session.echo.outcome is Outcome.SUCCESS),
    ),
    Family(
        "dicom_echo_outcome",
        "How the C-ECHO ended: one series with the value 1, whose label says the current outcome.",
        state("outcome", Outcome, lambda session: None if session.echo is None else session.echo.outcome),
    ),
    Family(
        "dicom_association_outcome",
        "How the association ended, whether or not a C-ECHO was asked for: one series with the value 1, whose label "
        "says the current outcome; success if it was accepted. Absent if none was due.",
        state("outcome", Outcome, lambda session: session.association),
    ),
    Family("dicom_phase_duration_seconds", "Seconds that each phase took, of the phases that were reached.", _phases),
    Family(
        "dicom_probe_duration_seconds",
        "Seconds that the probe took, all associations together; without DICOMweb.",
        single(lambda session: session.duration),
    ),
    Family(
        "dicom_probe_timeout_seconds",
        "Seconds that the probe was given.",
        single(lambda session: session.timeout),
    ),
    Family(
        "dicom_probe_last_run_timestamp_seconds",
        "Unix time at which the probe ran, of modules that do not run on every scrape.",
        single(lambda session: session.last_run),
    ),
    Family(
        "dicom_association_rejected_info",
        "The A-ASSOCIATE-RJ that the peer sent, in the words of DICOM PS3.8 9.3.4.",
        _rejection,
    ),
    Family(
        "dicom_service_accepted",
        "Whether the peer accepted the presentation context of a service, or of a SOP class that `services` names.",
        shared("sop_class", _services, former="service"),
    ),
    Family(
        "dicom_peer_info",
        "Who the peer says it is (DICOM PS3.7 D.3.3.2); and the version that Orthanc gives over HTTP, without a UID.",
        lambda session: _peer_info(peers(session)),
    ),
    Family(
        "dicom_peer_max_pdu_bytes",
        "The longest PDU that the peer can receive, in bytes; 0 means that it states no limit.",
        single(lambda session: None if session.peer is None else session.peer.max_pdu_bytes),
    ),
    Family(
        "dicom_target_addresses",
        "IP addresses that the name of the target has; absent if it has one, or is given by address.",
        single(lambda session: session.addresses),
    ),
    Family(
        "dicom_target_addresses_failed",
        "IP addresses of the name that were tried and accepted no connection. A stranger tries all of them, everybody "
        "else goes on until one accepts.",
        single(lambda session: session.addresses_failed),
    ),
    Family(
        "dicom_peer_advisory",
        "A published advisory that the peer's own version leaves no doubt about.",
        lambda session: _advisories(peers(session)),
    ),
    Family(
        "dicom_peer_release_year",
        "The year in which the version that the peer says it is was released. Absent if it is not known.",
        lambda session: _release_years(peers(session)),
    ),
)
"""Of each session."""

TLS_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family("dicom_tls_info", "Version and cipher of the TLS connection.", _tls_info),
    Family(
        "dicom_tls_certificate_expiry_timestamp_seconds",
        "Unix time at which the first certificate of the peer's verified chain expires; if none was "
        "verified, its own certificate.",
        single(lambda session: None if session.tls is None else session.tls.certificate_expiry),
    ),
    Family(
        "dicom_tls_chain_expiry_timestamp_seconds",
        "Unix time at which the first of all certificates expires that the peer shows, also of one that nobody needs.",
        single(lambda session: None if session.tls is None else session.tls.chain_expiry),
    ),
    Family(
        "dicom_tls_failure",
        "Why the TLS handshake of an identity that is no stranger failed: one series with the value 1.",
        state("reason", TLSFailure, _tls_failure),
    ),
    Family(
        "dicom_tls_certificate_trusted",
        "Whether the peer's certificate is valid for its name under the authorities we trust.",
        single(lambda session: None if session.tls is None else session.tls.certificate_trusted),
    ),
    Family(
        "dicom_tls_client_certificate_required",
        "Whether the peer demands a certificate of its clients.",
        single(lambda session: None if session.tls is None else session.tls.client_certificate_required),
    ),
)
"""Of a session that has to do with TLS."""
