"""Why a TLS handshake failed: OpenSSL's reasons, and the alerts of the peer, as one of `TLSFailure`.

OpenSSL's words are looked at, never the peer's. Some libraries keep the words of an `ssl.SSLError` and drop the
exception, so the reason is taken from its text if there is no better.
"""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator

from dicom_exporter.enums import TLSFailure

_REASON = re.compile(r"\[SSL: ([A-Z0-9_]+)\]")

OURS_REFUSED = (
    "ALERT_CERTIFICATE_REQUIRED",  # TLS 1.3 says it plainly (RFC 8446 6.2)
    "ALERT_BAD_CERTIFICATE",  # Java, to an empty certificate message under TLS 1.2
    "ALERT_NO_CERTIFICATE",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)
"""Alerts that a server can only mean for a certificate of ours, or the lack of one. OpenSSL's names, without SSLV3_ or
TLSV1_ before them. A plain handshake_failure is not among them: no common cipher reads the same."""
_REASONS: tuple[tuple[TLSFailure, tuple[str, ...]], ...] = (
    (TLSFailure.CERTIFICATE_DEMANDED, OURS_REFUSED),
    (TLSFailure.NAME, ("UNRECOGNIZED_NAME",)),
    (TLSFailure.VERSION, ("ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "WRONG_SSL_VERSION", "NO_PROTOCOLS")),
    (TLSFailure.NOT_TLS, ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "PACKET_LENGTH_TOO_LONG")),
    (
        TLSFailure.CIPHER,
        (
            "ALERT_HANDSHAKE_FAILURE",
            "ALERT_INSUFFICIENT_SECURITY",
            "CIPHER",  # NO_SHARED_CIPHER, WRONG_CIPHER_RETURNED, NO_CIPHERS_AVAILABLE and the like
            "DH_KEY_TOO_SMALL",
        ),
    ),
)
"""Parts of OpenSSL's names of reasons; the first that fits counts."""
_EXPIRED = frozenset({9, 10, 11, 12})
"""X509_V_ERR_CERT_NOT_YET_VALID, CERT_HAS_EXPIRED, CRL_NOT_YET_VALID, CRL_HAS_EXPIRED."""
_NAME = frozenset({62, 63, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH, EMAIL_MISMATCH, IP_ADDRESS_MISMATCH."""
_AUTHORITY = frozenset({2, 18, 19, 20, 21, 24, 26, 27, 28})
"""X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT, DEPTH_ZERO_SELF_SIGNED_CERT, SELF_SIGNED_CERT_IN_CHAIN, and so on: no way from
the certificate to an authority that we trust."""


def classify(error: BaseException) -> TLSFailure:
    """Why the handshake failed that `error`, or what caused it, tells of."""
    links = list(chain(error))
    for link in links:
        if isinstance(link, ssl.SSLCertVerificationError):
            return _of_verification(link.verify_code)
    words = {reason for link in links for reason in _REASON.findall(str(link))}
    # Subclasses of other libraries have no `reason`, or None.
    words |= {str(getattr(link, "reason", None)) for link in links if isinstance(link, ssl.SSLError)}
    for failure, parts in _REASONS:
        if any(part in word for word in words for part in parts):
            return failure
    return TLSFailure.OTHER


def chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, what caused it, and so on."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__


def _of_verification(code: int) -> TLSFailure:
    if code in _EXPIRED:
        return TLSFailure.EXPIRED
    if code in _NAME:
        return TLSFailure.NAME
    return TLSFailure.AUTHORITY if code in _AUTHORITY else TLSFailure.OTHER
