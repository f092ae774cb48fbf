"""Text of peers and of users, as it is shown."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.text import MAX_TEXT, SafeText, escaped, hide, hide_no_more


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OFFIS_DCMTK_367", "OFFIS_DCMTK_367"),
        ("  padded \0\0", "padded"),
        ("", ""),
        ("\x7f\x00\x1f", "???"),
        ("Müller", "M?ller"),
        ("\x1b[2J\r\n", "?[2J??"),
        ("abc\u202edef", "abc?def"),
        ("<b>&\"'", "<b>&\"'"),
        ("a" * 65, "a" * 64),
        ("a" * 63 + " b", "a" * 63),
        ("\0" * 10_000 + "a" * 10_000, "a" * 64),
        (b"OFFIS_DCMTK_367\0", "OFFIS_DCMTK_367"),
        (b"\x1b[31m\xc3\xa4", "?[31m??"),
        (b"\xff" * 10_000, "?" * 64),
    ],
)
def test_safe_text_is_short_printable_ascii(text: str | bytes, expected: str) -> None:
    assert SafeText(text) == expected


@given(st.text() | st.binary())
def test_safe_text_of_any_input_is_printable_and_stays_the_same(text: str | bytes) -> None:
    safe = SafeText(text)
    assert safe.isascii()
    assert safe.isprintable()
    assert len(safe) <= MAX_TEXT
    assert SafeText(safe) == safe


@pytest.mark.parametrize(
    ("text", "expected"),
    [("plain Größe", "plain Größe"), ("a\tb", r"a\tb"), ("\x1b", r"\x1b"), ("\u202e", r"\u202e"), ("", "")],
)
def test_escaped_writes_control_characters_as_escapes(text: str, expected: str) -> None:
    assert escaped(text) == expected


@pytest.fixture
def hidden() -> Iterator[None]:
    secrets = ("s3cret-token", "pin", "p\xe4ssw\xf6rd", "x" * 200)
    for secret in secrets:
        hide(secret)
    yield
    for secret in secrets:
        hide_no_more(secret)
    assert SafeText("s3cret-token") == "s3cret-token"


@pytest.mark.usefixtures("hidden")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3cret-token", "<secret>"),
        (b" s3cret-token\0", "<secret>"),
        (b"version s3cret-token/1", "version <secret>/1"),
        (b"." * 60 + b"s3cret-token", "." * 60 + "<sec"),
        ("x" * 200, "<secret>"),
        ("p\xe4ssw\xf6rd", "<secret>"),
        ("p\xe4ssw\xf6rd".encode(), "<secret>"),
        ("p\xe4ssw\xf6rd".encode("latin-1"), "<secret>"),
        ("p\xe4ssw\xf6rd".encode("latin-1").decode(errors="surrogateescape"), "<secret>"),
        ("pin", "<secret>"),
        (b"pin \0", "<secret>"),
        ("pinnacle", "pinnacle"),
        ("s3cret", "s3cret"),
    ],
)
def test_safe_text_has_no_secret_of_ours(text: str | bytes, shown: str) -> None:
    assert SafeText(text) == shown
    assert SafeText(SafeText(text)) == shown
