"""Durations, addresses, AE titles, dates and times of day."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.config import (
    Address,
    RelativeDate,
    TimeWindow,
    format_duration,
    parse_address,
    parse_ae_title,
    parse_duration,
)
from dicom_exporter.config.values.network import parse_root, parse_url
from dicom_exporter.config.values.text import format_size, parse_size
from dicom_exporter.config.values.time import parse_date, parse_window


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("10s", 10.0),
        ("5m", 300.0),
        ("1h30m", 5400.0),
        ("1d", 86_400.0),
        ("1w", 604_800.0),
        ("1y", 31_536_000.0),
        ("1m1s1ms", 61.001),
        ("090s", 90.0),
    ],
)
def test_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "10", "s", "10 s", "1s1s", "1s1m", "1e3s", "\u0663s", "0ms", "+1s", "1s\n", "9" * 400 + "y"]
)
def test_duration_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@given(st.integers(min_value=1, max_value=10**12))
def test_duration_round_trip(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


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
def test_address_is_read(text: str, address: Address) -> None:
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
def test_address_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"address|host|port"):
        parse_address(text)


@given(st.ip_addresses(), st.integers(1, 65535))
def test_address_ip_round_trip(ip: IPv4Address | IPv6Address, port: int) -> None:
    host = f"[{ip}]" if ip.version == 6 else str(ip)
    address = parse_address(f"{host}:{port}")
    assert str(address) == f"{host}:{port}"
    assert address.ip_version == ip.version


def test_address_host_name_has_no_ip_version() -> None:
    assert parse_address("pacs:104").ip_version is None


@pytest.mark.parametrize(
    ("text", "title"), [("MAINPACS", "MAINPACS"), ("  A B  ", "A B"), ("A" * 16 + "   ", "A" * 16)]
)
def test_ae_title_is_read(text: str, title: str) -> None:
    assert parse_ae_title(text) == title


@pytest.mark.parametrize("text", ["", "   ", "A" * 17, "A\\B", "A\x00", "A\x7f", "Ä", "A\n"])
def test_ae_title_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AE title"):
        parse_ae_title(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("today", "20240301"),
        ("yesterday", "20240229"),
        ("last 1d", "20240301"),
        ("last 2d", "20240229-20240301"),
        ("last 7d", "20240224-20240301"),
    ],
)
def test_date_relative_is_read(text: str, value: str) -> None:
    date = parse_date(text)
    assert isinstance(date, RelativeDate)
    assert date.resolve(datetime(2024, 3, 1, 0, 30, tzinfo=UTC)) == value
    assert parse_date(str(date)) == date


def test_date_relative_uses_time_zone_of_target() -> None:
    midnight = datetime(2024, 3, 1, tzinfo=UTC)
    elsewhere = midnight.astimezone(timezone(-timedelta(hours=5)))
    today = RelativeDate(0, 0)
    assert (today.resolve(midnight), today.resolve(elsewhere)) == ("20240301", "20240229")


@pytest.mark.parametrize("text", ["20240131", "20240101-20240131", "20240101-", "-20240131", "20240131-20240131"])
def test_date_is_read(text: str) -> None:
    assert parse_date(text) == text


@pytest.mark.parametrize(
    "text", ["2024", "2024-01-31", "-", "20240101-20240102-", "Today", "last week", "last 99999d", "00000101"]
)
def test_date_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"not a date|no day"):
        parse_date(text)


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("20:00-06:00", ["20:00", "23:59", "00:00", "05:59"], ["06:00", "19:59", "12:00"]),
        ("08:00-16:30", ["08:00", "16:29"], ["07:59", "16:30", "00:00"]),
        ("20:00-24:00", ["20:00", "23:59"], ["00:00", "19:59"]),
    ],
)
def test_window_contains_time_of_day(text: str, inside: list[str], outside: list[str]) -> None:
    window = parse_window(text)
    assert all(window.contains(time.fromisoformat(moment)) for moment in inside)
    assert not any(window.contains(time.fromisoformat(moment)) for moment in outside)


def test_window_round_trip() -> None:
    assert str(TimeWindow(time(20), time(6, 30))) == "20:00-06:30"


@pytest.mark.parametrize(
    "text", ["20:00", "8:00-9:00", "20:00-25:00", "24:00-06:00", "20:60-21:00", "20:00 - 06:00", ""]
)
def test_window_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time window"):
        parse_window(text)


@pytest.mark.parametrize(
    ("text", "size"),
    [("512KiB", 524_288), ("1MiB", 1_048_576), ("100KB", 100_000), ("2MB", 2_000_000), ("17B", 17), ("0B", 0)],
)
def test_size_is_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "10", "KiB", "1 KiB", "1.5MiB", "1kb", "1KiB\n", "\u0663B", "9" * 400 + "B"])
def test_size_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)


@given(st.integers(min_value=0, max_value=10**11))
def test_size_round_trip(size: int) -> None:
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    "url",
    [
        "http://pacs.example/",
        "https://pacs.example:8443/viewer?study=1",
        "https://[2001:db8::1]:8042",
        "HTTPS://192.0.2.1/a@b",
    ],
)
def test_url_is_read(url: str) -> None:
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
def test_url_invalid_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"URL|credentials|fragment|port|address"):
        parse_url(url)


def test_url_with_password_is_not_repeated_in_message() -> None:
    with pytest.raises(ValueError, match="credentials") as raised:
        parse_url("https://us:hunter2@pacs.example/")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("url", ["https://pacs.example/dicom-web", "https://pacs.example/dicom-web/"])
def test_url_of_dicomweb_root_has_no_slash_at_end(url: str) -> None:
    assert parse_root(url) == "https://pacs.example/dicom-web"
