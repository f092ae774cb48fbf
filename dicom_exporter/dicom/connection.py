"""An association over a socket: the asyncio shell around `Association`.

```
associate():  resolve ─> connect ─> tls ─> associate ─> [ echo, find, … ] ─> release
                                                            any error ─────> abort
```

One deadline holds for all of it, whatever the peer does: every wait is on one future, and one timer fails that future.
Every way out sends A-RELEASE (and waits a little for the answer) or A-ABORT.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol, cast

from dicom_exporter.dicom import requests
from dicom_exporter.dicom.association import Association, State
from dicom_exporter.dicom.dimse import C_ECHO_RSP, Message
from dicom_exporter.dicom.errors import (
    AssociationEnded,
    ConnectionEnded,
    NameNotResolved,
    NoAnswer,
    NotOffered,
    Overloaded,
    ProtocolViolation,
    TLSFailed,
    UsageError,
)
from dicom_exporter.dicom.find import Find, FindEnded
from dicom_exporter.dicom.pdu import AssociateAccept, ContextResult, Limits
from dicom_exporter.dicom.phases import Phases
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.dicom.resolve import Resolver, SocketAddress, literal
from dicom_exporter.dicom.transport import LATE, TLSClient, acknowledge_quickly, attach, connect, tls_facts
from dicom_exporter.dicom.uids import VERIFICATION, ImplicitVRLittleEndian
from dicom_exporter.results import Phase, TLSFacts

RELEASE_WAIT = 1.0
"""Seconds that a peer has to answer our A-RELEASE-RQ before we send A-ABORT."""
CANCEL_WAIT = 2.0
"""Seconds that a peer has to end a C-FIND after our C-CANCEL before we send A-ABORT."""
MATCH_BYTES = 4096
"""What we let a match bring on average, in bytes; with UIDs alone it brings 150."""
CANCEL_BYTES = 64 * 1024 * 1024
"""What we read away after a C-CANCEL at most, in bytes."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a DICOM application listens, and how to reach it."""

    host: str
    port: int
    ip_version: int | None = None
    tls: TLSClient | None = None


class Gate(Protocol):
    """Who may go on, and when: the scrape's rules, of which the wire knows nothing but these two doors."""

    def address(self, address: SocketAddress, deadline: float) -> AbstractAsyncContextManager[object]:
        """Held from before the connection until its end: one association at a time to one address."""

    def association(self, deadline: float) -> AbstractAsyncContextManager[object]:
        """Held from the connection's start until its end: so many associations at once in all."""


class OpenGate:
    """No rule: for a single probe."""

    def address(self, address: SocketAddress, deadline: float) -> AbstractAsyncContextManager[object]:
        """Let everyone in."""
        return nullcontext()

    def association(self, deadline: float) -> AbstractAsyncContextManager[object]:
        """Let everyone in."""
        return nullcontext()


@asynccontextmanager
async def associate(
    endpoint: Endpoint,
    request: AssociateRequest,
    phases: Phases,
    *,
    resolver: Resolver,
    deadline: float,
    connect_timeout: float,
    gate: Gate | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Connection]:
    """Hold an association with `endpoint` for the length of the block, and release it after.

    Args:
        deadline: loop time at which all of it ends, release included.
        connect_timeout: seconds that the TCP connection may take.

    Raises:
        AssociationEnded: in the block too, where the peer ends it there.
    """
    loop = asyncio.get_running_loop()
    gate = gate or OpenGate()
    address = await _resolve(endpoint, resolver, phases, deadline)
    async with gate.address(address, deadline):
        timeout = min(connect_timeout, deadline - loop.time())
        if timeout <= 0:
            raise Overloaded("the deadline came before the connection was tried")
        with phases.time(Phase.CONNECT):
            sock = await connect(address, timeout)
        connection = Connection(sock, deadline, limits)
        try:
            async with gate.association(deadline):
                with phases.time(Phase.TLS) if endpoint.tls else nullcontext():
                    await connection.start(endpoint.tls)
                with phases.time(Phase.ASSOCIATE):
                    await connection.request(request)
                yield connection
                if connection.established:
                    with phases.time(Phase.RELEASE):
                        await connection.release()
        finally:
            connection.close()


async def _resolve(endpoint: Endpoint, resolver: Resolver, phases: Phases, deadline: float) -> SocketAddress:
    address = literal(endpoint.host, endpoint.port)
    if address is not None:
        return address
    with phases.time(Phase.RESOLVE):
        try:
            async with asyncio.timeout_at(deadline):
                return await resolver.resolve(endpoint.host, endpoint.port, endpoint.ip_version)
        except TimeoutError:
            raise NameNotResolved("no answer from name resolution in time") from None


class Connection(asyncio.Protocol):
    """An association on a connected socket. One operation at a time, as we never negotiate more (PS3.7 D.3.3.3)."""

    def __init__(self, sock: socket.socket, deadline: float, limits: Limits | None = None) -> None:
        self._sock = sock
        self._deadline = deadline
        self._association = Association(limits)
        self._transport: asyncio.Transport | None = None
        self._context_ids: Mapping[str, int] = {}
        self._message_id = 0
        self._answered: set[int | None] = set()
        """Message IDs whose final response has come; what still comes for them is read away."""
        self._waiter: asyncio.Future[None] | None = None
        self._receive: Callable[[Message, float], bool] | None = None
        """Takes each message; returns whether the operation is done."""
        self._after_receive: Callable[[], None] | None = None
        self._end: AssociationEnded | None = None
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_at(deadline, self._expire)

    # -- what probes use ----------------------------------------------------------------------------------------------

    @property
    def accept(self) -> AssociateAccept:
        """The peer's A-ASSOCIATE-AC."""
        if self._association.accept is None:
            raise UsageError("not accepted yet")
        return self._association.accept

    @property
    def established(self) -> bool:
        """Whether operations can still be performed."""
        return self._association.state is State.ESTABLISHED and self._end is None

    @property
    def tls(self) -> TLSFacts | None:
        """What the TLS handshake showed; None without TLS."""
        return None if self._transport is None else tls_facts(self._transport)

    def accepted(self, sop_class: str) -> bool:
        """Whether the presentation context proposed for `sop_class` was accepted."""
        context = self.accept.contexts.get(self._context_ids[sop_class])
        return context is not None and context.result == ContextResult.ACCEPTED

    async def start(self, tls: TLSClient | None) -> None:
        """Take over the socket, with a TLS handshake where `tls` says so."""
        await attach(self._sock, self, tls, self._deadline)

    async def request(self, request: AssociateRequest) -> None:
        """Send the A-ASSOCIATE-RQ and wait for the answer (PS3.8 7.1).

        Raises:
            Rejected, Aborted, NotDicom and every other `AssociationEnded` that can come after the connection.
        """
        self._context_ids = request.context_ids
        self._write(self._association.request(request.data))
        await self._wait()

    async def echo(self) -> int:
        """C-ECHO (PS3.7 9.1.5) and return the status of its response.

        Raises:
            NotOffered: the peer did not accept the Verification SOP class.
            AssociationEnded: it ended before the response.
        """
        context_id = self._context_id(VERIFICATION)
        message_id = self._next_message_id()
        statuses: list[int] = []

        def receive(message: Message, now: float) -> bool:
            command = message.command
            if (
                command.field != C_ECHO_RSP
                or command.message_id_being_responded_to != message_id
                or message.context_id != context_id
                or command.status is None
            ):
                raise ProtocolViolation("not a response to our C-ECHO")
            statuses.append(command.status)
            return True

        await self._operate(
            requests.echo_request(VERIFICATION, context_id, message_id, self.accept.max_pdu_length), receive
        )
        return statuses[0]

    async def find(self, sop_class: str, identifier: bytes, max_matches: int, consume: Callable[[bytes], None]) -> Find:
        """C-FIND (PS3.7 9.1.2) with an encoded `identifier` and return the count of its matches.

        Stops at `max_matches` with a C-CANCEL; a peer that goes on regardless is aborted after `CANCEL_WAIT`, and
        the count stands (`Find.wants_cancel` is true and `Find.status` None then).

        Raises:
            NotOffered: the peer did not accept `sop_class` with implicit VR little endian.
            FindEnded: the association ended before the final response.
        """
        context_id = self._context_id(sop_class, dataset=True)
        message_id = self._next_message_id()
        length = self.accept.max_pdu_length
        find = Find(context_id, message_id, max_matches, consume, self._loop.time())
        association = self._association
        association.bytes_allowed = association.bytes_received + association.limits.association_bytes
        association.bytes_allowed += max_matches * MATCH_BYTES
        giving_up: asyncio.TimerHandle | None = None

        def cancel_when_wanted() -> None:
            nonlocal giving_up
            if find.wants_cancel and giving_up is None:
                association.bytes_allowed = association.bytes_received + CANCEL_BYTES
                self._write(requests.cancel_request(context_id, message_id, length))
                giving_up = self._loop.call_later(CANCEL_WAIT, self._fail, NoAnswer("C-CANCEL was ignored"))

        try:
            await self._operate(
                requests.find_request(sop_class, identifier, context_id, message_id, length),
                find.receive,
                cancel_when_wanted,
            )
        except AssociationEnded as end:
            if not find.wants_cancel:
                raise FindEnded(end, find) from end
        finally:
            find.ended = find.ended or self._loop.time()
            if giving_up is not None:
                giving_up.cancel()
        return find

    async def release(self) -> None:
        """End the association in good order, or with A-ABORT where the peer does not answer within `RELEASE_WAIT`."""
        self._write(self._association.release())
        timer = self._loop.call_later(RELEASE_WAIT, self._fail, NoAnswer("A-RELEASE-RQ was not answered"))
        try:
            await self._wait()
        except AssociationEnded:
            pass  # whatever was to be learnt has been learnt; `close` sends the A-ABORT that is due
        finally:
            timer.cancel()

    def close(self) -> None:
        """Abort what is still open, and close the connection. Never waits, and may be called again."""
        self._timer.cancel()
        self._end = self._end or ConnectionEnded("closed by us")
        transport = self._transport
        if transport is None:
            self._sock.close()
            return
        self._transport = None
        if not transport.is_closing():
            transport.write(self._association.abort())
            if transport.get_write_buffer_size() and transport.get_extra_info("ssl_object") is None:
                transport.abort()  # it does not read: what is unsent would keep the socket
            else:
                transport.close()

    # -- what asyncio calls -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class

    def data_received(self, data: bytes) -> None:
        """Feed the state machine, and wake who waits."""
        acknowledge_quickly(self._sock)
        if self._end is not None:
            return
        association = self._association
        before = association.state
        try:
            messages = association.receive(data)
            if messages:
                self._deliver(messages)
        except AssociationEnded as end:
            self._fail(end)
        if association.outgoing:
            self._write(association.outgoing)
            association.outgoing = b""
        if association.state is not before and association.state in (State.ESTABLISHED, State.ENDED):
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who waits that no answer will come."""
        if isinstance(exc, ssl.SSLError) and self._association.accept is None:
            self._fail(TLSFailed("the peer ended TLS before it spoke DICOM"))
        else:
            self._fail(ConnectionEnded("the peer closed the connection"))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _deliver(self, messages: list[Message]) -> None:
        receive = self._receive
        if self._association.state is not State.ESTABLISHED:
            return  # late data while we wait for the release
        now = self._loop.time()
        done = False
        for message in messages:
            if message.command.message_id_being_responded_to in self._answered:
                continue  # pynetdicom's SCP, for one, sends 0000 after the final B001
            if receive is None or done:
                raise ProtocolViolation("a message that nobody asked for")
            done = receive(message, now)
            if done:
                self._answered.add(self._message_id)
        if done:
            self._receive = None
            self._wake()
        elif self._after_receive is not None:
            self._after_receive()

    async def _operate(
        self, data: bytes, receive: Callable[[Message, float], bool], after: Callable[[], None] | None = None
    ) -> None:
        if self._end is not None:
            raise self._end
        self._receive, self._after_receive = receive, after
        self._write(data)
        try:
            await self._wait()
        finally:
            self._receive = self._after_receive = None

    async def _wait(self) -> None:
        if self._end is not None:
            raise self._end
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _fail(self, end: AssociationEnded) -> None:
        if self._end is None:
            self._end = end
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(end)

    def _expire(self) -> None:
        if self._loop.time() > self._deadline + LATE:
            self._fail(Overloaded("our own event loop was late"))
        else:
            self._fail(NoAnswer("no whole answer until the deadline"))

    def _write(self, data: bytes) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    def _next_message_id(self) -> int:
        self._message_id += 1
        return self._message_id

    def _context_id(self, sop_class: str, *, dataset: bool = False) -> int:
        """The ID of the accepted presentation context of `sop_class`; the transfer syntax matters only to datasets."""
        context_id = self._context_ids[sop_class]
        if not self.accepted(sop_class):
            raise NotOffered("presentation context not accepted")
        if dataset and self.accept.contexts[context_id].transfer_syntax != ImplicitVRLittleEndian:
            raise NotOffered("presentation context accepted with a transfer syntax that we did not propose")
        return context_id
