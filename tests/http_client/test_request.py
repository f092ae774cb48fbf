"""What a redirect means."""

from __future__ import annotations

import pytest
from yarl import URL

from dicom_exporter.http_client.request import leads_to_login


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
def test_request_redirect_to_login_is_recognized(url: str) -> None:
    assert leads_to_login(URL(url))


@pytest.mark.parametrize(
    "url", ["https://pacs.hospital.example/dicom-web/studies/", "https://other.example/?next=login", "http://x/blog"]
)
def test_request_redirect_elsewhere_is_no_login(url: str) -> None:
    assert not leads_to_login(URL(url))
