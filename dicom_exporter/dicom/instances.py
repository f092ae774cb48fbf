"""Synthetic Secondary Capture instances, and how a dataset is cut into PDUs without copying its pixels.

An instance is a header of a few hundred bytes and pixel data that is one shared block of zeros: sending ten times 512
KiB costs no ten times 512 KiB.
"""

from __future__ import annotations

import hashlib
import struct
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from dicom_exporter.dicom.requests import IMPLEMENTATION_CLASS_UID, Value, encode_dataset
from dicom_exporter.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN, SECONDARY_CAPTURE
from dicom_exporter.net.tcp import Buffer

_NAMESPACE = uuid.UUID("5f0c5c2e-63b0-4d5e-9d0f-2f7f5b1c7a10")
"""Ours, for UIDs that are the same in every run (PS3.5 B.2)."""
_ROW_BYTES = 1024
_PIXEL_DATA_HEADER = struct.Struct("<HHI")
_PDU_AND_PDV_HEADER = struct.Struct(">BxIIBB")
_FILE_META = struct.Struct("<HH2sHI")
_PDV_OVERHEAD = 6
_LAST = 2


@dataclass(frozen=True, slots=True)
class Instance:
    """An instance to store; `parts` joined are its dataset in implicit VR little endian."""

    sop_instance_uid: str
    study_instance_uid: str
    series_instance_uid: str
    parts: tuple[Buffer, ...] = field(repr=False)

    @property
    def length(self) -> int:
        """Bytes of the dataset."""
        return sum(len(part) for part in self.parts)


def synthetic_instances(name: str, count: int, size: int) -> list[Instance]:
    """`count` instances with about `size` bytes of pixels each, of one synthetic patient, study and series.

    Their UIDs are derived from `name` and the number alone: storing them again overwrites, and nothing piles up.
    """
    rows = _rows(size)
    pixels = memoryview(bytes(rows * _ROW_BYTES))
    return [_instance(name, "", number, rows, pixels) for number in range(1, count + 1)]


def canary_instance(name: str, number: int, size: int) -> Instance:
    """The instance `number` of a study of its own, the same whenever it is made, with pixels that are not all alike."""
    rows = _rows(size)
    row = hashlib.shake_128(f"{name}/{number}".encode()).digest(_ROW_BYTES)
    return _instance(name, "canary ", number, rows, memoryview(row * rows))


def as_file(instance: Instance) -> bytes:
    """`instance` as a DICOM file (PS3.10 7.1)."""
    texts = (
        (0x0002, SECONDARY_CAPTURE),
        (0x0003, instance.sop_instance_uid),
        (0x0010, IMPLICIT_VR_LITTLE_ENDIAN),
        (0x0012, IMPLEMENTATION_CLASS_UID),
    )
    meta = _FILE_META.pack(2, 0x0001, b"OB", 0, 2) + b"\0\1"
    for element, text in texts:
        value = text.encode() + b"\0" * (len(text) % 2)
        meta += struct.pack("<HH2sH", 2, element, b"UI", len(value)) + value
    length = struct.pack("<HH2sHI", 2, 0x0000, b"UL", 4, len(meta))
    return b"".join((bytes(128), b"DICM", length, meta, *instance.parts))


def _rows(size: int) -> int:
    return max(1, min(size // _ROW_BYTES, 0xFFFF))


def _instance(name: str, kind: str, number: int, rows: int, pixels: memoryview) -> Instance:
    uid, study, series = (derived_uid(name, f"{kind}{what}") for what in (f"instance {number}", "study", "series"))
    header = encode_dataset(_header(uid, study, series, number, rows))
    return Instance(uid, study, series, (header, _PIXEL_DATA_HEADER.pack(0x7FE0, 0x0010, len(pixels)), pixels))


def derived_uid(name: str, what: str) -> str:
    """A UID that is always the same for the same words (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, f'{name}/{what}').int}"


def _header(sop_instance_uid: str, study_uid: str, series_uid: str, number: int, rows: int) -> dict[str, Value]:
    """All but the pixels of a Secondary Capture Image (PS3.3 A.8.1), grayscale of 8 bit."""
    return {
        "SOPClassUID": SECONDARY_CAPTURE,
        "SOPInstanceUID": sop_instance_uid,
        "StudyInstanceUID": study_uid,
        "SeriesInstanceUID": series_uid,
        "PatientName": "SYNTHETIC^DICOM EXPORTER",
        "PatientID": "SYNTHETIC-DICOM-EXPORTER",
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyID": "SYNTHETIC",
        "StudyDate": "20000101",
        "StudyTime": "000000",
        "StudyDescription": "Synthetic, by dicom_exporter",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "Modality": "OT",
        "ConversionType": "SYN",
        "PatientOrientation": "",
        "SeriesNumber": 1,
        "InstanceNumber": number,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": _ROW_BYTES,
        "BitsAllocated": 8,
        "BitsStored": 8,
        "HighBit": 7,
        "PixelRepresentation": 0,
    }


def fragments(parts: Sequence[Buffer], context_id: int, max_pdu_length: int) -> Iterator[list[Buffer]]:
    """Cut a dataset into P-DATA-TF PDUs of at most `max_pdu_length` (PS3.8 9.3.5), as lists of buffers to send.

    The pixels are never copied: the lists hold views into `parts`.
    """
    room = max_pdu_length - _PDV_OVERHEAD
    room -= room % 2  # fragments have even length, PS3.8 Annex F
    pending: list[Buffer] = []
    length = 0
    left = sum(len(part) for part in parts)
    for part in parts:
        view = memoryview(part)
        while view:
            piece, view = view[: room - length], view[room - length :]
            pending.append(piece)
            length += len(piece)
            left -= len(piece)
            if length == room or not left:
                control = 0 if left else _LAST
                header = _PDU_AND_PDV_HEADER.pack(4, length + _PDV_OVERHEAD, length + 2, context_id, control)
                yield [header, *pending]
                pending, length = [], 0
