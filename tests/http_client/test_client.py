"""Credentials in the Authorization header."""

from __future__ import annotations

from dicom_exporter.config import BasicAuth, HTTPSettings, Secret
from dicom_exporter.http_client.client import authorization


def test_authorization_basic_and_bearer_header_values() -> None:
    assert authorization(HTTPSettings(BasicAuth("monitor", Secret("made-up")))) == "Basic bW9uaXRvcjptYWRlLXVw"
    assert authorization(HTTPSettings(bearer_token=Secret("made-up-token"))) == "Bearer made-up-token"
