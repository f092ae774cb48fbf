"""An established TCP connection with an association on it: the asyncio shell around `Association`.

One deadline holds for all of it, whatever the peer does: every wait is on one future, and one timer fails that future.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import cast

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.dicom.association import Association, State
from dicom_exporter.dicom.dimse import Command, Message
from dicom_exporter.dicom.errors import LimitExceeded, NotOffered, ProtocolViolation, UsageError
from dicom_exporter.dicom.pdu import AssociateAccept, ContextResult, Limits
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.dicom.uids import IMPLICIT_VR_LITTLE_ENDIAN
from dicom_exporter.net.errors import ConnectionEnded, NoAnswer, Overloaded, ProbeEnded, TLSFailed
from dicom_exporter.net.limits import FEW_BYTES, SILENCE
from dicom_exporter.net.tcp import (
    LATE,
    LOOK_AGAIN,
    TLS_SHUTDOWN_TIMEOUT,
    Buffer,
    Connecting,
    TLSClient,
    acknowledge_quickly,
    attach,
    connect,
    open_wire,
    socket_of,
    tls_facts,
)
from dicom_exporter.net.tls_failure import classify
from dicom_exporter.net.turns import Inbox, Turns
from dicom_exporter.net.wire import TooManyBytes, unread
from dicom_exporter.results import TLSFacts

_TICKETS_COME = (0.001, 0.003, 0.010)
"""Seconds after the request at which what TLS has received by itself is acknowledged."""
RELEASE_WAIT = 1.0
"""Seconds that a peer has to answer our A-RELEASE-RQ before we send A-ABORT; it may be `_WATCH` more."""
_LITTLE = 2048
"""Bytes of an association that are handled as they come: all of most that bring no matches."""
_WATCH = SILENCE
"""Seconds between two looks at what is overdue: one timer for all, as each costs as much as reading a PDU."""


class Connection(asyncio.BufferedProtocol):
    """An association on a connected socket. One operation at a time, as we never negotiate more (PS3.7 D.3.3.3)."""

    def __init__(self, deadline: float, turns: Turns, limits: Limits | None = None) -> None:
        self._sock: socket.socket | None = None
        """Connected for TLS, or by a proxy: then a `Wire` lies between; None if the connection is plain."""
        self._facts: TLSFacts | None = None
        """What the TLS handshake showed."""
        self._sock_given = False
        """Whether a transport has it, and closes it."""
        self._quick: socket.socket | None = None
        """A handle on the transport's socket, for `acknowledge_quickly`; the transport's to close."""
        self._deadline = deadline
        self._turns = turns
        self._inbox: Inbox | None = None
        """For a peer that sends more than a little, so that the others do not wait for it."""
        self._association = Association(limits)
        self._transport: asyncio.Transport | None = None
        self._context_ids: Mapping[str, int] = {}
        self._message_id = 0
        self._answered: set[int | None] = set()
        """Message IDs whose final response has come; what still comes for them is read and dropped."""
        self._waiter: asyncio.Future[None] | None = None
        self._receive: Callable[[Message, float], bool] | None = None
        """Takes each message; returns whether the operation is done."""
        self._after_receive: Callable[[], None] | None = None
        self._end: ProbeEnded | None = None
        self._lost: asyncio.Future[None] | None = None
        """Done once a transport with TLS has closed its socket; None before there is one."""
        self._write_paused = False
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        """The next look at what is overdue; None before there is a connection, which `connect` bounds."""
        self._silent: Callable[[], None] | None = None
        """What to call once the peer is silent."""
        self._seen: int | None = None
        """How many bytes had come at the last look; None where that says nothing."""
        self._release_by: float | None = None
        self._overdue: asyncio.TimerHandle | None = None
        """When the first response to the current request has to have begun."""
        self._messages = 0

    # -- what operations use ------------------------------------------------------------------------------------------

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
    def heard(self) -> bool:
        """Whether anything has come from the peer, or TLS was established."""
        return self._association.bytes_received > 0 or self.tls is not None

    @property
    def tls(self) -> TLSFacts | None:
        """What the TLS handshake showed; None without TLS."""
        return self._facts if self._sock is not None else None

    def accepted(self, sop_class: str) -> bool:
        """Whether the presentation context proposed for `sop_class` was accepted."""
        context = self.accept.contexts.get(self._context_ids[sop_class])
        return context is not None and context.result == ContextResult.ACCEPTED

    async def connect(self, address: SocketAddress, timeout: float, *, tls: bool) -> None:
        """Connect within `timeout` seconds; with `tls`, what is sent and received waits for `start_tls`.

        Raises:
            ConnectTimeout, ConnectionRefused, NetworkUnreachable, ConnectionEnded, Overloaded, ProxyFailed.
        """
        if tls or address.via is not None:
            self._sock = await connect(address, timeout)
            if not tls:
                await self._use_socket(self._sock)
            self._watch()
            return
        try:
            # In one step in place of the three of `connect` and `attach`: a third of the time, with uvloop.
            with Connecting(self._loop, timeout):
                await self._loop.create_connection(lambda: self, address.host, address.port)
        except BaseException:
            self._transport = None  # if the time was over just as it was made: the loop has closed it again
            raise
        self._watch()

    async def _use_socket(self, sock: socket.socket) -> None:
        """Send and receive by `sock`, which is connected, without TLS."""
        self._sock_given = True
        association = self._association
        try:
            await open_wire(sock, self, self._turns, None, lambda: association.bytes_received)
        except OSError:
            raise ConnectionEnded("the connection ended as soon as it was made") from None

    def if_silent(self, call: Callable[[], None]) -> None:
        """Have `call` called once the peer is silent for `SILENCE` seconds; it may be twice that."""
        self._silent, self._seen = call, None

    async def start_tls(self, tls: TLSClient) -> None:
        """Shake hands.

        Raises:
            TLSFailed, NoAnswer, Overloaded.
        """
        if self._sock is None:
            raise UsageError("not connected for TLS")
        self._sock_given = True
        association = self._association
        await attach(self._sock, self, tls, self._deadline, self._turns, lambda: association.bytes_received)
        if self._transport is not None:
            self._facts = tls_facts(self._transport)

    async def request(self, request: AssociateRequest) -> None:
        """Send the A-ASSOCIATE-RQ and wait for the answer (PS3.8 7.1).

        Raises:
            Rejected, Aborted, NotDicom and every other `ProbeEnded` that can come after the connection.
        """
        self._raise_end()  # some speak first, an SSH server for one
        if self._sock is not None:
            # The session tickets of TLS 1.3 arrive without a callback: what is not acknowledged holds back
            # the answer of a peer with Nagle's algorithm on.
            for delay in _TICKETS_COME:
                self._loop.call_later(delay, self._acknowledge_quickly)
        self._context_ids = request.context_ids
        self.send(self._association.request(request.data))
        while self._association.accept is None:  # a peer that reads on after a pause wakes us, too
            await self._waited()

    def context_id(self, sop_class: str, *, dataset: bool = False) -> int:
        """The ID of the accepted presentation context of `sop_class`; the transfer syntax matters only to a `dataset`.

        Raises:
            NotOffered: it was not accepted, or with a transfer syntax that we did not propose.
        """
        context_id = self._context_ids[sop_class]
        context = self.accept.contexts.get(context_id)
        if context is None or context.result != ContextResult.ACCEPTED:
            other = context is not None and context.result == ContextResult.TRANSFER_SYNTAXES_NOT_SUPPORTED
            raise NotOffered("presentation context not accepted", other_syntax=other)
        if dataset and context.transfer_syntax != IMPLICIT_VR_LITTLE_ENDIAN:
            text = "presentation context accepted with a transfer syntax that we did not propose"
            raise NotOffered(text, other_syntax=True)
        return context_id

    def next_message_id(self) -> int:
        """A message ID that no operation of this association has had (PS3.7 9.1.2.1.1)."""
        self._message_id += 1
        return self._message_id

    def allow(self, more_bytes: int) -> None:
        """Let the peer send up to `more_bytes` from here on, beside what every operation may bring."""
        self._association.allow(more_bytes)

    @property
    def partial(self) -> tuple[Command, int] | None:
        """The command of the message that is arriving, and how many bytes of its dataset are here."""
        return self._association.partial

    def send(self, data: bytes) -> None:
        """Send `data` in the middle of an operation."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def perform(
        self,
        data: bytes,
        receive: Callable[[Message, float], bool],
        *,
        after_receive: Callable[[], None] | None = None,
        dataset: Iterable[Sequence[Buffer]] = (),
        first_by: float | None = None,
    ) -> None:
        """One DIMSE operation: send `data`, and wait until `receive` has had its final response.

        Args:
            receive: called with each message and when its bytes came (`perf_counter`); returns whether it was the last.
            after_receive: called after each arrival of bytes that did not bring the final response.
            dataset: PDUs to send after `data`, as lists of buffers; sent no faster than the peer reads, and no further
                once the final response has come.
            first_by: loop time by which the first response has to begin; None leaves it to the deadline.

        Raises:
            ProbeEnded: it ended before the final response.
        """
        self._raise_end()
        self._receive, self._after_receive = receive, after_receive
        if first_by is not None:
            self._overdue = self._loop.call_at(first_by, self._give_up, first_by, self._messages)
        try:
            self.send(data)
            for buffers in dataset:
                while self._write_paused and self._receive is not None:
                    await self._waited()
                if self._receive is None:  # answered before all was sent: the rest would be out of turn
                    self.fail(ConnectionEnded("answered before all was sent"))
                    return
                cast(asyncio.Transport, self._transport).writelines(buffers)
            while self._receive is not None:
                await self._waited()
        finally:
            self._receive = self._after_receive = None
            if self._overdue is not None:
                self._overdue.cancel()
                self._overdue = None

    def fail(self, end: ProbeEnded) -> None:
        """End the association with `end`, which the waiting task gets as an exception. Later calls change nothing."""
        if self._end is None:
            self._end = end
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_exception(end)

    async def release(self) -> None:
        """End the association in good order, or with A-ABORT if the peer does not answer within `RELEASE_WAIT`."""
        self.send(self._association.release())
        self._release_by = self._loop.time() + RELEASE_WAIT
        try:
            while self._association.state is not State.ENDED:
                await self._waited()
        except ProbeEnded:
            pass  # the results are complete; `close` sends the A-ABORT that is due

    def close(self) -> None:
        """Abort what is still open, and close the connection. Never waits, and may be called again."""
        if self._timer is not None:
            self._timer.cancel()
        # Both lead to how it ended, whose traceback leads back to us: a cycle, which stays until garbage is collected.
        self._end, self._waiter = ConnectionEnded("closed by us"), None
        transport = self._transport
        if transport is None:
            if self._sock is not None and not self._sock_given:
                self._sock.close()
            return
        self._transport = None
        if self._inbox is not None:
            self._inbox.drop()
        self._forget_socket()
        if not transport.is_closing():
            abort = self._association.abort()
            if abort:
                transport.write(abort)
            if transport.get_write_buffer_size() and transport.get_extra_info("ssl_object") is None:
                transport.abort()  # it does not read: what is unsent would keep the socket
            else:
                transport.close()

    async def closed(self) -> None:
        """After `close`: wait, at most until the deadline, until close_notify is sent and the socket is closed."""
        if self._lost is not None and not self._lost.done():
            wait = min(TLS_SHUTDOWN_TIMEOUT, max(0.0, self._deadline - self._loop.time()))
            await asyncio.wait([self._lost], timeout=wait)

    # -- what asyncio calls -------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by behaviour, not by class
        if self._sock is not None:
            self._lost = self._loop.create_future()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes next."""
        return self._turns.room

    def buffer_updated(self, nbytes: int) -> None:
        """Take what is in the buffer."""
        self.data_received(bytes(self._turns.buffer[:nbytes]))

    def data_received(self, data: bytes, *, in_turn: bool = False) -> None:
        """Feed the state machine, if it is the turn of this peer (`in_turn`), and wake the waiting task."""
        association = self._association
        # Over TLS, it is: see `attach`.
        is_much = association.bytes_received + len(data) > _LITTLE and self._sock is None
        if (is_much or self._inbox is not None) and not in_turn:
            if self._inbox is None:
                self._inbox = Inbox(self._turns, partial(self.data_received, in_turn=True), self._lose)
                self._inbox.transport = self._transport
            self._inbox.receive(data)
            return
        if self._end is not None:
            return
        before, accepted = association.state, association.accept
        try:
            messages = association.receive(data)
            if association.accept is not accepted:
                self._wake()  # before the end that may have come with it
            if messages:
                self._deliver(messages)
            if self._receive is not None and self._after_receive is not None:
                self._after_receive()
            association.raise_end()
        except ProbeEnded as end:
            if self._receive is not None and self._after_receive is not None:
                self._after_receive()  # the part of a message that came before the end
            self.fail(end)
        if association.outgoing:
            self.send(association.outgoing)
            association.outgoing = b""
        if association.state is not before and association.state in (State.ESTABLISHED, State.ENDED):
            self._wake()
        if self._waiter is not None and not self._waiter.done():
            self._acknowledge_quickly()  # what is still missing may wait for that; else what we send next says it

    def pause_writing(self) -> None:
        """The peer reads more slowly than we send."""
        self._write_paused = True

    def resume_writing(self) -> None:
        """It has caught up."""
        self._write_paused = False
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """End the wait once all that came is looked at: no answer will come."""
        if isinstance(exc, ConnectionError) and self._sock is None and self._transport is not None:
            self._quick = self._quick or socket_of(self._transport)
            if self._quick is not None and (data := unread(self._quick)):
                self.data_received(data)
        self._forget_socket()
        if self._inbox is None:
            self._lose(exc)
        else:
            self._inbox.lose(exc)

    def _lose(self, exc: BaseException | None) -> None:
        if self._lost is not None and not self._lost.done():
            self._lost.set_result(None)
        if self._end is not None:
            return
        if isinstance(exc, TooManyBytes):
            self.fail(LimitExceeded("more bytes of no use than a connection may bring"))
        elif isinstance(exc, ssl.SSLError) and self._association.accept is None:
            self.fail(TLSFailed("the peer ended TLS before it spoke DICOM", failure=classify(exc), facts=self._facts))
        else:
            self.fail(ConnectionEnded("the peer closed the connection"))

    # -- inside -------------------------------------------------------------------------------------------------------

    def _acknowledge_quickly(self) -> None:
        if self._quick is None and self._transport is not None:
            self._quick = socket_of(self._transport)
        if self._quick is not None:
            acknowledge_quickly(self._quick)

    def _forget_socket(self) -> None:
        """Forget the handle on the socket, which is the transport's to close."""
        if self._quick is not None:
            self._quick.detach()
            self._quick = None

    def _deliver(self, messages: list[Message]) -> None:
        receive = self._receive
        now = time.perf_counter()  # uvloop's clock counts whole milliseconds
        done = False
        self._messages += len(messages)
        for message in messages:
            if message.command.message_id_being_responded_to in self._answered:
                continue  # pynetdicom's SCP, for one, sends 0000 after the final B001
            if receive is None or done:
                raise ProtocolViolation("a message without a request")
            done = receive(message, now)
            if done:
                self._answered.add(self._message_id)
        if done:
            self._receive = None
            self._wake()

    def _raise_end(self) -> None:
        if self._end is not None:
            raise self._end

    def _waited(self) -> asyncio.Future[None]:
        """What to await until something happens. No coroutine, as those stack up: four waits make an association."""
        self._raise_end()
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _give_up(self, first_by: float, messages_before: int) -> None:
        """End the association if no response has begun since the request."""
        if self._messages != messages_before or self.partial is not None:
            return
        now = self._loop.time()
        if now > first_by + LATE:
            self.fail(Overloaded("our own event loop was late"))
        elif now < first_by + LOOK_AGAIN:  # what came while the loop was busy is read after its timers
            self._overdue = self._loop.call_at(first_by + LOOK_AGAIN, self._give_up, first_by, messages_before)
        else:
            self.fail(NoAnswer("no response in the time that this request may take"))

    def _watch(self) -> None:
        """Look at what is overdue, and when to look again."""
        now = self._loop.time()
        if now >= self._deadline:
            self._expire(now)
            return
        if self._silent is not None:
            received = self._association.bytes_received
            if self._seen is not None and received - self._seen <= FEW_BYTES:
                self._silent()
                self._silent = None
            self._seen = received
        if self._release_by is not None and now >= self._release_by:
            self.fail(NoAnswer("A-RELEASE-RQ was not answered"))
        self._timer = self._loop.call_at(min(self._deadline, now + _WATCH), self._watch)

    def _expire(self, now: float) -> None:
        if now > self._deadline + LATE:
            self.fail(Overloaded("our own event loop was late"))
        else:  # what came while the loop was busy is read after its timers: it is no silence
            self._timer = self._loop.call_later(LOOK_AGAIN, self.fail, NoAnswer("no whole answer until the deadline"))
