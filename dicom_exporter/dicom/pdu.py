"""Protocol data units as a peer sends them, PS3.8 9.3: cut out of the byte stream, and read with bounds.

```
 0     1          2 .. 5            6 ...
+------+----------+----------------+------------------------------+
| type | reserved | length, 32 bit | `length` bytes, by type      |
+------+----------+----------------+------------------------------+
```

Only what an association requestor can receive is read. Nothing here trusts a length: each is compared with what is
really there and with `Limits` before it is used, and whatever does not fit raises `ProtocolViolation` or `NotDicom`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from types import MappingProxyType

from dicom_exporter.dicom.errors import LimitExceeded, NotDicom, ProtocolViolation
from dicom_exporter.enums import RejectReason, RejectResult, RejectSource
from dicom_exporter.results import Rejection
from dicom_exporter.text import HIDDEN, SafeText

HEADER_LENGTH = 6
HEADER = struct.Struct(">BxI")
_ITEM = struct.Struct(">BxH")
_REMEMBERED_LENGTH = 2048
"""Bytes of an A-ASSOCIATE-AC that is kept to be known again; the longest honest one of 128 contexts has 4,000."""
_USER_IDENTITY_RESPONSE = re.compile(rb"\x59.[\0-\x07]", re.DOTALL)
"""What such a sub-item begins with if it is not over `_REMEMBERED_LENGTH` (PS3.7 D.3.3.7.2): type, a reserved byte,
length. We ask for none; one that comes all the same is not kept."""
_ASSOCIATE_FIXED_LENGTH = 68
"""Protocol version, two AE titles and reserved bytes before the first item, PS3.8 Table 9-17."""
_NO_TEXT = SafeText("")


class PDUType(IntEnum):
    """First byte of a PDU, PS3.8 9.3."""

    ASSOCIATE_RQ = 0x01
    ASSOCIATE_AC = 0x02
    ASSOCIATE_RJ = 0x03
    P_DATA_TF = 0x04
    RELEASE_RQ = 0x05
    RELEASE_RP = 0x06
    ABORT = 0x07


PDU_TYPES = {int(pdu_type): pdu_type for pdu_type in PDUType}


@dataclass(frozen=True, slots=True)
class Limits:
    """What we let a peer make us read. More than that is `LimitExceeded`."""

    pdu_length: int = 256 * 1024
    """Bytes of one PDU. We announce 16 KiB; this leaves room for peers that do not listen."""
    message_length: int = 1024 * 1024
    """Bytes of one DIMSE message, command and dataset each."""
    fragments_per_message: int = 1024
    """Presentation data values of one command or dataset."""
    fragments: int = 2048
    """Presentation data values of a whole association that are part of a command or dataset, and not all of it."""
    released_bytes: int = 64 * 1024
    """Bytes that may come after our A-RELEASE-RQ."""
    associate_items: int = 512
    """Items and sub-items of an A-ASSOCIATE-AC. 128 presentation contexts can exist (odd numbers up to 255), and DCMTK
    answers the role of a SOP class once for each of its contexts."""
    association_bytes: int = 1024 * 1024
    """Bytes of a whole association, without what queries allow for their matches."""


DEFAULT_LIMITS = Limits()


class ContextResult(IntEnum):
    """Result of one presentation context, PS3.8 Table 9-18."""

    ACCEPTED = 0
    USER_REJECTION = 1
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4


@dataclass(frozen=True, slots=True)
class AcceptedContext:
    """One presentation context of an A-ASSOCIATE-AC; `transfer_syntax` means something only if `result` is 0."""

    result: int
    transfer_syntax: str


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC, PS3.8 9.3.3."""

    contexts: Mapping[int, AcceptedContext]
    """Presentation context ID -> result."""
    max_pdu_length: int = 0
    """Largest P-DATA-TF PDU body that the peer takes, in bytes; 0 for no limit (PS3.8 D.1)."""
    implementation_class_uid: SafeText = _NO_TEXT
    implementation_version: SafeText = _NO_TEXT


_RESULTS = {1: RejectResult.PERMANENT, 2: RejectResult.TRANSIENT}
_SOURCES = {
    1: RejectSource.SERVICE_USER,
    2: RejectSource.SERVICE_PROVIDER_ACSE,
    3: RejectSource.SERVICE_PROVIDER_PRESENTATION,
}
_REASONS = {
    (1, 1): RejectReason.NO_REASON_GIVEN,
    (1, 2): RejectReason.APPLICATION_CONTEXT_NAME_NOT_SUPPORTED,
    (1, 3): RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED,
    (1, 7): RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED,
    (2, 1): RejectReason.NO_REASON_GIVEN,
    (2, 2): RejectReason.PROTOCOL_VERSION_NOT_SUPPORTED,
    (3, 1): RejectReason.TEMPORARY_CONGESTION,
    (3, 2): RejectReason.LOCAL_LIMIT_EXCEEDED,
}
"""(source, reason) -> meaning, PS3.8 Table 9-21."""


_MOMENTARY = frozenset({(3, 1), (3, 2)})
"""(source, reason) of temporary congestion and of a local limit."""


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ, PS3.8 9.3.4; the codes as they came."""

    result: int
    source: int
    reason: int

    @property
    def transient(self) -> bool:
        """Whether the peer says that it may work later: by the result; or by a reason that is about this moment, which
        some servers send with the result of a permanent rejection.
        """
        return self.result == 2 or (self.source, self.reason) in _MOMENTARY

    @property
    def rejection(self) -> Rejection:
        """The codes in the words of PS3.8 Table 9-21. Servers send codes it does not list: those are ``unlisted``."""
        return Rejection(
            result=_RESULTS.get(self.result, RejectResult.UNLISTED),
            source=_SOURCES.get(self.source, RejectSource.UNLISTED),
            reason=_REASONS.get((self.source, self.reason), RejectReason.UNLISTED),
        )


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT, PS3.8 9.3.8; the codes of Table 9-26 as they came."""

    source: int
    reason: int


class PDUBuffer:
    """Bytes in any pieces -> whole PDUs.

    What has not made a whole PDU yet is kept, at most `Limits.pdu_length` of it, and not looked at again before enough
    has come: a peer that sends byte by byte costs one append a byte.
    """

    __slots__ = ("_kept", "_limits", "_needed", "_seen")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kept = bytearray()
        self._needed = 1
        self._seen = False

    def cut(self, data: bytes) -> Iterator[tuple[PDUType, bytes, int, int]]:
        """Yield (type, bytes, start, stop) of each PDU that `data` completes; the body is ``bytes[start:stop]``.

        Raises:
            NotDicom: the very first byte is not a PDU type.
            ProtocolViolation: a later PDU has no type of PS3.8, or is over the limit.
        """
        if self._kept:
            self._kept += data
            if len(self._kept) < self._needed:
                return
            data = bytes(self._kept)
            self._kept.clear()
        position = 0
        end = len(data)
        while position < end:
            pdu_type = PDU_TYPES.get(data[position])
            if pdu_type is None:
                if self._seen:
                    raise ProtocolViolation("unknown PDU type")
                raise NotDicom("the first byte is not a PDU type")
            body = position + HEADER_LENGTH
            if body > end:
                self._needed = HEADER_LENGTH
                break
            length = HEADER.unpack_from(data, position)[1]
            if length > self._limits.pdu_length:
                raise LimitExceeded("PDU length over our limit")
            if body + length > end:
                self._needed = HEADER_LENGTH + length
                break
            self._seen = True
            position = body + length
            yield pdu_type, data, body, position
        if position < end:
            self._kept += data[position:]


def parse_accept(body: bytes, limits: Limits) -> AssociateAccept:
    """Read the body of an A-ASSOCIATE-AC (PS3.8 9.3.3).

    Unknown items are skipped, as the standard asks; what lies about its length is a `ProtocolViolation`.
    """
    if len(body) < _ASSOCIATE_FIXED_LENGTH:
        raise ProtocolViolation("A-ASSOCIATE-AC is too short")
    items = body[_ASSOCIATE_FIXED_LENGTH:]
    if len(items) > _REMEMBERED_LENGTH or _USER_IDENTITY_RESPONSE.search(items):
        return _read_accept(items, limits.associate_items)
    return _read_known_accept(items, limits.associate_items, HIDDEN.generation)


def _read_accept(items: bytes, budget: int, _generation: int = 0) -> AssociateAccept:
    """What `parse_accept` returns for `items`, of which there may be `budget`."""
    contexts: dict[int, AcceptedContext] = {}
    user_information: dict[int, bytes] = {}
    for item_type, item in items_of(items):
        budget -= 1
        if item_type == 0x21:
            if len(item) < 4:
                raise ProtocolViolation("presentation context item is too short")
            # Table 9-18: only of an accepted context is the transfer syntax significant, else it is not to be tested.
            accepted = item[2] == ContextResult.ACCEPTED
            syntax = dict(items_of(item[4:])).get(0x40, b"") if accepted else b""
            contexts.setdefault(item[0], AcceptedContext(item[2], SafeText(syntax)))
        elif item_type == 0x50:
            for sub_type, sub_item in items_of(item):
                budget -= 1
                user_information.setdefault(sub_type, sub_item)
                if budget < 0:
                    break
        if budget < 0:
            raise LimitExceeded("A-ASSOCIATE-AC has more items than we read")
    maximum = user_information.get(0x51, b"")
    if maximum and len(maximum) != 4:
        raise ProtocolViolation("maximum length sub-item is not 4 bytes")
    return AssociateAccept(
        contexts=MappingProxyType(contexts),
        max_pdu_length=int.from_bytes(maximum, "big"),
        implementation_class_uid=SafeText(user_information.get(0x52, b"")),
        implementation_version=SafeText(user_information.get(0x55, b"")),
    )


_read_known_accept = lru_cache(maxsize=256)(_read_accept)
"""Archives of one make, asked the same, all send the same: ten thousand of them send a few different ones."""


def parse_reject(body: bytes) -> AssociateReject:
    """Read the body of an A-ASSOCIATE-RJ (PS3.8 9.3.4)."""
    if len(body) != 4:
        raise ProtocolViolation("A-ASSOCIATE-RJ is not 4 bytes")
    return AssociateReject(result=body[1], source=body[2], reason=body[3])


def parse_abort(body: bytes) -> Abort:
    """Read the body of an A-ABORT (PS3.8 9.3.8)."""
    if len(body) != 4:
        raise ProtocolViolation("A-ABORT is not 4 bytes")
    return Abort(source=body[2], reason=body[3])


def items_of(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, value) of each item or sub-item: type, a reserved byte, 16 bit length, value (PS3.8 9.3.2 ff)."""
    position = 0
    while position < len(data):
        if position + 4 > len(data):
            raise ProtocolViolation("item is cut short")
        item_type, length = _ITEM.unpack_from(data, position)
        position += 4
        if position + length > len(data):
            raise ProtocolViolation("item is longer than what holds it")
        yield item_type, data[position : position + length]
        position += length
