"""A server that is only a script, and an event loop around it that has no sockets and a clock of its own.

```
probes ──> Connection ──> Transport.write ──> Conversation.sent        judged: `Conversation.check`
                 ^
                 └── the next PDU of the script, whenever the client has nothing left to do but wait
```

The whole client runs, from `probe_session` down, a thousand times a second: a wait of ten seconds takes none. The
script is what a server sends, PDU after PDU, over as many connections as the client makes, with stage directions among
them, which look like PDUs of types that the standard does not have (`Direction`).
"""

from __future__ import annotations

import asyncio
import itertools
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import IntEnum
from typing import Any, TypeVar

from dicom_exporter.net.wire import TLS, Wire
from tests.testing.hostile import wire
from tests.testing.hostile.parsing import Reassembly, parse_proposal, take_pdu

T = TypeVar("T")

_MOST_TURNS = 200_000
"""Turns of the loop in one performance. One that needs more is going in circles."""


class Direction(IntEnum):
    """What the server does in place of sending. A body is ignored, save if it says so."""

    CLOSE = 0xF0
    """End of stream; the rest of the script is for the next connection."""
    RESET = 0xF1
    WAIT = 0xF2
    """Silence for as many tenths of a second as the body has bytes; for ever, if it has none."""
    STOP_READING = 0xF3
    READ_ON = 0xF4
    REFUSE = 0xF5
    """Refuse the next connection."""
    LATE = 0xF6
    """Take the next connection in the very moment in which the client gives up waiting for it."""


_DIRECTIONS = frozenset(int(direction) for direction in Direction)


def direct(direction: Direction, body: bytes = b"") -> bytes:
    """A stage direction, for a script."""
    return wire.pdu(direction, body)


class Conversation:
    """One connection: what went over it in both directions, and who ended it."""

    def __init__(self) -> None:
        self.sent = bytearray()
        """By the client."""
        self.delivered = bytearray()
        """To the client."""
        self.server_left = False
        self.reads = True
        """Whether the server reads what the client sends."""

    def check(self) -> None:
        """Assert that the client spoke the standard's language, and did not leave an association without a word."""
        rest = bytearray(self.sent)
        reassembly = Reassembly()
        kinds = []
        while (found := take_pdu(rest)) is not None:
            kind, body = found
            kinds.append(kind)
            if kind == wire.ASSOCIATE_RQ:
                assert parse_proposal(body).contexts
            elif kind == wire.P_DATA:
                list(reassembly.feed(body))
        assert not rest, "half a PDU"
        if not kinds or kinds == [wire.ABORT]:
            return  # nothing was proposed
        assert kinds[0] == wire.ASSOCIATE_RQ
        assert kinds.count(wire.ASSOCIATE_RQ) == 1
        for before, after in itertools.pairwise(kinds):
            assert before != wire.ABORT, "spoke after its A-ABORT"
            assert before != wire.RELEASE_RP or after == wire.ABORT, "spoke after its A-RELEASE-RP"
            assert before != wire.RELEASE_RQ or after in (wire.RELEASE_RP, wire.ABORT), "spoke after its A-RELEASE-RQ"
        endings = {wire.RELEASE_RQ, wire.RELEASE_RP, wire.ABORT}
        assert self.server_left or self._server_ended() or not self.reads or endings & set(kinds), "left without a word"

    def _server_ended(self) -> bool:
        rest = bytearray(self.delivered)
        while (found := take_pdu(rest)) is not None:
            if found[0] in (wire.ASSOCIATE_RJ, wire.ABORT):
                return True
        return False


def pdus(stream: bytes) -> list[bytes]:
    """The PDUs of `stream`, as their headers have it; the last may be cut short."""
    found = []
    while stream:
        length = 6 + int.from_bytes(stream[2:6], "big")
        found.append(stream[:length])
        stream = stream[length:]
    return found


class Script:
    """What the server does, in order: sends each of `steps`, or what a `Direction` says.

    `pieces` are sizes, in bytes, that what it sends is cut into, one after another; after them, steps come
    whole. When the script is over, the server closes, or is silent if `silent_at_end`.
    """

    def __init__(self, steps: Sequence[bytes], pieces: Iterable[int] = (), *, silent_at_end: bool = False) -> None:
        self._steps = deque(step for step in steps if step)
        self._pieces = iter(pieces)
        self._silent_at_end = silent_at_end
        self._quiet_until: float | None = None
        self._rest = b""
        self.late = False
        """Whether the connection that is being made comes too late."""
        self._in_connection = False
        """Whether the `CLOSE` of the current connection, if there is one, is still to come."""
        self._transport: _Transport | None = None
        self.conversations: list[Conversation] = []

    def connect(self) -> bool:
        """Whether the server takes the next connection. What was meant for the last one, up to its `CLOSE`, is gone."""
        self._rest = b""
        if self._in_connection:
            self._skip_to_close()
        next_step = self._steps[0][0] if self._steps else None
        if next_step in (Direction.REFUSE, Direction.LATE):
            self._steps.popleft()
        self.late = next_step == Direction.LATE
        return next_step != Direction.REFUSE

    def attach(self, transport: _Transport) -> None:
        """The next connection is made."""
        self._transport = transport
        self._quiet_until = None
        self._in_connection = True
        self.conversations.append(transport.conversation)

    def perform(self, now: float) -> bool:
        """Do the next thing; returns False if there is nothing to do now."""
        transport = self._transport
        if transport is None or transport.is_closing() or not transport.is_reading():
            return False
        if self._quiet_until is not None and now < self._quiet_until:
            return False
        self._quiet_until = None
        if not self._rest:
            if not self._steps:
                if self._silent_at_end:
                    return False
                transport.lose(None)
                return True
            step = self._steps.popleft()
            if step[0] in _DIRECTIONS:
                self._direct(Direction(step[0]), len(step) - 6, transport, now)
                return True
            self._rest = step
        size = max(1, next(self._pieces, len(self._rest)))
        piece, self._rest = self._rest[:size], self._rest[size:]
        transport.deliver(piece)
        return True

    def _direct(self, direction: Direction, length: int, transport: _Transport, now: float) -> None:
        match direction:
            case Direction.CLOSE:
                self._in_connection = False
                transport.lose(None)
            case Direction.RESET:
                transport.lose(ConnectionResetError())
            case Direction.WAIT if length > 0:
                self._quiet_until = now + length / 10
                transport.loop.call_later(length / 10, lambda: None)  # so that the clock stops there
            case Direction.WAIT:
                self._quiet_until = float("inf")
            case Direction.STOP_READING:
                transport.stop_reading()
            case Direction.READ_ON:
                transport.read_on()
            case Direction.REFUSE | Direction.LATE:
                pass  # meant for a connect

    def _skip_to_close(self) -> None:
        closes = (place for place, step in enumerate(self._steps) if step[0] == Direction.CLOSE)
        for _ in range(next(closes, -1) + 1):
            self._steps.popleft()


class _Transport(asyncio.Transport):
    """The client's side of a connection without a server."""

    def __init__(self, loop: Loop, protocol: asyncio.Protocol, sock: Any) -> None:
        super().__init__()
        self.loop = loop
        self.conversation = Conversation()
        self._protocol = protocol
        self._sock = sock
        self._closing = False
        self._reading = True
        self._vanished = False
        self._unsent = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self._closing, "wrote to a closed connection"
        if self._vanished:
            raise RuntimeError("the handler is closed")
        if self.conversation.reads:
            self.conversation.sent += data
        else:
            self._unsent += len(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        for data in list_of_data:
            self.write(data)

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return self._reading

    def pause_reading(self) -> None:
        self._reading = False

    def resume_reading(self) -> None:
        self._reading = True

    def get_write_buffer_size(self) -> int:
        return self._unsent

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, asyncio.Protocol)
        self._protocol = protocol

    def close(self) -> None:
        self._end(None)

    def abort(self) -> None:
        self._end(None)

    def deliver(self, data: bytes) -> None:
        """Bytes from the server."""
        self.conversation.delivered += data
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            while data:
                room = memoryview(self._protocol.get_buffer(len(data))).cast("B")
                taken = min(len(room), len(data))
                room[:taken] = data[:taken]
                self._protocol.buffer_updated(taken)
                data = data[taken:]
        else:
            self._protocol.data_received(data)

    def lose(self, error: Exception | None) -> None:
        """The server ends the connection."""
        self.conversation.server_left = True
        if error is None:
            self._protocol.eof_received()
        self._end(error)

    def vanish(self) -> None:
        """End as uvloop's do if the wait for their connection is cancelled: without a word to anybody."""
        self._vanished = True
        if self._sock is not None:
            self._sock.close()

    def stop_reading(self) -> None:
        if self.conversation.reads:
            self.conversation.reads = False
            self._protocol.pause_writing()

    def read_on(self) -> None:
        if not self.conversation.reads and not self._unsent:
            self.conversation.reads = True
            self._protocol.resume_writing()

    def _end(self, error: Exception | None) -> None:
        if not self._closing:
            self._closing = True
            self.loop.call_soon(self._lost, error)

    def _lost(self, error: Exception | None) -> None:
        self._protocol.connection_lost(error)
        if self._sock is not None:
            self._sock.close()


class Loop(asyncio.BaseEventLoop):
    """An event loop for one client and one script at a time. Used again and again, as making one costs a while."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._now = 0.0
        self._turns = 0
        self.script = Script(())
        self.errors: list[dict[str, Any]] = []
        """What would have been logged as a bug."""
        self.set_exception_handler(lambda _, context: self.errors.append(context))

    def play(self, script: Script, client: Callable[[], Awaitable[T]]) -> T:
        """Run `client` against `script`, and return what it does, once every callback has run."""
        self.script = script
        self._turns = 0
        self.errors.clear()
        result = self.run_until_complete(self._whole(client))
        assert not self.errors, self.errors
        return result

    async def _whole(self, client: Callable[[], Awaitable[T]]) -> T:
        try:
            return await client()
        finally:
            await asyncio.sleep(0)  # connections are closed in callbacks
            await asyncio.sleep(0)
            assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left behind"

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """In place of a selector's: let the server act if the client waits, else let time pass."""
        self._turns += 1
        assert self._turns < _MOST_TURNS, "going in circles"
        if timeout == 0 or self.script.perform(self._now):
            return []
        assert timeout is not None, "waits for what will never come"
        self._now += timeout
        return []

    async def sock_connect(self, sock: Any, address: Any) -> None:
        if not self.script.connect():
            raise ConnectionRefusedError(111, "refused")

    async def create_connection(self, protocol_factory: Any, *args: Any, **kwargs: Any) -> Any:
        sock = kwargs.get("sock")  # what `sock_connect` connected; without one, the address is connected to here
        if sock is None and not self.script.connect():
            raise ConnectionRefusedError(111, "refused")
        protocol = protocol_factory()
        if isinstance(protocol, Wire) and isinstance(protocol.upper, TLS):
            if sock is not None:
                sock.close()
            raise ConnectionResetError("this server speaks no TLS")
        transport = _Transport(self, protocol, sock)
        protocol.connection_made(transport)
        if self.script.late:
            try:
                await self.create_future()
            finally:
                transport.vanish()
        self.script.attach(transport)
        return transport, protocol

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


@contextmanager
def loop() -> Iterator[Loop]:
    """A loop for the length of a block."""
    made = Loop()
    try:
        yield made
    finally:
        made.close()
