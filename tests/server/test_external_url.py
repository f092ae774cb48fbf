"""The URL under which clients reach the exporter."""

from __future__ import annotations

import pytest

from dicom_exporter.server.external_url import ExternalURL, authority, parse_external_url


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("http://exporter.example", ExternalURL("http", "exporter.example:80")),
        ("http://exporter.example/", ExternalURL("http", "exporter.example:80")),
        ("https://Exporter.example:8443/dicom", ExternalURL("https", "exporter.example:8443", "/dicom")),
        ("https://exporter.example/a/b.c/", ExternalURL("https", "exporter.example:443", "/a/b.c")),
        ("HTTP://192.0.2.7:10104/", ExternalURL("http", "192.0.2.7:10104")),
        ("http://[2001:DB8::1]/dicom/", ExternalURL("http", "[2001:db8::1]:80", "/dicom")),
        ("http://[::1]:10104", ExternalURL("http", "[::1]:10104")),
    ],
)
def test_external_url_is_parsed(text: str, expected: ExternalURL) -> None:
    assert parse_external_url(text) == expected


def test_external_url_is_formatted() -> None:
    assert str(parse_external_url("http://exporter.example/dicom")) == "http://exporter.example:80/dicom/"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "exporter.example",
        "exporter.example:10104",
        "/dicom",
        "ftp://exporter.example/",
        "http://",
        "http:///dicom",
        "http://exporter.example:port/",
        "http://exporter.example:0/",
        "http://exporter.example:70000/",
        "http://exporter.example:/",
        "http://[::1/",
        "http://::1/",
        "http://a]b:1/",
        "http://exporter example/",
        "http://10.1/",
        "http://user@exporter.example/",
        "http://user:secret@exporter.example/",
        "http://exporter.example/?",
        "http://exporter.example/?a=b",
        "http://exporter.example/#a",
        "http://exporter.example/../a",
        "http://exporter.example/a/./b",
        "http://exporter.example/a/..",
        "http://exporter.example/a//b",
        "http://exporter.example/{a}",
        "http://exporter.example/%7Bname%7D",
        "http://exporter.example/a b",
        "http://exporter.example/\u00e4",
        "http://exporter.example/" + "a\n",
    ],
)
def test_invalid_external_url_is_error(text: str) -> None:
    with pytest.raises(ValueError, match="URL") as raised:
        parse_external_url(text)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    ("host", "scheme", "expected"),
    [
        ("exporter", "http", "exporter:80"),
        ("exporter.example", "https", "exporter.example:443"),
        ("127.0.0.1:10104", "http", "127.0.0.1:10104"),
        ("[::1]", "https", "[::1]:443"),
        ("[::1]:10104", "http", "[::1]:10104"),
    ],
)
def test_authority_without_port_gets_default_port(host: str, scheme: str, expected: str) -> None:
    assert authority(host, scheme) == expected


@pytest.mark.parametrize(
    "host", ["", ":80", "a/b", "a b", "user@host", "host:1:2", "::1", "[::1", "a,b", "<b>", "a\\b"]
)
def test_invalid_host_header_is_error(host: str) -> None:
    with pytest.raises(ValueError):
        authority(host, "http")
