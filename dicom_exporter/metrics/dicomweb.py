"""What a DICOMweb service answered."""

from __future__ import annotations

from collections.abc import Callable, Collection

from dicom_exporter.enums import LoginScheme, WebAnswer
from dicom_exporter.metrics.families import Family, Labels, Row, single
from dicom_exporter.results import SessionResult, WebResult

_ANSWERED = frozenset({WebAnswer.EMPTY, WebAnswer.ENTRIES})


def _web(read: Callable[[WebResult], float | None]) -> Callable[[SessionResult], Collection[Row]]:
    """A fact of DICOMweb, absent if nobody looked."""
    return single(lambda session: None if session.dicomweb is None else read(session.dicomweb))


def _web_success(web: WebResult) -> float | None:
    """Absent where the proxy of the vantage failed, as that says nothing about the server."""
    if web.answer is WebAnswer.UNKNOWN and any(doubt.is_of_vantage for doubt in web.doubts):
        return None
    return float(web.answer in _ANSWERED)


def _web_authentication(web: WebResult) -> float | None:
    """1 if it was demanded, 0 if we were let in without credentials of ours; else it is not known."""
    if web.answer is WebAnswer.DENIED:
        return 1.0
    return 0.0 if web.answer in _ANSWERED and not web.authenticated else None


def _login(session: SessionResult) -> Collection[Row]:
    web = session.dicomweb
    if web is None:
        return ()
    schemes = web.login
    if not schemes and web.answer is WebAnswer.DENIED:
        schemes = (LoginScheme.OTHER,)
    elif not schemes and web.answer in _ANSWERED and not web.authenticated:
        schemes = (LoginScheme.NONE,)
    return [({"scheme": scheme.value}, 1.0) for scheme in schemes]


def _web_phases(session: SessionResult) -> Collection[Row]:
    phases = session.dicomweb.phases if session.dicomweb is not None else {}
    return [({"phase": phase.value}, seconds) for phase, seconds in phases.items()]


def _web_server(session: SessionResult) -> Collection[Row]:
    web = session.dicomweb
    if web is None or not web.server:
        return ()
    labels: Labels = {"server": web.server}
    return ((labels, 1.0),)


def _web_tls_failure(session: SessionResult) -> Collection[Row]:
    web = session.dicomweb
    if web is None or web.tls is None or web.tls.failure is None or session.stranger is not None:
        return ()
    return (({"reason": web.tls.failure.value}, 1.0),)


DICOMWEB_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicomweb_success",
        "1 if and only if QIDO-RS answered a query.",
        _web(_web_success),
    ),
    Family("dicomweb_http_status_code", "HTTP status of the first answer.", _web(lambda web: web.status)),
    Family(
        "dicomweb_duration_seconds", "Seconds that each phase of the first request took, of those reached.", _web_phases
    ),
    Family(
        "dicomweb_studies_visible",
        "Studies that QIDO-RS listed; at least this many where `dicomweb_studies_complete` is 0.",
        _web(lambda web: web.studies),
    ),
    Family(
        "dicomweb_studies_complete",
        "1: QIDO-RS listed all studies, and said that nothing follows. 0: there are at least as many as it listed.",
        _web(lambda web: None if web.studies is None else web.complete is True),
    ),
    Family(
        "dicomweb_authentication_required",
        "Whether DICOMweb demanded credentials; absent if it is not known.",
        _web(_web_authentication),
    ),
    Family(
        "dicomweb_login_scheme",
        "How DICOMweb wants its users to log in: basic, digest, bearer, other; none if it answers without a login. "
        "One series with the value 1 for each scheme that it names; absent if it is not known.",
        _login,
    ),
    Family("dicomweb_server_info", "What the web server calls itself.", _web_server),
    Family(
        "dicomweb_tls_certificate_expiry_timestamp_seconds",
        "Unix time at which the first certificate of the web server's verified chain expires; if none was "
        "verified, its own certificate.",
        _web(lambda web: None if web.tls is None else web.tls.certificate_expiry),
    ),
    Family(
        "dicomweb_tls_chain_expiry_timestamp_seconds",
        "Unix time at which the first of all certificates expires that the web server shows, also of one that nobody "
        "needs.",
        _web(lambda web: None if web.tls is None else web.tls.chain_expiry),
    ),
    Family(
        "dicomweb_tls_failure",
        "Why the TLS handshake of an identity that is no stranger failed: one series with the value 1.",
        _web_tls_failure,
    ),
)
