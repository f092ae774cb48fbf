"""Addresses and URLs."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.config import (
    Address,
    parse_address,
)
from dicom_exporter.config.values.network import parse_root, parse_url


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("pacs.example.org:104", Address("pacs.example.org", 104)),
        ("PACS.example.org.:104", Address("pacs.example.org.", 104)),
        ("pacs_1:65535", Address("pacs_1", 65535)),
        ("192.0.2.1:1", Address("192.0.2.1", 1)),
        ("[2001:DB8:0::1]:104", Address("2001:db8::1", 104)),
        ("[fe80::1%eth0]:104", Address("fe80::1%eth0", 104)),
    ],
)
def test_parse_address_reads_host_and_port(text: str, address: Address) -> None:
    assert parse_address(text) == address
    assert parse_address(str(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        ":",
        "[]:104",
        "[::1",
        "[::1]104",
        "a:b:c",
        "-a:104",
        "a..b:104",
        "1.2.3:104",
        "a:+1",
        "a: 1",
        "a:\u0661",
        f"{'a' * 64}:1",
    ],
)
def test_parse_address_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|host|port"):
        parse_address(text)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_parse_address_of_ip_address_round_trip(ip: IPv4Address | IPv6Address, port: int) -> None:
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    address = parse_address(f"{host}:{port}")
    assert str(address) == f"{host}:{port}"
    assert address.ip_version == ip.version


def test_address_host_name_has_no_ip_version() -> None:
    assert parse_address("pacs:104").ip_version is None


@pytest.mark.parametrize(
    "url",
    [
        "http://pacs.example/",
        "https://pacs.example:8443/viewer?study=1",
        "https://[2001:db8::1]:8042",
        "HTTPS://192.0.2.1/a@b",
    ],
)
def test_parse_url_returns_the_url(url: str) -> None:
    assert parse_url(url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http:",
        "http://",
        "http:///path",
        "//pacs.example/",
        "file:///etc/passwd",
        "http://user@pacs.example/",
        "http://pacs.example/#",
        "http://pacs.example:0/",
        "http://pacs.example:70000/",
        "http://[::1",
        "http://pacs.example/\r\nHost: other",
        "http://k\u00f6ln.example/",
        "http://192.0.2.300/",
    ],
)
def test_parse_url_invalid_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|credentials|fragment|port|address"):
        parse_url(url)


def test_parse_url_error_does_not_repeat_password() -> None:
    with pytest.raises(ValueError, match="credentials") as raised:
        parse_url("https://us:hunter2@pacs.example/")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("url", ["https://pacs.example/dicom-web", "https://pacs.example/dicom-web/"])
def test_parse_root_removes_slash_at_the_end(url: str) -> None:
    assert parse_root(url) == "https://pacs.example/dicom-web"
