"""The server around a behaviour: accepts connections, keeps a record of what the client did, and always cleans up.

    behaviour (async function) ── peer.send(bytes) ──────> client under test
                               <─ peer.proposal(), peer.message() ── reader task, which runs all the time and records

Raw sockets rather than streams: when the client resets the connection while we flood it, a stream drops what had
arrived before, the A-ABORT that a test wants to see among it.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import StrEnum
from typing import NoReturn, TypeAlias

from tests.testing.hostile import messages, wire
from tests.testing.hostile.parsing import KNOWN_PDUS, Message, Proposal, Reassembly, parse_proposal, take_pdu

Behaviour: TypeAlias = Callable[["Peer"], Awaitable[None]]


class Gone(Exception):
    """The client is no longer there; a behaviour need not catch it."""


class Event(StrEnum):
    """What the client did, and what the server did to end it."""

    PROPOSED = "A-ASSOCIATE-RQ"
    REQUESTED = "request"
    CANCELLED = "C-CANCEL-RQ"
    RELEASED = "A-RELEASE-RQ"
    RELEASE_ANSWERED = "A-RELEASE-RP"
    ABORTED = "A-ABORT"
    NOT_DICOM = "not DICOM"
    CLOSED = "closed"
    RESET = "reset"
    WE_REFUSED = "server rejected or aborted"
    WE_CLOSED = "server closed"
    WE_RESET = "server reset"


class Peer:
    """One connection, from the server's side."""

    def __init__(self, connection: socket.socket) -> None:
        self.events: list[Event] = []
        """In the order in which they were seen."""
        self.requests: list[Proposal | Message] = []
        self.bytes_sent = 0
        self.cancelled = asyncio.Event()
        self.gone = asyncio.Event()
        self.on_release: bytes | None = wire.release_rp()
        """What an A-RELEASE-RQ is answered with; None for nothing."""
        self._socket = connection
        self._loop = asyncio.get_running_loop()
        self._inbox: asyncio.Queue[Proposal | Message] = asyncio.Queue()
        self._sending = asyncio.Lock()
        self._answers: set[asyncio.Task[None]] = set()

    @property
    def ended_cleanly(self) -> bool:
        """Whether the client did not close on an association without a word.

        It must A-RELEASE or A-ABORT before it closes, unless it had proposed nothing, or the server ended it: by a
        rejection, an abort, or the end of the connection.
        """
        endings = {Event.RELEASED, Event.ABORTED, Event.WE_REFUSED, Event.WE_CLOSED, Event.WE_RESET}
        return Event.PROPOSED not in self.events or not endings.isdisjoint(self.events)

    async def proposal(self) -> Proposal:
        """The next thing the client sends, which must be an A-ASSOCIATE-RQ. Raises Gone."""
        received = await self._next()
        assert isinstance(received, Proposal), received
        return received

    async def message(self) -> Message:
        """The next DIMSE request; C-CANCELs do not come here but set `cancelled`. Raises Gone."""
        received = await self._next()
        assert isinstance(received, Message), received
        return received

    async def send(self, data: bytes) -> None:
        """Send all of `data`, waiting while the client does not read. Raises Gone."""
        async with self._sending:
            if self.gone.is_set():
                raise Gone
            try:
                await self._loop.sock_sendall(self._socket, data)
            except OSError as error:
                raise Gone from error
            self.bytes_sent += len(data)
        if data[:6] in (wire.pdu(wire.ASSOCIATE_RJ, b"", length=4), wire.pdu(wire.ABORT, b"", length=4)):
            self.events.append(Event.WE_REFUSED)

    async def drip(self, data: bytes, interval: float, size: int = 1) -> None:
        """Send `data` in pieces of `size` bytes with `interval` seconds between them."""
        for start in range(0, len(data), size):
            await self.send(data[start : start + size])
            await asyncio.sleep(interval)

    def close(self) -> None:
        """Close our side (FIN); what the client still does is recorded."""
        self.events.append(Event.WE_CLOSED)
        with contextlib.suppress(OSError):  # the client was quicker
            self._socket.shutdown(socket.SHUT_WR)

    def reset(self) -> NoReturn:
        """End the connection with RST. What the client had sent and we had not read is lost. Always raises Gone."""
        self.events.append(Event.WE_RESET)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.gone.set()
        raise Gone

    def drop(self) -> None:
        """Give the connection's descriptor back; done once the connection has ended, and again without harm."""
        self._socket.close()

    async def _next(self) -> Proposal | Message:
        received = asyncio.ensure_future(self._inbox.get())
        gone = asyncio.ensure_future(self.gone.wait())
        try:
            await asyncio.wait([received, gone], return_when=asyncio.FIRST_COMPLETED)
            if received.done():
                return received.result()
            raise Gone
        finally:
            received.cancel()
            gone.cancel()

    async def _read(self) -> None:
        buffer = bytearray()
        reassembly = Reassembly()
        try:
            while data := await self._loop.sock_recv(self._socket, 65536):
                if Event.NOT_DICOM in self.events:
                    continue
                buffer += data
                if buffer[0] not in KNOWN_PDUS:
                    self.events.append(Event.NOT_DICOM)
                    continue
                while (found := take_pdu(buffer)) is not None:
                    self._take(*found, reassembly)
            self.events.append(Event.CLOSED)
        except OSError:
            self.events.append(Event.RESET)
        finally:
            self.gone.set()

    def _take(self, kind: int, body: bytes, reassembly: Reassembly) -> None:
        if kind == wire.ASSOCIATE_RQ:
            self._received(Event.PROPOSED, parse_proposal(body))
        elif kind == wire.P_DATA:
            for message in reassembly.feed(body):
                if message.kind == messages.C_CANCEL_RQ:
                    self.events.append(Event.CANCELLED)
                    self.cancelled.set()
                else:
                    self._received(Event.REQUESTED, message)
        elif kind == wire.RELEASE_RQ:
            self.events.append(Event.RELEASED)
            if self.on_release is not None:
                # In a task: while a behaviour waits to send, we must go on reading.
                self._answers.add(asyncio.create_task(self._answer(self.on_release)))
        elif kind == wire.RELEASE_RP:
            self.events.append(Event.RELEASE_ANSWERED)
        elif kind == wire.ABORT:
            self.events.append(Event.ABORTED)

    def _received(self, event: Event, request: Proposal | Message) -> None:
        self.events.append(event)
        self.requests.append(request)
        self._inbox.put_nowait(request)

    async def _answer(self, data: bytes) -> None:
        with contextlib.suppress(Gone):
            await self.send(data)

    async def serve(self, behaviour: Behaviour) -> None:
        """Run `behaviour`, then wait until the client has ended the connection."""
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = asyncio.create_task(self._read())
        try:
            await behaviour(self)
            await self.gone.wait()
        except Gone:
            if Event.WE_RESET not in self.events:
                await reader  # what arrived before the end is read, also if sending failed first
        finally:
            tasks = [reader, *self._answers]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.drop()
            if not reader.cancelled() and (error := reader.exception()) is not None:
                raise error  # the client sent what `parsing` cannot read: a test wants to know


class Server:
    """A running server; `connections` holds every connection there was, first one first."""

    def __init__(self, behaviour: Behaviour, listener: socket.socket) -> None:
        self.connections: list[Peer] = []
        self.host: str = listener.getsockname()[0]
        self.port: int = listener.getsockname()[1]
        self._behaviour = behaviour
        self._listener = listener
        self._serving: dict[asyncio.Task[None], Peer] = {}
        self._ended: list[Peer] = []
        self._another_ended = asyncio.Event()

    @property
    def address(self) -> str:
        """`host:port`, or `[host]:port` for IPv6."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    async def ended(self, count: int = 1, timeout: float = 10) -> list[Peer]:
        """The connections that have ended, once there are `count`. Raises TimeoutError after `timeout` seconds."""
        async with asyncio.timeout(timeout):
            while len(self._ended) < count:
                self._another_ended.clear()
                await self._another_ended.wait()
        return list(self._ended)

    async def accept(self) -> None:
        """Accept connections for ever."""
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._listener)
            peer = Peer(connection)
            self.connections.append(peer)
            task = asyncio.create_task(peer.serve(self._behaviour))
            self._serving[task] = peer
            task.add_done_callback(self._note_end)

    async def close(self) -> None:
        """End everything; raises what a behaviour or the reading of the client's bytes raised."""
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        for peer in self.connections:
            peer.drop()  # a task that was cancelled before it began has closed nothing
        for task in self._serving:
            if not task.cancelled():
                task.result()

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._ended.append(self._serving[task])
        self._another_ended.set()


@contextlib.asynccontextmanager
async def server(behaviour: Behaviour, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Server]:
    """Serve `behaviour` to every connection on a free port of `host` until the block ends."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=1024)
    listener.setblocking(False)
    running = Server(behaviour, listener)
    accepting = asyncio.create_task(running.accept())
    try:
        yield running
    finally:
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)
        try:
            await running.close()
        finally:
            listener.close()
