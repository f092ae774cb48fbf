"""SOP classes and transfer syntaxes that we propose (PS3.4, PS3.6 Annex A), under our names for them."""

from __future__ import annotations

from dicom_exporter.enums import Service
from dicom_exporter.uid_table import UIDS

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
UNCOMPRESSED = ("1.2.840.10008.1.2.1", IMPLICIT_VR_LITTLE_ENDIAN)
"""Explicit and implicit VR little endian."""
VERIFICATION = "1.2.840.10008.1.1"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"

STORAGE = (CT_IMAGE, MR_IMAGE, COMPUTED_RADIOGRAPHY, DIGITAL_X_RAY, ULTRASOUND, SECONDARY_CAPTURE)
"""A few Storage SOP classes, for whether an archive would take images: the commonest ones."""

SERVICES: dict[str, Service] = {
    VERIFICATION: Service.VERIFICATION,
    STUDY_FIND: Service.STUDY_FIND,
    PATIENT_FIND: Service.PATIENT_FIND,
    WORKLIST_FIND: Service.WORKLIST_FIND,
    STUDY_GET: Service.STUDY_GET,
    STUDY_MOVE: Service.STUDY_MOVE,
    **dict.fromkeys(STORAGE, Service.STORAGE),
}

_NO_STORAGE = ("1.2.840.10008.1.2.6", "1.2.840.10008.1.2.7", "1.2.840.10008.1.20")
"""MIME and XML encodings, real-time video, and Papyrus 3: in no C-STORE."""
_COMMON_SYNTAXES = (
    "1.2.840.10008.1.2.1",  # explicit VR little endian
    "1.2.840.10008.1.2",  # implicit VR little endian
    "1.2.840.10008.1.2.4.70",  # JPEG lossless
    "1.2.840.10008.1.2.4.50",  # JPEG baseline
    "1.2.840.10008.1.2.4.51",  # JPEG extended
    "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.80",  # JPEG-LS lossless
    "1.2.840.10008.1.2.4.81",  # JPEG-LS
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.57",  # JPEG lossless, process 14
    "1.2.840.10008.1.2.4.201",  # HTJ2K lossless
    "1.2.840.10008.1.2.4.202",  # HTJ2K lossless RPCL
    "1.2.840.10008.1.2.4.203",  # HTJ2K
    "1.2.840.10008.1.2.4.102",  # MPEG-4
    "1.2.840.10008.1.2.4.100",  # MPEG-2
    "1.2.840.10008.1.2.1.99",  # deflated
    "1.2.840.10008.1.2.2",  # explicit VR big endian
)
_KNOWN_SYNTAXES = (uid for kind, uid, _ in UIDS if kind == "transfer_syntax" and not uid.startswith(_NO_STORAGE))
STORAGE_SYNTAXES = tuple(dict.fromkeys((*_COMMON_SYNTAXES, *_KNOWN_SYNTAXES)))
"""All transfer syntaxes in which an instance may be stored (PS3.5 10, Annex A), also retired ones; common ones first.

An archive that does not convert sends an image in the syntax that it has, to those who take that.
"""
_IMAGE = "1.2.840.10008.5.1.4.1.1."
STORAGE_OF_MODALITY: dict[str, tuple[str, ...]] = {
    modality: tuple(_IMAGE + suffix for suffix in suffixes)
    for modality, suffixes in {
        "CR": ("1",),
        "CT": ("2", "2.1"),
        "DX": ("1.1", "1.1.1"),
        "ECG": ("9.1.1", "9.1.2"),
        "ES": ("77.1.1", "77.1.1.1"),
        "GM": ("77.1.2", "77.1.2.1"),
        "IVUS": ("6.1", "3.1"),
        "MG": ("1.2", "1.2.1", "13.1.3"),
        "MR": ("4", "4.1"),
        "NM": ("20",),
        "OP": ("77.1.5.1", "77.1.5.2"),
        "OT": ("7", "7.2", "7.3", "7.4"),
        "PT": ("128", "130"),
        "RF": ("12.2", "12.2.1"),
        "RTDOSE": ("481.2",),
        "RTIMAGE": ("481.1",),
        "RTPLAN": ("481.5",),
        "RTSTRUCT": ("481.3",),
        "SC": ("7", "7.2", "7.3", "7.4"),
        "SM": ("77.1.6",),
        "SR": ("88.11", "88.22", "88.33", "88.67"),
        "US": ("6.1", "3.1"),
        "XA": ("12.1", "12.1.1"),
        "XC": ("77.1.4", "77.1.4.1"),
    }.items()
}
"""Modality of a series -> the Storage SOP classes that its instances most probably have (PS3.4 B.5)."""
STORAGE_CLASSES = tuple(dict.fromkeys((*STORAGE, *(uid for kind, uid, _ in UIDS if kind == "storage"))))
"""Storage SOP classes (PS3.4 B.5), the commonest first."""
SOP_CLASSES = frozenset(uid for kind, uid, _ in UIDS if kind != "transfer_syntax")
"""All SOP classes."""
