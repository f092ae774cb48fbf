"""What proves that an image was handed out."""

from __future__ import annotations

import pytest

from dicom_exporter.probes.wado import holds_instance, holds_pixels


def test_dicomweb_instance_begins_with_its_preamble() -> None:
    file = bytes(128) + b"DICM" + bytes(10)
    part = b"--boundary\r\nContent-Type: application/dicom\r\n\r\n"
    assert holds_instance(file)
    assert holds_instance(part + file)
    assert holds_instance(b"\r\n" + part + file)
    assert not holds_instance(part + file[:130])
    assert not holds_instance(b"<html>\r\n\r\n" + file)
    assert not holds_instance(b"")


@pytest.mark.parametrize(
    ("kind", "start", "expected"),
    [
        ("image/jpeg", b"\xff\xd8", True),
        ("image/jpeg", b"", False),
        ("multipart/related", b"--x\r\nContent-Type: application/octet-stream\r\n\r\n\x00", True),
        (
            "multipart/related",
            b"--x\r\ncontent-type: image/jls; transfer-syntax=1.2\r\n\r\n\xff",
            True,
        ),
        ("multipart/related", b"--x\r\nContent-Type: application/octet-stream\r\n\r\n", False),
        ("multipart/related", b"--x\r\nContent-Type: text/html\r\n\r\n<html>", False),
        ("text/html", b"--x\r\nContent-Type: image/jpeg\r\n\r\n\xff", False),
    ],
)
def test_wado_pixels_begin_after_the_headers_of_their_part(kind: str, start: bytes, expected: bool) -> None:
    assert holds_pixels(kind, start) is expected
