"""What a refused TLS connection says."""

from __future__ import annotations

from collections.abc import Iterator

_OURS_REFUSED = (
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


def demands_certificate(error: BaseException) -> bool:
    """Whether the server ended TLS for want of a client certificate that it likes.

    aiohttp keeps the words of the ssl module and drops the exception, so they are looked at; they are OpenSSL's, not
    the peer's.
    """
    words = " ".join(str(link) for link in chain(error) if isinstance(link, OSError))
    return any(alert in words for alert in _OURS_REFUSED)


def chain(error: BaseException) -> Iterator[BaseException]:
    """`error`, what caused it, and so on."""
    link: BaseException | None = error
    while link is not None:
        yield link
        link = link.__cause__ or link.__context__
