"""Credentials, and which TLS failures ask for a client certificate."""

from __future__ import annotations

import ssl

from dicom_exporter.config import Secret
from dicom_exporter.http_client.client import basic, bearer, demands_certificate


def test_credentials_secret_is_not_in_repr() -> None:
    both = basic("monitor", Secret("made-up")), bearer(Secret("made-up-token"))
    assert both[0].authorization.reveal() == "Basic bW9uaXRvcjptYWRlLXVw"
    assert both[1].authorization.reveal() == "Bearer made-up-token"
    assert "bW9u" not in repr(both)
    assert "made-up" not in repr(both)


def test_demands_certificate_alerts_that_ask_for_one() -> None:
    assert demands_certificate(OSError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"))
    assert demands_certificate(ssl.SSLError(1, "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate"))
    assert not demands_certificate(
        ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure")
    )
    assert not demands_certificate(ConnectionResetError())
