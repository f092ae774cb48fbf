"""The bytes we send, encoded once and kept.

    A-ASSOCIATE-RQ, PS3.8 9.3.2:    fixed fields | items, each: type, 0, 16 bit length, value
    P-DATA-TF, PS3.8 9.3.5:         4, 0, 32 bit length | length, context ID, control header | a fragment of a message
    command and data sets, PS3.5:   group, element, 32 bit length, value of even length    (implicit VR little endian)

An A-ASSOCIATE-RQ has its two AE titles at fixed offsets (PS3.8 Table 9-11), so one encoded request per set of
presentation contexts serves every target: only the titles are put in. The others are cached by their arguments.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from dicom_exporter.attributes import ATTRIBUTES
from dicom_exporter.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN

IMPLEMENTATION_CLASS_UID = "2.25.183309741245806270345862901447109628233"
"""Ours (PS3.7 D.3.3.2): a UUID-derived UID (PS3.5 B.2), so that an archive's log can name who probed it."""
IMPLEMENTATION_VERSION = "DICOM_EXPORTER"
MAX_PDU_LENGTH = 16384
"""What we say we can receive, and what we send at most to a peer that states no limit; bytes."""

_APPLICATION_CONTEXT = b"1.2.840.10008.3.1.1.1"
_TITLE_LENGTH = 16
_LOW_PRIORITY = 2
_HAS_DATASET, _NO_DATASET = 0x0001, 0x0101
_SEQUENCE_ITEM = 0xFFFEE000
_PDV_OVERHEAD = 6
"""Bytes of a P-DATA-TF beside the fragment, of those that count for the maximum length (PS3.8 9.3.5)."""

Value: TypeAlias = str | int | Sequence[str] | Mapping[str, "Value"]
"""The value of an attribute; a mapping is the one item of a sequence."""

ProposedContext: TypeAlias = tuple[str, tuple[str, ...]]
"""An abstract syntax and the transfer syntaxes to propose it with, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """User identity with a passcode, PS3.7 D.3.3.7 (user identity type 2)."""

    username: str
    passcode: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An encoded A-ASSOCIATE-RQ, and the presentation context ID of each abstract syntax it proposes."""

    data: bytes = field(repr=False)
    context_ids: Mapping[str, int]


def associate_request(
    called_ae_title: str,
    calling_ae_title: str,
    abstract_syntaxes: Sequence[str],
    credentials: Credentials | None = None,
    storage: Sequence[ProposedContext] = (),
    others: Sequence[ProposedContext] = (),
) -> AssociateRequest:
    """Encode an A-ASSOCIATE-RQ (PS3.8 9.3.2).

    Each abstract syntax is proposed with implicit VR little endian alone, which every SCP must take (PS3.5 10.1).
    Titles are at most 16 ASCII characters. For the SOP classes of `storage` we offer to be the SCP, which a C-GET needs
    (PS3.7 D.3.3.4): a context for each, of those transfer syntaxes; the same SOP class may have several.
    `others` are proposed last, with their own transfer syntaxes.
    """
    # What is in `storage` came from the peer, so it is not kept.
    encode = _associate_template.__wrapped__ if storage else _associate_template
    template, context_ids = encode(tuple(abstract_syntaxes), credentials, tuple(storage), tuple(others))
    before, after = template
    return AssociateRequest(before + _title(called_ae_title) + _title(calling_ae_title) + after, context_ids)


@lru_cache(maxsize=64)
def _associate_template(
    abstract_syntaxes: tuple[str, ...],
    credentials: Credentials | None,
    storage: tuple[ProposedContext, ...],
    others: tuple[ProposedContext, ...],
) -> tuple[tuple[bytes, bytes], Mapping[str, int]]:
    """The bytes before and after the two AE titles (PS3.8 Table 9-11), and the context IDs."""
    contexts: list[bytes] = []
    context_ids: dict[str, int] = {}
    plain = [(abstract_syntax, (IMPLICIT_VR_LITTLE_ENDIAN,)) for abstract_syntax in abstract_syntaxes]
    for index, (abstract_syntax, transfer_syntaxes) in enumerate((*plain, *storage, *others)):
        context_id = 2 * index + 1  # odd numbers, PS3.8 9.3.2.2
        context_ids.setdefault(abstract_syntax, context_id)
        syntaxes = b"".join(_item(0x40, uid.encode()) for uid in transfer_syntaxes)
        context = struct.pack(">Bxxx", context_id) + _item(0x30, abstract_syntax.encode()) + syntaxes
        contexts.append(_item(0x20, context))
    user = [
        _item(0x51, struct.pack(">I", MAX_PDU_LENGTH)),
        _item(0x52, IMPLEMENTATION_CLASS_UID.encode()),
        _item(0x55, IMPLEMENTATION_VERSION.encode()),
    ]
    if credentials is not None:  # type 2, no positive response (PS3.7 Table D.3-14)
        user.append(
            _item(0x58, b"\2\0" + _sized(credentials.username.encode()) + _sized(credentials.passcode.encode()))
        )
    roles = dict.fromkeys(sop_class for sop_class, _ in storage)
    user += [_item(0x54, _sized(uid.encode()) + b"\0\1") for uid in roles]  # not SCU, but SCP (PS3.7 Table D.3-9)
    items = _item(0x10, _APPLICATION_CONTEXT) + b"".join(contexts) + _item(0x50, b"".join(user))
    length = 4 + 2 * _TITLE_LENGTH + 32 + len(items)
    return (struct.pack(">BxIHxx", 1, length, 1), bytes(32) + items), context_ids


def associate_accept(titles: bytes, results: Sequence[tuple[int, int, str]]) -> bytes:
    """Encode an A-ASSOCIATE-AC (PS3.8 9.3.3) to a request with these `titles`, of 32 bytes.

    `results`: context ID, what becomes of it, and its transfer syntax.
    """
    contexts = b"".join(
        _item(0x21, struct.pack(">BxBx", number, result) + _item(0x40, syntax.encode()))
        for number, result, syntax in results
    )
    user = _item(0x51, struct.pack(">I", MAX_PDU_LENGTH)) + _item(0x52, IMPLEMENTATION_CLASS_UID.encode())
    rest = _item(0x10, _APPLICATION_CONTEXT) + contexts + _item(0x50, user)
    return struct.pack(">BxIHxx", 2, 4 + 2 * _TITLE_LENGTH + 32 + len(rest), 1) + titles + bytes(32) + rest


def _item(kind: int, value: bytes) -> bytes:
    return struct.pack(">Bx", kind) + _sized(value)


def _sized(value: bytes) -> bytes:
    return struct.pack(">H", len(value)) + value


@lru_cache(maxsize=256)
def _title(title: str) -> bytes:
    encoded = title.encode("ascii")
    if not 1 <= len(encoded) <= _TITLE_LENGTH:
        raise ValueError("an AE title has 1 to 16 characters")
    return encoded.ljust(_TITLE_LENGTH)


@lru_cache(maxsize=256)
def echo_request(sop_class: str, context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-ECHO-RQ (PS3.7 9.3.5.1) as P-DATA-TF PDUs of at most `max_pdu_length` bytes (0: ours)."""
    command = _command(0x0030, _NO_DATASET, {0x0002: sop_class, 0x0110: message_id})
    return _pdus(command, True, context_id, max_pdu_length)


@lru_cache(maxsize=1024)
def find_request(sop_class: str, identifier: bytes, context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-FIND-RQ (PS3.7 9.3.2.1) with an encoded `identifier`, at low priority."""
    return _query(0x0020, sop_class, identifier, context_id, message_id, max_pdu_length)


@lru_cache(maxsize=256)
def cancel_request(context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-CANCEL-RQ (PS3.7 9.3.2.3) for the request with `message_id`."""
    return _pdus(_command(0x0FFF, _NO_DATASET, {0x0120: message_id}), True, context_id, max_pdu_length)


def get_request(sop_class: str, identifier: bytes, context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-GET-RQ (PS3.7 9.3.3.1) with an encoded `identifier`, at low priority."""
    return _query(0x0010, sop_class, identifier, context_id, message_id, max_pdu_length)


def move_request(
    sop_class: str, identifier: bytes, destination: str, context_id: int, message_id: int, max_pdu_length: int
) -> bytes:
    """Encode a C-MOVE-RQ (PS3.7 9.3.4.1) to the AE title `destination`, at low priority."""
    title = destination + " " * (len(destination) % 2)
    return _query(0x0021, sop_class, identifier, context_id, message_id, max_pdu_length, {0x0600: title})


def _query(
    field: int,
    sop_class: str,
    identifier: bytes,
    context_id: int,
    message_id: int,
    max_pdu_length: int,
    others: Mapping[int, str] | None = None,
) -> bytes:
    elements: dict[int, str | int] = {0x0002: sop_class, 0x0110: message_id, 0x0700: _LOW_PRIORITY, **(others or {})}
    command = _command(field, _HAS_DATASET, elements)
    return _pdus(command, True, context_id, max_pdu_length) + _pdus(identifier, False, context_id, max_pdu_length)


def store_command(
    sop_class: str, sop_instance_uid: str, context_id: int, message_id: int, max_pdu_length: int
) -> bytes:
    """Encode the command of a C-STORE-RQ (PS3.7 9.3.1.1); its dataset follows, as PDVs of `instances.fragments`."""
    elements: dict[int, str | int] = {0x0002: sop_class, 0x0110: message_id, 0x0700: _LOW_PRIORITY}
    elements[0x1000] = sop_instance_uid
    return _pdus(_command(0x0001, _HAS_DATASET, elements), True, context_id, max_pdu_length)


def store_response(
    sop_class: str, sop_instance_uid: str, context_id: int, message_id: int, max_pdu_length: int
) -> bytes:
    """Encode a C-STORE-RSP (PS3.7 9.3.1.2) with status Success to the request with `message_id`."""
    elements: dict[int, str | int] = {0x0002: sop_class, 0x0120: message_id, 0x0900: 0x0000, 0x1000: sop_instance_uid}
    return _pdus(_command(0x8001, _NO_DATASET, elements), True, context_id, max_pdu_length)


def _command(field: int, dataset: int, elements: Mapping[int, str | int]) -> bytes:
    """A command set (PS3.7 6.3.1, Annex E): its elements are of group 0, and each is a UID or a number of 16 bit."""
    encoded = b"".join(
        _element(element, _uid(value) if isinstance(value, str) else struct.pack("<H", value))
        for element, value in sorted({**elements, 0x0100: field, 0x0800: dataset}.items())
    )
    return _element(0, struct.pack("<I", len(encoded))) + encoded


def _pdus(message: bytes, is_command: bool, context_id: int, max_pdu_length: int) -> bytes:
    """`message` in P-DATA-TF PDUs of one fragment each; the control header says its kind, and which is the last."""
    room = (max_pdu_length or MAX_PDU_LENGTH) - _PDV_OVERHEAD
    pdus = bytearray()
    for start in range(0, len(message), room):
        fragment = message[start : start + room]
        control = is_command | (start + room >= len(message)) << 1
        pdus += struct.pack(">BxIIBB", 4, len(fragment) + 6, len(fragment) + 2, context_id, control) + fragment
    return bytes(pdus)


def encode_dataset(keys: Mapping[str, Value]) -> bytes:
    """Encode attribute keyword -> value in implicit VR little endian (PS3.5 7.1.3), such as the identifier of a C-FIND.

    A value "" makes an attribute a return key (PS3.4 C.2.2); a mapping is the one item of a sequence (PS3.4 C.2.2.2.6).
    Raises KeyError for an attribute that is not in `ATTRIBUTES`.
    """
    encoded = bytearray()
    for attribute, keyword in sorted((ATTRIBUTES[keyword], keyword) for keyword in keys):
        encoded += _element(attribute.tag, _value(attribute.vr, keys[keyword]))
    return bytes(encoded)


def _value(vr: str, value: Value) -> bytes:
    if isinstance(value, Mapping):
        return _element(_SEQUENCE_ITEM, encode_dataset(value))
    if vr == "US":
        return struct.pack("<H", value)
    text = str(value) if isinstance(value, str | int) else "\\".join(value)
    return _uid(text) if vr == "UI" else _even(text, b" ")


def _uid(text: str) -> bytes:
    return _even(text, b"\0")


def _even(text: str, padding: bytes) -> bytes:
    data = text.encode("ascii")
    return data + padding * (len(data) % 2)


def _element(tag: int, value: bytes) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value
