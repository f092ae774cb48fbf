"""Credentials, and which TLS failures ask for a client certificate."""

from __future__ import annotations

import ssl

from dicom_exporter.config import BasicAuth, HTTPSettings, Secret
from dicom_exporter.http_client.client import authorization, demands_certificate


def test_authorization_basic_and_bearer_header_values() -> None:
    assert authorization(HTTPSettings(BasicAuth("monitor", Secret("made-up")))) == "Basic bW9uaXRvcjptYWRlLXVw"
    assert authorization(HTTPSettings(bearer_token=Secret("made-up-token"))) == "Bearer made-up-token"


def test_client_alerts_that_demand_a_certificate() -> None:
    assert demands_certificate(OSError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"))
    assert demands_certificate(ssl.SSLError(1, "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate"))
    assert not demands_certificate(
        ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure")
    )
    assert not demands_certificate(ConnectionResetError())
