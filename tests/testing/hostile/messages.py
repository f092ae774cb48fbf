"""DIMSE messages (PS3.7 Annex E) and datasets as bytes, right or wrong; implicit VR little endian throughout."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tests.testing.hostile import wire

VERIFICATION = "1.2.840.10008.1.1"
STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"

C_ECHO_RQ, C_ECHO_RSP = 0x0030, 0x8030
C_FIND_RQ, C_FIND_RSP = 0x0020, 0x8020
C_STORE_RQ = 0x0001
C_CANCEL_RQ = 0x0FFF

SUCCESS, CANCEL, PENDING, PENDING_WITH_WARNING = 0x0000, 0xFE00, 0xFF00, 0xFF01
NO_DATASET = 0x0101
"""CommandDataSetType of a message without a dataset (PS3.7 E.1); any other value announces one."""

STUDY_INSTANCE_UID = (0x0020, 0x000D)
STUDY_INSTANCES = (0x0020, 0x1208)
PATIENT_NAME = (0x0010, 0x0010)
MODALITIES_IN_STUDY = (0x0008, 0x0061)


def element(tag: tuple[int, int], value: bytes | str, *, length: int | None = None) -> bytes:
    """One data element (PS3.5 7.1.3), text padded to an even length; `length` overrides what it announces."""
    raw = (value + " " * (len(value) % 2)).encode() if isinstance(value, str) else value
    return struct.pack("<HHI", *tag, len(raw) if length is None else length) + raw


def uid(text: str) -> bytes:
    """A UID, padded with NUL to an even length (PS3.5 9.1)."""
    return text.encode() + b"\0" * (len(text) % 2)


def command_set(elements: Mapping[int, bytes | str | int], *, group_length: int | None = None) -> bytes:
    """A command set: element number in group 0000 -> value, integers as US; `group_length` overrides the right one."""
    body = b"".join(
        element((0, number), struct.pack("<H", value) if isinstance(value, int) else value)
        for number, value in sorted(elements.items())
    )
    return element((0, 0), struct.pack("<I", len(body) if group_length is None else group_length)) + body


def response(
    field: int, message_id: int, status: int, *, sop_class: str = VERIFICATION, dataset: bool = False
) -> bytes:
    """The command set of a response; `dataset` says whether one follows."""
    return command_set(
        {
            0x0002: uid(sop_class),
            0x0100: field,
            0x0120: message_id,
            0x0800: 0x0001 if dataset else NO_DATASET,
            0x0900: status,
        }
    )


def echo_rsp(message_id: int, status: int = SUCCESS) -> bytes:
    """The command set of a C-ECHO-RSP (PS3.7 9.3.5.2)."""
    return response(C_ECHO_RSP, message_id, status)


def find_rsp(message_id: int, status: int, *, dataset: bool = False, sop_class: str = STUDY_ROOT_FIND) -> bytes:
    """The command set of a C-FIND-RSP (PS3.7 9.3.2.2)."""
    return response(C_FIND_RSP, message_id, status, sop_class=sop_class, dataset=dataset)


def match(number: int, *, instances: int | None = 1, more: bytes = b"") -> bytes:
    """The dataset of one match: a synthetic study, its instances if not None, and any bytes after them."""
    dataset = element(STUDY_INSTANCE_UID, uid(f"2.25.{number + 10**9}"))
    if instances is not None:
        dataset += element(STUDY_INSTANCES, str(instances))
    return dataset + more


def message(
    context_id: int, command: bytes, dataset: bytes | None = None, *, max_pdv: int = 16000, pdus: bool = True
) -> bytes:
    """A whole message, cut into fragments of `max_pdv` bytes, each in a PDU of its own or (`pdus` False) all in one."""
    parts = [(command, True)] + ([] if dataset is None else [(dataset, False)])
    pdvs = [
        wire.pdv(context_id, fragment, command=is_command, last=last)
        for data, is_command in parts
        for fragment, last in wire.fragments(data, max_pdv)
    ]
    return b"".join(wire.p_data(pdv) for pdv in pdvs) if pdus else wire.p_data(*pdvs)
