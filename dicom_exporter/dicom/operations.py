"""DIMSE operations on an established association (PS3.7 9.1)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from dicom_exporter.dicom import requests
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.dimse import C_ECHO_RSP, C_GET_RSP, C_MOVE_RSP, C_STORE_RQ, C_STORE_RSP, Command, Message
from dicom_exporter.dicom.errors import LimitExceeded, ProtocolViolation
from dicom_exporter.dicom.find import PENDING, Find, FindEnded
from dicom_exporter.dicom.instances import Instance, fragments
from dicom_exporter.dicom.pdu import DEFAULT_LIMITS
from dicom_exporter.dicom.uids import SECONDARY_CAPTURE, VERIFICATION
from dicom_exporter.net.errors import ConnectionEnded, NoAnswer, ProbeEnded
from dicom_exporter.net.tcp import Buffer

CANCEL_WAIT = 2.0
"""Seconds that a peer has to end a C-FIND after our C-CANCEL before we send A-ABORT."""
MATCH_BYTES = 4096
"""What we let a match bring on average, in bytes; with UIDs alone it brings 150."""
CANCEL_BYTES = 4 * 1024 * 1024
"""What we read and drop after a C-CANCEL at most, in bytes."""
MAX_SENT_PDU_LENGTH = 128 * 1024
"""The largest PDU that we send, in bytes, if the peer takes as much."""


async def echo(association: Connection, first_by: float | None = None) -> int:
    """C-ECHO (PS3.7 9.1.5) and return the status of its response, which has to come by the loop time `first_by`.

    Raises:
        NotOffered: the peer did not accept the Verification SOP class.
        ProbeEnded: it ended before the response.
    """
    context_id = association.context_id(VERIFICATION)
    message_id = association.next_message_id()
    data = requests.echo_request(VERIFICATION, context_id, message_id, association.accept.max_pdu_length)
    return await _status(association, data, C_ECHO_RSP, context_id, message_id, first_by=first_by)


async def store(association: Connection, instance: Instance) -> int:
    """C-STORE (PS3.7 9.1.1) a Secondary Capture `instance` and return the status of the response.

    Raises:
        NotOffered: the peer did not accept the SOP class with implicit VR little endian.
        ProbeEnded: it ended before the response.
    """
    context_id = association.context_id(SECONDARY_CAPTURE, dataset=True)
    message_id = association.next_message_id()
    length = min(association.accept.max_pdu_length or MAX_SENT_PDU_LENGTH, MAX_SENT_PDU_LENGTH)
    command = requests.store_command(SECONDARY_CAPTURE, instance.sop_instance_uid, context_id, message_id, length)
    dataset = fragments(instance.parts, context_id, length)
    return await _status(association, command, C_STORE_RSP, context_id, message_id, dataset)


async def _status(
    association: Connection,
    data: bytes,
    field: int,
    context_id: int,
    message_id: int,
    dataset: Iterable[Sequence[Buffer]] = (),
    *,
    first_by: float | None = None,
) -> int:
    """Perform an operation that has one response, of command `field`, and return its status."""
    statuses: list[int] = []

    def receive(message: Message, now: float) -> bool:
        command = message.command
        if (
            command.field != field
            or command.message_id_being_responded_to != message_id
            or message.context_id != context_id
            or command.status is None
        ):
            raise ProtocolViolation("not a response to our request")
        statuses.append(command.status)
        return True

    association.allow(0)
    await association.perform(data, receive, dataset=dataset, first_by=first_by)
    return statuses[0]


@dataclass(frozen=True, slots=True)
class GetResult:
    """How a C-GET ended of which only the first bytes were wanted."""

    arrived: bool
    """Bytes of an instance came. The rest is known only if none did."""
    status: int | None = None
    completed: int | None = None
    """Sub-operations, by the final response; None if it does not say."""
    failed: int | None = None


async def get_first_bytes(association: Connection, sop_class: str, identifier: bytes) -> GetResult:
    """C-GET (PS3.7 9.1.3) until the first bytes of an instance arrive, or the final response.

    The association is aborted then, in the middle of the instance: the bytes are neither read nor kept.

    Raises:
        NotOffered: the peer did not accept `sop_class`.
        ProbeEnded: it ended before a byte of an instance, or the final response, came.
    """
    context_id = association.context_id(sop_class, dataset=True)
    message_id = association.next_message_id()
    arrived = False
    last: Command | None = None

    def stop() -> None:
        nonlocal arrived
        arriving = association.partial
        if arriving is not None and arriving[0].field == C_STORE_RQ and arriving[1] > 0:
            arrived = True
            association.fail(ConnectionEnded("seen enough"))

    def receive(message: Message, now: float) -> bool:
        nonlocal arrived, last
        if message.command.field == C_STORE_RQ:  # a small instance, whole at once
            arrived = bool(message.dataset)
            association.fail(ConnectionEnded("seen enough"))
            return True
        if message.command.field != C_GET_RSP or message.command.message_id_being_responded_to != message_id:
            raise ProtocolViolation("not a response to our C-GET")
        last = message.command
        return last.status != PENDING

    request = requests.get_request(sop_class, identifier, context_id, message_id, association.accept.max_pdu_length)
    association.allow(0)
    try:
        await association.perform(request, receive, after_receive=stop)
    except ProbeEnded:
        if not arrived:
            raise
    if arrived or last is None:
        return GetResult(arrived)
    return GetResult(False, last.status, last.completed_suboperations, last.failed_suboperations)


@dataclass(frozen=True, slots=True)
class Retrieved:
    """What a C-GET of one instance brought."""

    dataset: bytes | None = field(repr=False)
    """None if none came."""
    first_byte: float | None
    """When its first bytes came (`perf_counter`)."""
    status: int | None
    """Of the final response."""


async def get_instance(association: Connection, sop_class: str, identifier: bytes, sop_instance_uid: str) -> Retrieved:
    """C-GET (PS3.7 9.1.3) of the one Secondary Capture instance that `identifier` names, to its end.

    Raises:
        NotOffered: the peer did not accept `sop_class`.
        ProbeEnded: it ended before the final response came.
    """
    context_id = association.context_id(sop_class, dataset=True)
    message_id = association.next_message_id()
    length = association.accept.max_pdu_length
    dataset: bytes | None = None
    first: float | None = None
    status: int | None = None

    def note_first() -> None:
        nonlocal first
        arriving = association.partial
        if first is None and arriving is not None and arriving[0].field == C_STORE_RQ and arriving[1] > 0:
            first = time.perf_counter()

    def receive(message: Message, now: float) -> bool:
        nonlocal dataset, first, status
        command = message.command
        if command.field == C_STORE_RQ and command.message_id is not None:
            dataset, first = message.dataset, first or now
            association.send(
                requests.store_response(
                    SECONDARY_CAPTURE, sop_instance_uid, message.context_id, command.message_id, length
                )
            )
            return False
        if command.field != C_GET_RSP or command.message_id_being_responded_to != message_id:
            raise ProtocolViolation("not a response to our C-GET")
        status = command.status
        return status != PENDING

    association.allow(DEFAULT_LIMITS.message_length)
    request = requests.get_request(sop_class, identifier, context_id, message_id, length)
    await association.perform(request, receive, after_receive=note_first)
    return Retrieved(dataset, first, status)


async def move(association: Connection, sop_class: str, identifier: bytes, destination: str) -> int | None:
    """C-MOVE (PS3.7 9.1.4) what `identifier` names to the AE title `destination`; return the final status.

    Raises:
        NotOffered: the peer did not accept `sop_class`.
        ProbeEnded: it ended before the final response came.
    """
    context_id = association.context_id(sop_class, dataset=True)
    message_id = association.next_message_id()
    status: int | None = None

    def receive(message: Message, now: float) -> bool:
        nonlocal status
        command = message.command
        if command.field != C_MOVE_RSP or command.message_id_being_responded_to != message_id:
            raise ProtocolViolation("not a response to our C-MOVE")
        status = command.status
        return status != PENDING

    length = association.accept.max_pdu_length
    request = requests.move_request(sop_class, identifier, destination, context_id, message_id, length)
    await association.perform(request, receive)
    return status


async def find(
    association: Connection,
    sop_class: str,
    identifier: bytes,
    max_matches: int,
    consume: Callable[[bytes], None],
    first_by: float | None = None,
) -> Find:
    """C-FIND (PS3.7 9.1.2) with an encoded `identifier` and return the count of its matches.

    At the first match over `max_matches` it sends C-CANCEL; a peer that goes on regardless is aborted after
    `CANCEL_WAIT`, and the count is kept (`Find.wants_cancel` is true and `Find.status` None then). The first response
    has to come by the loop time `first_by`.

    Raises:
        NotOffered: the peer did not accept `sop_class` with implicit VR little endian.
        FindEnded: the association ended before the final response.
    """
    loop = asyncio.get_running_loop()
    context_id = association.context_id(sop_class, dataset=True)
    message_id = association.next_message_id()
    length = association.accept.max_pdu_length
    counted = Find(context_id, message_id, max_matches, consume, time.perf_counter())
    association.allow(max_matches * MATCH_BYTES)
    giving_up: asyncio.TimerHandle | None = None

    def cancel_when_wanted() -> None:
        nonlocal giving_up
        if counted.wants_cancel and giving_up is None and association.established:
            association.allow(CANCEL_BYTES)
            association.send(requests.cancel_request(context_id, message_id, length))
            giving_up = loop.call_later(CANCEL_WAIT, association.fail, NoAnswer("C-CANCEL was ignored"))

    request = requests.find_request(sop_class, identifier, context_id, message_id, length)
    try:
        await association.perform(request, counted.receive, after_receive=cancel_when_wanted, first_by=first_by)
    except ProbeEnded as end:
        if association.partial is not None:
            counted.end_within(*association.partial, at_limit=isinstance(end, LimitExceeded))
        if not counted.wants_cancel:
            raise FindEnded(end, counted) from end
    finally:
        counted.ended = counted.ended or time.perf_counter()
        if giving_up is not None:
            giving_up.cancel()
    return counted
