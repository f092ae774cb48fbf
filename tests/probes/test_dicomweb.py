from __future__ import annotations

import ssl

import pytest
from yarl import URL

from dicom_exporter.config import Secret
from dicom_exporter.http_client.client import basic, bearer, demands_certificate
from dicom_exporter.http_client.request import leads_to_login
from dicom_exporter.probes.dicomweb import holds_instance


@pytest.mark.parametrize(
    "url",
    [
        "https://pacs.hospital.example/login",
        "https://pacs.hospital.example/account/Sign-In?next=/",
        "https://sso.hospital.example/",
        "https://keycloak.hospital.example/realms/dcm4che/protocol/openid-connect/auth",
        "https://hospital.example/oauth2/authorize",
        "https://hospital.example/saml2/idp",
        "https://adfs.hospital.example/adfs/ls",
    ],
)
def test_redirects_to_a_login(url: str) -> None:
    assert leads_to_login(URL(url))


@pytest.mark.parametrize(
    "url", ["https://pacs.hospital.example/dicom-web/studies/", "https://other.example/?next=login", "http://x/blog"]
)
def test_redirects_to_something_else(url: str) -> None:
    assert not leads_to_login(URL(url))


def test_an_image_begins_with_its_preamble() -> None:
    file = bytes(128) + b"DICM" + bytes(10)
    part = b"--boundary\r\nContent-Type: application/dicom\r\n\r\n"
    assert holds_instance(file)
    assert holds_instance(part + file)
    assert holds_instance(b"\r\n" + part + file)
    assert not holds_instance(part + file[:130])
    assert not holds_instance(b"<html>\r\n\r\n" + file)
    assert not holds_instance(b"")


def test_credentials_do_not_print() -> None:
    both = basic("monitor", Secret("made-up")), bearer(Secret("made-up-token"))
    assert both[0].authorization.reveal() == "Basic bW9uaXRvcjptYWRlLXVw"
    assert both[1].authorization.reveal() == "Bearer made-up-token"
    assert "bW9u" not in repr(both)
    assert "made-up" not in repr(both)


def test_the_alerts_that_ask_for_a_certificate_of_ours() -> None:
    assert demands_certificate(OSError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert certificate required"))
    assert demands_certificate(ssl.SSLError(1, "[SSL: SSLV3_ALERT_BAD_CERTIFICATE] sslv3 alert bad certificate"))
    assert not demands_certificate(
        ssl.SSLError(1, "[SSL: SSLV3_ALERT_HANDSHAKE_FAILURE] sslv3 alert handshake failure")
    )
    assert not demands_certificate(ConnectionResetError())
