"""What the client under test sent, taken apart: enough to answer it, and to assert what it said."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tests.testing.hostile import wire


@dataclass(frozen=True, slots=True)
class Proposal:
    """An A-ASSOCIATE-RQ."""

    called: str
    calling: str
    contexts: Mapping[int, str]
    """Presentation context ID -> abstract syntax."""
    user_information: Mapping[int, bytes] = field(default_factory=dict)
    """Sub-item type -> its body (the last one of that type)."""


@dataclass(frozen=True, slots=True)
class Message:
    """A DIMSE request."""

    context_id: int
    command: Mapping[int, bytes]
    """Element number in group 0000 -> value."""
    dataset: bytes

    @property
    def kind(self) -> int:
        return self._number(0x0100)

    @property
    def message_id(self) -> int:
        return self._number(0x0110)

    @property
    def sop_class(self) -> str:
        return self.command.get(0x0002, b"").decode().rstrip("\0 ")

    @property
    def has_dataset(self) -> bool:
        return self._number(0x0800) != 0x0101

    def asks_for(self, tag: tuple[int, int]) -> bool:
        return any(found == tag for found, _ in elements(self.dataset))

    def _number(self, element: int) -> int:
        value: int = struct.unpack("<H", self.command[element])[0]
        return value


def take_pdu(buffer: bytearray) -> tuple[int, bytes] | None:
    """Remove the first PDU from `buffer`: its type and body, or None if it is not all there yet."""
    if len(buffer) < 6:
        return None
    kind, length = struct.unpack_from(">BxI", buffer)
    if len(buffer) < 6 + length:
        return None
    body = bytes(buffer[6 : 6 + length])
    del buffer[: 6 + length]
    return kind, body


def parse_proposal(body: bytes) -> Proposal:
    """The body of an A-ASSOCIATE-RQ (PS3.8 Table 9-11)."""
    contexts: dict[int, str] = {}
    user: dict[int, bytes] = {}
    for kind, content in _items(body[68:]):
        if kind == 0x20:
            syntaxes = dict(_items(content[4:]))
            contexts[content[0]] = syntaxes[0x30].decode().rstrip("\0 ")
        elif kind == 0x50:
            user = dict(_items(content))
    return Proposal(body[4:20].decode().strip(), body[20:36].decode().strip(), contexts, user)


def parse_pdvs(body: bytes) -> Iterator[tuple[int, bool, bool, bytes]]:
    """The items of a P-DATA-TF: context ID, whether command, whether last, fragment."""
    while body:
        length, context_id, header = struct.unpack_from(">IBB", body)
        yield context_id, bool(header & 1), bool(header & 2), body[6 : 4 + length]
        body = body[4 + length :]


def elements(data: bytes) -> Iterator[tuple[tuple[int, int], bytes]]:
    """The elements of a dataset in implicit VR little endian; a sequence is one element, its value whole."""
    while data:
        group, number, length = struct.unpack_from("<HHI", data)
        if length == 0xFFFFFFFF:  # a sequence without a length: nothing after it is needed here
            length = len(data) - 8
        yield (group, number), data[8 : 8 + length]
        data = data[8 + length :]


class Reassembly:
    """Puts messages together from fragments (PS3.8 Annex E)."""

    def __init__(self) -> None:
        self._command = bytearray()
        self._dataset = bytearray()
        self._head: Message | None = None

    def feed(self, body: bytes) -> Iterator[Message]:
        """Take the body of one P-DATA-TF and yield each message that is now complete."""
        for context_id, is_command, last, fragment in parse_pdvs(body):
            (self._command if is_command else self._dataset).extend(fragment)
            if not last:
                continue
            if is_command:
                command = {tag[1]: value for tag, value in elements(bytes(self._command))}
                self._head = Message(context_id, command, b"")
                self._command.clear()
            assert self._head is not None, "a dataset came before its command"
            if is_command and self._head.has_dataset:
                continue
            yield Message(context_id, self._head.command, bytes(self._dataset))
            self._dataset.clear()
            self._head = None


def _items(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        kind, length = struct.unpack_from(">BxH", data)
        yield kind, data[4 : 4 + length]
        data = data[4 + length :]


KNOWN_PDUS = range(wire.ASSOCIATE_RQ, wire.ABORT + 1)
