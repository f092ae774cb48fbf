"""Where redirects lead, and which are followed."""

from __future__ import annotations

import pytest
from yarl import URL

from dicom_exporter.config.values.network import Address, SocketAddress
from dicom_exporter.http_client.redirects import leads_to_login, may_lead_to, redirect_target


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
def test_redirects_to_login_is_recognized(url: str) -> None:
    assert leads_to_login(URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://pacs.hospital.example/dicom-web/studies/",
        "https://other.example/?next=login",
        "http://x/blog",
        "https://association.example/dicom-web/studies",
        "https://pacs.hospital.example/author/studies",
    ],
)
def test_redirects_elsewhere_is_no_login(url: str) -> None:
    assert not leads_to_login(URL(url))


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/rs/studies", "http://pacs.example:8080/rs/studies"),
        ("studies/", "http://pacs.example:8080/dicom-web/studies/"),
        ("//other.example/rs", "http://other.example/rs"),
        ("https://user:word@pacs.example/rs#part", "https://pacs.example/rs"),
        ("file:///etc/passwd", None),
        ("http://[/", None),
        ("", "http://pacs.example:8080/dicom-web/studies?limit=1"),
    ],
)
def test_redirects_location_is_resolved_without_user_and_fragment(location: str, expected: str | None) -> None:
    target = redirect_target(location, URL("http://pacs.example:8080/dicom-web/studies?limit=1"))
    assert target == (None if expected is None else URL(expected))


@pytest.mark.parametrize(
    ("first", "address", "allowed"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "198.51.100.7", True),
        ("192.0.2.1", "10.0.0.1", True),
        ("192.0.2.1", "127.0.0.1", False),
        ("192.0.2.1", "::ffff:127.0.0.1", False),
        ("192.0.2.1", "0.0.0.0", False),
        ("192.0.2.1", "169.254.169.254", False),
        ("192.0.2.1", "::ffff:169.254.169.254", False),
        ("192.0.2.1", "fe80::1", False),
        ("192.0.2.1", "::1", False),
        ("192.0.2.1", "ff02::1", False),
        ("127.0.0.1", "127.0.0.2", True),
        ("127.0.0.1", "::1", True),
        ("127.0.0.1", "169.254.169.254", False),
        ("fe80::1", "fe80::1", True),
    ],
)
def test_redirects_lead_to_no_address_of_this_machine_or_link(first: str, address: str, allowed: bool) -> None:
    assert may_lead_to(_socket_address(first), _socket_address(address)) is allowed


def _socket_address(ip: str) -> SocketAddress:
    (address,) = Address(ip, 80).socket_addresses
    return address
