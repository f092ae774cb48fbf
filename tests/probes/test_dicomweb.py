from __future__ import annotations

from dicom_exporter.probes.dicomweb import holds_instance


def test_dicomweb_instance_begins_with_its_preamble() -> None:
    file = bytes(128) + b"DICM" + bytes(10)
    part = b"--boundary\r\nContent-Type: application/dicom\r\n\r\n"
    assert holds_instance(file)
    assert holds_instance(part + file)
    assert holds_instance(b"\r\n" + part + file)
    assert not holds_instance(part + file[:130])
    assert not holds_instance(b"<html>\r\n\r\n" + file)
    assert not holds_instance(b"")
