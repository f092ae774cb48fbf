"""DIMSE messages as a peer sends them, PS3.7 6.3 and 9.3: fragments put together, command sets read.

A message is a command set and, if that says so, a dataset; each travels in one or more presentation data values (PDVs).
The command set is always implicit VR little endian (PS3.7 6.3.1). Datasets stay bytes here.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import NamedTuple

from dicom_exporter.dicom.errors import LimitExceeded, ProtocolViolation
from dicom_exporter.dicom.pdu import Limits
from dicom_exporter.dicom.uids import SERVICES

_PDV = struct.Struct(">IBB")
_PDV_HEADER_LENGTH = 6
_COMMAND_BIT = 1
_LAST_BIT = 2
_ELEMENT = struct.Struct("<HHI")
_NO_DATASET = 0x0101

C_ECHO_RSP = 0x8030
C_FIND_RSP = 0x8020
C_STORE_RQ = 0x0001
C_STORE_RSP = 0x8001
C_GET_RSP = 0x8010
C_MOVE_RSP = 0x8021

_COMMAND_FIELD = 0x0100
_MESSAGE_ID = 0x0110
_MESSAGE_ID_BEING_RESPONDED_TO = 0x0120
_COMMAND_DATA_SET_TYPE = 0x0800
_STATUS = 0x0900
_COMPLETED_SUBOPERATIONS = 0x1021
_FAILED_SUBOPERATIONS = 0x1022
_SUBOPERATIONS = frozenset({0x1020, _COMPLETED_SUBOPERATIONS, _FAILED_SUBOPERATIONS, 0x1023})
"""Numbers in a C-GET-RSP (PS3.7 9.3.3.2), US like the others; one that is not two bytes is passed over."""
_GROUP_LENGTH = 0x0000
_AFFECTED_SOP_CLASS_UID = 0x0002
_MOST_REMEMBERED = 256
"""Commands that are kept to be known again."""
_REMEMBERED_LENGTH = 512
"""Bytes of one of those; an honest one has about 100."""
_READ = frozenset({_COMMAND_FIELD, _MESSAGE_ID, _MESSAGE_ID_BEING_RESPONDED_TO, _COMMAND_DATA_SET_TYPE, _STATUS})
"""Elements of group 0000 that we read, all US: two bytes, one value."""
_SOP_CLASSES = frozenset(uid.encode() for uid in SERVICES)


@dataclass(frozen=True, slots=True)
class Command:
    """What we read of a command set (PS3.7 Annex E). None: the peer did not send that element."""

    field: int
    message_id_being_responded_to: int | None
    has_dataset: bool
    status: int | None
    completed_suboperations: int | None = None
    failed_suboperations: int | None = None
    message_id: int | None = None
    """Of a request."""


class Message(NamedTuple):
    """One whole DIMSE message. A tuple, as a C-FIND brings hundreds of thousands a second."""

    context_id: int
    command: Command
    dataset: bytes | None


def parse_command(data: bytes) -> Command:
    """Read a command set (PS3.7 6.3.1): implicit VR little endian, group 0000, tags in ascending order.

    Raises:
        ProtocolViolation: an element lies about its length, or the command has no (0000,0100) or (0000,0800).
    """
    return _read_command(data)[0]


def _read_command(data: bytes) -> tuple[Command, bool]:
    """The command in `data`, and whether there is nothing in it that could be about a patient.

    An archive may write what it likes into an Error Comment (0000,0902), and an instance UID is somebody's.
    """
    values: dict[int, int] = {}
    impersonal = True
    position = 0
    end = len(data)
    while position < end:
        if position + 8 > end:
            raise ProtocolViolation("command element is cut short")
        group, element, length = _ELEMENT.unpack_from(data, position)
        position += 8
        if length > end - position:
            raise ProtocolViolation("command element is longer than its command")
        if group != 0:
            raise ProtocolViolation("command set has an element outside group 0000")
        if element in _READ:
            if length != 2:
                raise ProtocolViolation("command element is not two bytes")
            values[element] = data[position] | data[position + 1] << 8
        elif element in _SUBOPERATIONS and length == 2:
            values[element] = data[position] | data[position + 1] << 8
        elif element == _AFFECTED_SOP_CLASS_UID:
            impersonal &= data[position : position + length].rstrip(b"\0 ") in _SOP_CLASSES
        else:
            impersonal &= element == _GROUP_LENGTH and length == 4
        position += length
    try:
        command = Command(
            field=values[_COMMAND_FIELD],
            message_id_being_responded_to=values.get(_MESSAGE_ID_BEING_RESPONDED_TO),
            has_dataset=values[_COMMAND_DATA_SET_TYPE] != _NO_DATASET,
            status=values.get(_STATUS),
            completed_suboperations=values.get(_COMPLETED_SUBOPERATIONS),
            failed_suboperations=values.get(_FAILED_SUBOPERATIONS),
            message_id=values.get(_MESSAGE_ID),
        )
    except KeyError:
        raise ProtocolViolation("command set lacks its field or its dataset type") from None
    return command, impersonal


_known: dict[bytes, Command] = {}
"""The responses of a C-FIND repeat one byte for byte, and every archive answers the first C-ECHO with the same."""


def _read_known_command(data: bytes) -> Command:
    command = _known.get(data)
    if command is None:
        command, impersonal = _read_command(data)
        if impersonal and len(data) <= _REMEMBERED_LENGTH:
            if len(_known) >= _MOST_REMEMBERED:
                del _known[next(iter(_known))]
            _known[data] = command
    return command


class MessageAssembler:
    """PDVs in any fragmentation -> messages.

    One message at a time, as we have one operation at a time (PS3.7 6.3.1: fragments of two messages do not
    interleave).
    """

    __slots__ = ("_command", "_context_id", "_fragments", "_length", "_limits", "fragments_left")

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.fragments_left = limits.fragments
        """Raise it by what an operation may bring."""
        self._fragments: list[bytes] = []
        self._length = 0
        self._context_id = 0
        self._command: Command | None = None
        """The command whose dataset is due; None while a command is due."""

    @property
    def partial(self) -> tuple[Command, int] | None:
        """The command whose dataset is arriving, and how many bytes of that are here; None if none is."""
        return None if self._command is None else (self._command, self._length)

    def receive(self, data: bytes, start: int, stop: int, messages: list[Message]) -> None:
        """Read the P-DATA-TF body ``data[start:stop]`` (PS3.8 9.3.5) and append the messages it completes.

        Raises:
            ProtocolViolation: a PDV lies about its length, comes out of turn, or the message is over a limit.
        """
        if start == stop:
            raise ProtocolViolation("P-DATA-TF without a PDV")
        while start < stop:
            if start + _PDV_HEADER_LENGTH > stop:
                raise ProtocolViolation("PDV is cut short")
            length, context_id, control = _PDV.unpack_from(data, start)
            end = start + 4 + length
            if length < 2 or end > stop:
                raise ProtocolViolation("PDV length does not fit its PDU")
            fragment = data[start + _PDV_HEADER_LENGTH : end]
            start = end
            command = self._command
            if (control & _COMMAND_BIT != 0) is not (command is None):
                raise ProtocolViolation("command and dataset fragments out of turn")
            if (self._fragments or command is not None) and context_id != self._context_id:
                raise ProtocolViolation("fragments of one message in two presentation contexts")
            self._context_id = context_id
            if self._fragments or not control & _LAST_BIT:
                whole = self._join(fragment, last=control & _LAST_BIT != 0)
                if whole is None:
                    continue
                fragment = whole
            elif len(fragment) > self._limits.message_length:
                raise LimitExceeded("message over our limit")
            if command is None:
                command = _read_known_command(fragment)
                if command.has_dataset:
                    self._command = command
                else:
                    messages.append(Message(context_id, command, None))
            else:
                self._command = None
                messages.append(Message(context_id, command, fragment))

    def _join(self, fragment: bytes, *, last: bool) -> bytes | None:
        self._fragments.append(fragment)
        self._length += len(fragment)
        self.fragments_left -= 1
        if self.fragments_left < 0:
            raise LimitExceeded("more fragments than an association may bring")
        if self._length > self._limits.message_length or len(self._fragments) > self._limits.fragments_per_message:
            raise LimitExceeded("message over our limit")
        if not last:
            return None
        whole = b"".join(self._fragments)
        self._fragments.clear()
        self._length = 0
        return whole
