"""The TLS contexts of those who have none of their own, and what a refused handshake says."""

from __future__ import annotations

import ssl

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


def stranger_tls() -> ssl.SSLContext:
    """A context that trusts everybody and has no certificate: a stranger takes what comes, old versions too.

    One serves any number of probes.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.set_ciphers("ALL:@SECLEVEL=0")
    return context


def monitor_tls() -> ssl.SSLContext:
    """A context that verifies against the system's authorities. Takes milliseconds to build: keep it."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def demands_certificate(error: BaseException) -> bool:
    """Whether the server ended TLS for want of a client certificate that it likes.

    aiohttp keeps the words of the ssl module and drops the exception, so they are looked at; they are OpenSSL's, not
    the peer's.
    """
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or link.__context__
    words = " ".join(str(each) for each in links if isinstance(each, OSError))
    return any(alert in words for alert in _OURS_REFUSED)
