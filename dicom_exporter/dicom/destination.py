"""Where an archive sends what a C-MOVE asks for: an AE of ours, while one C-MOVE lasts (PS3.4 C.4.2, PS3.8 9.3).

```
another address ──────────────────> closed
A-ASSOCIATE-RQ ─ another AE title ─> A-ASSOCIATE-RJ
C-STORE-RQ ───── another instance ─> A-ABORT
                 the instance ────> Success, and `arrived`
```

Whoever else calls is refused, and changes nothing of what is known. Connections, bytes and time are bounded.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Collection
from dataclasses import dataclass

from dicom_exporter.config.values.network import IPAddress, SocketAddress, unmapped
from dicom_exporter.dicom import requests
from dicom_exporter.dicom.association import ABORT, RELEASE_RP
from dicom_exporter.dicom.dimse import C_STORE_RQ, Message, MessageAssembler
from dicom_exporter.dicom.errors import LimitExceeded
from dicom_exporter.dicom.pdu import DEFAULT_LIMITS, HEADER, HEADER_LENGTH, PDUType, items_of
from dicom_exporter.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN, SECONDARY_CAPTURE, UNCOMPRESSED
from dicom_exporter.net.errors import ProbeEnded

_SOP_INSTANCE_UID = struct.pack("<HH", 0x0008, 0x0018)
_MOST_CALLERS = 4
"""Connections at once."""
_MOST_BYTES = 4 * DEFAULT_LIMITS.message_length
"""Bytes of one connection."""
_FIXED_LENGTH = 68
"""Of an A-ASSOCIATE-RQ before its items (PS3.8 Table 9-11)."""
_CALLED_UNKNOWN, _CALLING_UNKNOWN = 7, 3
"""Reasons of the service user (PS3.8 Table 9-21)."""
_NO_ABSTRACT_SYNTAX, _NO_TRANSFER_SYNTAX = 3, 4
"""Results of a presentation context (PS3.8 Table 9-18)."""


@dataclass(frozen=True, slots=True)
class Arrived:
    """The instance, as it came."""

    dataset: bytes
    """In explicit or implicit VR little endian."""
    first_byte: float
    """When its first bytes came (`perf_counter`)."""


class Destination:
    """An AE `title` that takes the instance `sop_instance_uid` from the AE `archive` at one of `addresses`."""

    def __init__(self, title: str, archive: str, addresses: Collection[IPAddress], sop_instance_uid: str) -> None:
        self._title = title
        self._archive = archive
        self._addresses = frozenset(addresses)
        self._uid = sop_instance_uid
        value = sop_instance_uid.encode() + b"\0" * (len(sop_instance_uid) % 2)
        implicit, explicit = struct.pack("<I", len(value)), b"UI" + struct.pack("<H", len(value))
        self._elements = tuple(_SOP_INSTANCE_UID + length + value for length in (implicit, explicit))
        self._callers = 0
        self.arrived: asyncio.Future[Arrived] = asyncio.get_running_loop().create_future()

    @contextlib.asynccontextmanager
    async def listening(self, sock: socket.socket) -> AsyncIterator[None]:
        """Take connections of `sock`, which is bound, until the block ends, and close them all then."""
        callers: dict[asyncio.StreamWriter, asyncio.Task[None] | None] = {}

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            callers[writer] = asyncio.current_task()
            self._callers += 1
            try:
                if self._callers <= _MOST_CALLERS and self._is_of_archive(writer):
                    await self._converse(reader, writer)
            except (ProbeEnded, OSError, asyncio.IncompleteReadError):
                pass  # whoever it was: the C-MOVE says how it ended
            finally:
                self._callers -= 1
                writer.close()
                del callers[writer]

        server = await asyncio.start_server(serve, sock=sock)
        try:
            yield
        finally:
            server.close()
            for writer in callers:
                writer.transport.abort()
            await asyncio.gather(*filter(None, callers.values()), return_exceptions=True)

    def _is_of_archive(self, writer: asyncio.StreamWriter) -> bool:
        peer = writer.get_extra_info("peername")
        return bool(peer) and unmapped(peer[0].partition("%")[0]) in self._addresses

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        left = _MOST_BYTES
        kind, body = await _read(reader)
        if kind != PDUType.ASSOCIATE_RQ or len(body) < _FIXED_LENGTH:
            return
        called, calling = (body[start : start + 16].strip(b" \0") for start in (4, 20))
        for title, known, reason in (
            (called, self._title, _CALLED_UNKNOWN),
            (calling, self._archive, _CALLING_UNKNOWN),
        ):
            if title != known.encode():
                writer.write(bytes([PDUType.ASSOCIATE_RJ, 0, 0, 0, 0, 4, 0, 1, 1, reason]))
                await writer.drain()
                return
        accepted, answer = _accept(body)
        writer.write(answer)
        assembler, first = MessageAssembler(DEFAULT_LIMITS), None
        while True:
            kind, body = await _read(reader)
            left -= len(body)
            if left < 0:
                return
            if kind == PDUType.RELEASE_RQ:
                writer.write(RELEASE_RP)
            if kind != PDUType.P_DATA_TF:
                await writer.drain()
                return
            messages: list[Message] = []
            assembler.receive(body, 0, len(body), messages)
            partial = assembler.partial
            if first is None and (messages or (partial is not None and partial[1])):
                first = time.perf_counter()
            for message in messages:
                answer = self._take(message, accepted, first or time.perf_counter())
                writer.write(answer)
                if answer is ABORT:
                    await writer.drain()
                    return
                first = None

    def _take(self, message: Message, accepted: Collection[int], first: float) -> bytes:
        """The answer to a message, after which the caller may go on; the instance is kept."""
        command, dataset = message.command, message.dataset
        if command.field != C_STORE_RQ or command.message_id is None or message.context_id not in accepted:
            return ABORT
        if dataset is None or not any(element in dataset for element in self._elements):
            return ABORT
        if not self.arrived.done():
            self.arrived.set_result(Arrived(dataset, first))
        return requests.store_response(SECONDARY_CAPTURE, self._uid, message.context_id, command.message_id, 0)


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The type and the body of the next PDU."""
    kind, length = HEADER.unpack(await reader.readexactly(HEADER_LENGTH))
    if length > DEFAULT_LIMITS.pdu_length:
        raise LimitExceeded("PDU length over our limit")
    return kind, await reader.readexactly(length)


def _accept(body: bytes) -> tuple[set[int], bytes]:
    """The A-ASSOCIATE-AC (PS3.8 9.3.3) to the request `body`, and the contexts that it accepts."""
    accepted: set[int] = set()
    answers = []
    for kind, item in items_of(body[_FIXED_LENGTH:]):
        if kind != 0x20 or len(item) < 4:
            continue
        proposed = list(items_of(item[4:]))
        is_image = (0x30, SECONDARY_CAPTURE.encode()) in proposed
        syntax = next((each for each in UNCOMPRESSED if (0x40, each.encode()) in proposed), None)
        result = _NO_ABSTRACT_SYNTAX if not is_image else _NO_TRANSFER_SYNTAX if syntax is None else 0
        if result == 0:
            accepted.add(item[0])
        answers.append((item[0], result, syntax or IMPLICIT_VR_LITTLE_ENDIAN))
    return accepted, requests.associate_accept(body[4:36], answers)


def bound_towards(archive: SocketAddress, port: int) -> socket.socket:
    """A listening socket at `port` of the address from which this machine reaches `archive`, and at no other.

    Raises OSError.
    """
    with socket.socket(archive.family, socket.SOCK_DGRAM) as probe:
        probe.connect(archive.sockaddr)  # sends nothing
        own = probe.getsockname()
    sock = socket.socket(archive.family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((own[0], port, *own[2:]))
        sock.setblocking(False)
    except OSError:
        sock.close()
        raise
    return sock
