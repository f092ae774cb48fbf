"""The PDUs of PS3.8 9.3 as bytes, right or wrong: every field may be set to what no honest peer would send.

Plain functions without I/O, so that unit tests can use the bytes without a socket. Nothing here is taken from the code
under test, or the two would agree on the same mistake.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
"""PDU types."""

IMPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2"
EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
ACCEPTED, USER_REJECTION, NO_REASON, ABSTRACT_SYNTAX_NOT_SUPPORTED, TRANSFER_SYNTAXES_NOT_SUPPORTED = range(5)
"""Results of a presentation context (PS3.8 9.3.3.2)."""


def pdu(kind: int, body: bytes, *, length: int | None = None) -> bytes:
    """One PDU; `length` overrides the number of bytes that its header announces."""
    return struct.pack(">BxI", kind, len(body) if length is None else length) + body


def item(kind: int, body: bytes, *, length: int | None = None) -> bytes:
    """One item or sub-item of an association PDU; `length` overrides what it announces."""
    return struct.pack(">BxH", kind, len(body) if length is None else length) + body


def title(text: str) -> bytes:
    """An AE title: 16 bytes, padded with spaces (PS3.8 Table 9-11)."""
    return text.encode("ascii").ljust(16)[:16]


def application_context(uid: str = APPLICATION_CONTEXT) -> bytes:
    """The application context item (PS3.8 9.3.2.1)."""
    return item(0x10, uid.encode())


def context_answer(
    context_id: int, result: int = ACCEPTED, transfer_syntax: str | None = IMPLICIT_VR_LITTLE_ENDIAN
) -> bytes:
    """A presentation context item of an A-ASSOCIATE-AC (PS3.8 9.3.3.2); a None leaves the transfer syntax out."""
    syntax = b"" if transfer_syntax is None else item(0x40, transfer_syntax.encode())
    return item(0x21, struct.pack(">BxBx", context_id, result) + syntax)


def user_information(
    *,
    max_pdu: int | None = 16384,
    implementation_class_uid: str | None = "2.25.104",
    implementation_version: str | None = "HOSTILE_1",
    more: bytes = b"",
) -> bytes:
    """The user information item (PS3.7 D.3.3); a None leaves that sub-item out, `more` is put at the end."""
    body = b"" if max_pdu is None else item(0x51, struct.pack(">I", max_pdu))
    body += b"" if implementation_class_uid is None else item(0x52, implementation_class_uid.encode())
    body += b"" if implementation_version is None else item(0x55, implementation_version.encode())
    return item(0x50, body + more)


def associate_ac_of(items: bytes, *, called: str = "ANY-SCP", calling: str = "PROMETHEUS") -> bytes:
    """An A-ASSOCIATE-AC with any bytes for its items (PS3.8 Table 9-17)."""
    return pdu(ASSOCIATE_AC, struct.pack(">Hxx", 1) + title(called) + title(calling) + bytes(32) + items)


def associate_ac(contexts: Mapping[int, int], *, user: bytes | None = None, called: str = "ANY-SCP") -> bytes:
    """An A-ASSOCIATE-AC that answers each context ID with a result."""
    answers = b"".join(context_answer(context_id, result) for context_id, result in contexts.items())
    information = user_information() if user is None else user
    return associate_ac_of(application_context() + answers + information, called=called)


def associate_rq(contexts: Mapping[int, str], *, called: str = "ANY-SCP", calling: str = "PROMETHEUS") -> bytes:
    """An A-ASSOCIATE-RQ that proposes each context ID with an abstract syntax, in implicit VR little endian."""
    proposals = b"".join(
        item(0x20, struct.pack(">Bxxx", context_id) + item(0x30, uid.encode()) + item(0x40, b"1.2.840.10008.1.2"))
        for context_id, uid in contexts.items()
    )
    head = struct.pack(">Hxx", 1) + title(called) + title(calling) + bytes(32)
    return pdu(ASSOCIATE_RQ, head + application_context() + proposals + user_information())


def associate_rj(result: int, source: int, reason: int) -> bytes:
    """An A-ASSOCIATE-RJ (PS3.8 Table 9-21)."""
    return pdu(ASSOCIATE_RJ, struct.pack(">xBBB", result, source, reason))


def abort(source: int = 0, reason: int = 0) -> bytes:
    """An A-ABORT (PS3.8 Table 9-26)."""
    return pdu(ABORT, struct.pack(">xxBB", source, reason))


def release_rq() -> bytes:
    """An A-RELEASE-RQ."""
    return pdu(RELEASE_RQ, bytes(4))


def release_rp() -> bytes:
    """An A-RELEASE-RP."""
    return pdu(RELEASE_RP, bytes(4))


def pdv(context_id: int, fragment: bytes, *, command: bool, last: bool, length: int | None = None) -> bytes:
    """A presentation data value item (PS3.8 9.3.5.1 and Annex E); `length` overrides what it announces."""
    announced = len(fragment) + 2 if length is None else length
    return struct.pack(">IBB", announced, context_id, command | last << 1) + fragment


def p_data(*pdvs: bytes) -> bytes:
    """One P-DATA-TF."""
    return pdu(P_DATA, b"".join(pdvs))


def fragments(data: bytes, size: int) -> Iterable[tuple[bytes, bool]]:
    """`data` in pieces of at most `size` bytes, each with whether it is the last."""
    for start in range(0, max(1, len(data)), size):
        yield data[start : start + size], start + size >= len(data)
