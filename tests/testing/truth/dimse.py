"""A DICOM port as its description says, without I/O.

State that outlasts a connection, such as how many associations were rejected as busy, is in `Port`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.testing.hostile import messages, wire
from tests.testing.hostile.parsing import Message, Reassembly, take_pdu
from tests.testing.truth.certificates import server_context
from tests.testing.truth.model import (
    CALLED,
    CT,
    EXPLICIT,
    FINDS,
    IMPLICIT,
    STUDY_GET,
    TLS,
    VERIFICATION,
    Dimse,
    End,
    Find,
    Get,
    Policy,
)
from tests.testing.truth.session import Action, Close, HandshakeFailure, HangsUp, Send, Session, TLSSession, Wait

HANG = 3600.0
"""Seconds after which an operation that hangs is answered: later than any deadline."""
_STORAGE_ROOT = "1.2.840.10008.5.1.4.1.1."
_MOST_CONTEXTS = 3
_C_GET_RQ, _C_GET_RSP, _C_MOVE_RQ, _C_MOVE_RSP = 0x0010, 0x8010, 0x0021, 0x8021
_STUDY_UID, _SERIES_UID, _INSTANCE_UID = (0x0020, 0x000D), (0x0020, 0x000E), (0x0008, 0x0018)
_SOP_CLASS, _SOP_CLASSES, _MODALITY = (0x0008, 0x0016), (0x0008, 0x0062), (0x0008, 0x0060)
_MODALITIES = (0x0008, 0x0061)
_LEVEL, _NAME, _PATIENT, _BIRTH = (0x0008, 0x0052), (0x0010, 0x0010), (0x0010, 0x0020), (0x0010, 0x0030)
_INSTANCES, _COMMENTS = (0x0020, 0x1208), (0x0020, 0x4000)
_STEPS = (0x0040, 0x0100)
_UNIQUE = frozenset({_STUDY_UID, _PATIENT, _LEVEL, _STEPS})
_VR = {
    _STUDY_UID: b"UI",
    _SERIES_UID: b"UI",
    _INSTANCE_UID: b"UI",
    _SOP_CLASS: b"UI",
    _SOP_CLASSES: b"UI",
    _MODALITY: b"CS",
    _MODALITIES: b"CS",
    _LEVEL: b"CS",
    _NAME: b"PN",
    _PATIENT: b"LO",
    _BIRTH: b"DA",
    _INSTANCES: b"IS",
    _COMMENTS: b"LT",
}


@dataclass
class Port:
    """A DICOM port and what it remembers from connection to connection."""

    dimse: Dimse
    rejected: int = 0
    aborted: int = 0
    is_busy: bool = False
    """Whether the next association is rejected."""
    aborted_finds: set[str] = field(default_factory=set)

    def connected(self) -> Session:
        """A new connection."""
        session = _Association(self)
        if self.dimse.policy is Policy.HANGS_UP:
            return HangsUp()
        match self.dimse.tls:
            case TLS.NONE:
                return session
            case TLS.NO_COMMON_CIPHER:
                return HandshakeFailure()
            case kind:
                return TLSSession(session, server_context(kind))


@dataclass(frozen=True)
class _Context:
    abstract: str
    syntax: str
    scp: bool
    """Whether the requestor offered to be the SCP of it."""


class _Association:
    """One connection."""

    def __init__(self, port: Port) -> None:
        self._port = port
        self._dimse = port.dimse
        self._buffer = bytearray()
        self._reassembly = Reassembly()
        self._contexts: dict[int, _Context] = {}
        self._done = False
        self._pending: list[tuple[Message, Find, int, _Context]] = []

    def received(self, data: bytes) -> Iterable[Action]:
        actions: list[Action] = []
        if self._done:
            return actions
        self._buffer += data
        if self._buffer[0] not in range(1, 8):
            self._done = True
            return [Close()]
        while (found := take_pdu(self._buffer)) is not None:
            for action in self._take(*found):
                if self._dimse.delay and isinstance(action, Send):
                    actions.append(Wait(self._dimse.delay))
                actions.append(action)
                if isinstance(action, Close):
                    self._done = True
                    return actions
        return actions

    def _take(self, kind: int, body: bytes) -> Iterator[Action]:
        if kind == wire.ASSOCIATE_RQ:
            yield from self._associate(body)
        elif kind == wire.P_DATA:
            for message in self._reassembly.feed(body):
                yield from self._answer(message)
        elif kind == wire.RELEASE_RQ:
            yield Send(wire.release_rp())
            yield Close()
        elif kind == wire.ABORT:
            yield Close()

    def _associate(self, body: bytes) -> Iterator[Action]:
        port, dimse = self._port, self._dimse
        called = body[4:20].decode("ascii").strip()
        proposed = list(_proposed(body))
        if port.rejected < dimse.busy:
            port.rejected += 1
            yield Send(wire.associate_rj(*dimse.busy_reason))
            yield Close()
            return
        wrong_title = dimse.policy is Policy.CHECKS_CALLED and called != CALLED
        match dimse.policy:
            case Policy.REJECTS_CALLING:
                yield Send(wire.associate_rj(1, 1, 3))
            case _ if wrong_title or dimse.policy is Policy.REJECTS_CALLED:
                yield Send(wire.associate_rj(1, 1, 7))
            case Policy.ABORTS:
                yield Send(wire.abort())
            case Policy.ABORTS_ON_MANY if len(proposed) > _MOST_CONTEXTS:
                yield Send(wire.abort())
            case Policy.ABORTS_ONCE if not port.aborted:
                port.aborted += 1
                yield Send(wire.abort())
            case Policy.REJECTS_EVERY_OTHER if port.is_busy:
                port.is_busy = False
                yield Send(wire.associate_rj(*dimse.busy_reason))
            case Policy.CLOSES:
                pass
            case Policy.NOT_DICOM:
                yield Send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
            case Policy.ACCEPTS_AND_ABORTS:
                yield Send(self._accept(body, proposed) + wire.abort())
            case Policy.ACCEPTS_THEN_ABORTS:
                yield Send(self._accept(body, proposed))
                yield Wait(0.01)
                yield Send(wire.abort())
            case Policy.ACCEPTS_AND_CLOSES:
                yield Send(self._accept(body, proposed))
            case Policy.ACCEPTS_AND_RELEASES:
                yield Send(self._accept(body, proposed) + wire.pdu(wire.RELEASE_RQ, bytes(4)))
                return
            case _:
                port.is_busy = True
                yield Send(self._accept(body, proposed))
                return
        yield Close()

    def _accept(self, body: bytes, proposed: list[tuple[int, str, list[str]]]) -> bytes:
        roles = dict(_roles(body))
        answers = b""
        for context_id, abstract, syntaxes in proposed:
            syntax = self._chosen(abstract, syntaxes)
            known = syntax is not None or self._knows(abstract)
            result = wire.ACCEPTED if syntax else wire.TRANSFER_SYNTAXES_NOT_SUPPORTED if known else 3
            answers += wire.context_answer(context_id, result, syntax or IMPLICIT)
            if syntax is not None:
                self._contexts[context_id] = _Context(abstract, syntax, roles.get(abstract, (1, 0))[1] == 1)
        granted = b"".join(
            wire.item(0x54, struct.pack(">H", len(uid)) + uid.encode() + bytes([scu, scp]))
            for uid, (scu, scp) in roles.items()
        )
        items = wire.application_context() + answers + wire.user_information(more=granted)
        return wire.pdu(wire.ASSOCIATE_AC, body[:68] + items)

    def _knows(self, abstract: str) -> bool:
        dimse = self._dimse
        if abstract == VERIFICATION:
            return dimse.echo is not None
        if abstract in FINDS:
            return abstract in dimse.finds
        if abstract == STUDY_GET:
            return dimse.get is not None
        if dimse.get is not None and abstract == dimse.get.sop_class:
            return True
        return dimse.storage and abstract.startswith(_STORAGE_ROOT)

    def _chosen(self, abstract: str, syntaxes: list[str]) -> str | None:
        """The transfer syntax that is accepted; None: none."""
        if not self._knows(abstract):
            return None
        get = self._dimse.get
        if get is not None and abstract == get.sop_class:
            taken = [get.syntax] + ([IMPLICIT, EXPLICIT] if get.converts else [])
        elif abstract in FINDS and not self._dimse.finds[abstract].implicit:
            taken = [EXPLICIT]
        elif abstract.startswith(_STORAGE_ROOT):
            taken = [EXPLICIT, IMPLICIT]
        else:
            taken = [IMPLICIT, EXPLICIT]
        return next((syntax for syntax in taken if syntax in syntaxes), None)

    def _answer(self, message: Message) -> Iterator[Action]:
        context = self._contexts[message.context_id]
        if message.kind == messages.C_ECHO_RQ:
            yield from self._echo(message)
        elif message.kind == messages.C_FIND_RQ:
            yield from self._find(message, self._dimse.finds[context.abstract], context)
        elif message.kind == _C_GET_RQ and self._dimse.get is not None:
            yield from self._get(message, self._dimse.get)
        elif message.kind == _C_MOVE_RQ:
            yield Send(_respond(message, _C_MOVE_RSP, 0xA801))

    def _echo(self, message: Message) -> Iterator[Action]:
        match self._dimse.echo:
            case End.ABORT:
                yield Send(wire.abort())
                yield Close()
                return
            case End.CLOSE:
                yield Close()
                return
            case End.HANG:
                yield Wait(HANG)
            case End.MALFORMED:
                yield Send(messages.message(message.context_id, b"\xff" * 9))
                return
        yield Send(_respond(message, messages.C_ECHO_RSP, self._dimse.echo_status))

    def _find(self, message: Message, find: Find, context: _Context) -> Iterator[Action]:
        keys = dict(_elements(message.dataset, context.syntax))
        once = self._port.aborted_finds
        if find.end is End.ABORT_ONCE and context.abstract not in once:
            once.add(context.abstract)
            yield Send(wire.abort())
            yield Close()
            return
        aborts = find.end is End.ABORT or (find.end is End.ABORT_ON_OPTIONAL_KEYS and not keys.keys() <= _UNIQUE)
        if aborts:
            yield Send(wire.abort())
        if aborts or find.end is End.CLOSE:
            yield Close()
            return
        asked = keys.get(_STUDY_UID, b"").strip(b"\0 ")
        if find.end is End.HANG or (find.end is End.HANG_ON_UNKNOWN and asked and asked not in _known_uids()):
            yield Wait(HANG)
        if find.end is End.MALFORMED:
            yield Send(messages.message(message.context_id, b"\xff" * 9))
            return
        refuses = find.status not in (0x0000, 0xB001)
        refused = refuses and not (find.too_much and asked)
        matched = () if refused else _matched(find, keys, context)
        data = b""
        for number in matched:
            dataset = _dataset(find, keys, number, context.syntax, self._dimse.get)
            data += _respond(message, messages.C_FIND_RSP, find.pending, dataset)
        if find.end is End.ABORT_AFTER_MATCHES and matched:
            yield Send(data)
            yield Send(wire.abort())
            yield Close()
            return
        if find.end is End.FAILURE_AFTER_MATCHES:
            yield Send(data + _respond(message, messages.C_FIND_RSP, 0xA700))
            return
        listed_all = find.status == 0xB001 and len(matched) < find.matches
        ended_well = listed_all or (refuses and not refused)
        yield Send(data + _respond(message, messages.C_FIND_RSP, 0x0000 if ended_well else find.status))

    def _get(self, message: Message, get: Get) -> Iterator[Action]:
        match get.end:
            case End.ABORT:
                yield Send(wire.abort())
                yield Close()
                return
            case End.HANG:
                yield Wait(HANG)
        if get.refusal is not None:
            yield Send(_respond(message, _C_GET_RSP, get.refusal))
            return
        keys = dict(implicit_elements(message.dataset))
        usable = [
            (context_id, context)
            for context_id, context in self._contexts.items()
            if context.abstract == get.sop_class and context.scp
        ]
        if keys.get(_STUDY_UID, b"").strip(b"\0 ") not in _known_uids():
            yield Send(_respond(message, _C_GET_RSP, 0x0000))
        elif not usable:
            yield Send(_respond(message, _C_GET_RSP, 0xA702))  # unable to perform sub-operations
        else:
            context_id, _ = usable[0]
            command = messages.command_set(
                {
                    0x0002: messages.uid(get.sop_class),
                    0x0100: messages.C_STORE_RQ,
                    0x0110: 1,
                    0x0700: 0,
                    0x0800: 1,
                    0x1000: messages.uid("1.2.3.0.1.1"),
                }
            )
            yield Send(messages.message(context_id, command, b"\x08\0\x16\0" + bytes(4000)))


def _matched(find: Find, keys: dict[tuple[int, int], bytes], context: _Context) -> range:
    """The matches to send, by number."""
    asked = keys.get(_STUDY_UID, b"").strip(b"\0 ")
    if not find.ignores_keys and keys.get(_MODALITIES, b"").strip() not in (b"", b"CT"):
        return range(0)
    if find.ignores_keys or not asked:
        return range(find.matches)
    known = _known_uids()
    return range(known[asked], known[asked] + 1) if asked in known and known[asked] < find.matches else range(0)


def _known_uids() -> dict[bytes, int]:
    return {f"1.2.3.{number}".encode(): number for number in range(200)}


def _dataset(find: Find, keys: dict[tuple[int, int], bytes], number: int, syntax: str, get: Get | None) -> bytes:
    """A match: what was asked for, as far as the server has it."""
    sop_class = CT if get is None else get.sop_class
    values = {
        _LEVEL: keys.get(_LEVEL, b""),
        _STUDY_UID: f"1.2.3.{number}".encode(),
        _SERIES_UID: f"1.2.3.{number}.1".encode(),
        _INSTANCE_UID: f"1.2.3.{number}.1.1".encode(),
        _SOP_CLASS: sop_class.encode(),
        _SOP_CLASSES: sop_class.encode(),
        _MODALITY: b"CT",
        _MODALITIES: b"CT",
        _NAME: b"SYNTHETIC^ONE" if find.names else b"",
        _PATIENT: f"SYN-{number}".encode() if find.names else b"",
        _BIRTH: b"19700101" if find.names else b"",
    }
    if find.instances is not None and (number or find.instances_of_first):
        values[_INSTANCES] = find.instances.encode()
    if find.huge and number == 0:
        values[_COMMENTS] = b"x" * (1_200_000 if syntax == IMPLICIT else 60_000)
    if not find.shows_modality:
        del values[_MODALITIES]
    shown = [tag for tag in values if tag in keys or tag in (_STUDY_UID, _LEVEL, _COMMENTS)]
    shown.sort(reverse=find.out_of_order)
    return b"".join(_element(tag, values[tag], syntax) for tag in shown)


def _element(tag: tuple[int, int], value: bytes, syntax: str) -> bytes:
    vr = _VR[tag]
    value += (b"\0" if vr == b"UI" else b" ") * (len(value) % 2)
    if syntax == IMPLICIT:
        return struct.pack("<HHI", *tag, len(value)) + value
    return struct.pack("<HH2sH", *tag, vr, len(value)) + value


def _elements(data: bytes, syntax: str) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The elements of an identifier; of a sequence only that it is there."""
    if syntax == IMPLICIT:
        yield from implicit_elements(data)
        return
    while data:
        group, number, vr, length = struct.unpack_from("<HH2sH", data)
        head = 8
        if vr in (b"SQ", b"OB", b"OW", b"UN", b"UT"):
            (length,) = struct.unpack_from("<I", data, 8)
            head = 12
        if length == 0xFFFFFFFF:
            length = len(data) - head
        yield (group, number), data[head : head + length]
        data = data[head + length :]


def implicit_elements(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The elements of a dataset in implicit VR little endian."""
    while data:
        group, number, length = struct.unpack_from("<HHI", data)
        if length == 0xFFFFFFFF:
            length = len(data) - 8
        yield (group, number), data[8 : 8 + length]
        data = data[8 + length :]


def _respond(message: Message, kind: int, status: int, dataset: bytes | None = None) -> bytes:
    command = messages.response(
        kind, message.message_id, status, sop_class=message.sop_class, dataset=dataset is not None
    )
    return messages.message(message.context_id, command, dataset)


def _proposed(body: bytes) -> Iterator[tuple[int, str, list[str]]]:
    """The presentation contexts of an A-ASSOCIATE-RQ: ID, abstract syntax, transfer syntaxes."""
    for kind, content in _items(body[68:]):
        if kind == 0x20:
            items = list(_items(content[4:]))
            abstract = next(value for item, value in items if item == 0x30)
            yield content[0], _text(abstract), [_text(value) for item, value in items if item == 0x40]


def _roles(body: bytes) -> Iterator[tuple[str, tuple[int, int]]]:
    """The role selections of an A-ASSOCIATE-RQ (PS3.7 D.3.3.4): SOP class -> SCU role, SCP role."""
    for kind, content in _items(body[68:]):
        if kind == 0x50:
            for item, value in _items(content):
                if item == 0x54:
                    yield _text(value[2:-2]), (value[-2], value[-1])


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        kind, length = struct.unpack_from(">BxH", data)
        yield kind, data[4 : 4 + length]
        data = data[4 + length :]


def _text(value: bytes) -> str:
    return value.decode("ascii").rstrip("\0 ")
