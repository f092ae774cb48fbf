"""The bound on bytes that are of no use to the protocol above."""

import asyncio
import socket

from dicom_exporter.net.turns import Turns
from dicom_exporter.net.wire import HANDSHAKE_BYTES, USELESS_BYTES, TooManyBytes, Wire
from tests.testing.turns import Clock, Transport, turns_of_the_loop


class Socket(Transport):
    """A transport that is closed by us, or by nobody."""

    closed = False

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True


class Upper(asyncio.Protocol):
    """What a protocol above is told."""

    def __init__(self) -> None:
        self.received = 0
        self.end: list[Exception | None] = []

    def data_received(self, data: bytes) -> None:
        self.received += len(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self.end.append(exc)


def connected(upper: Upper, handshake: asyncio.Future[None] | None = None) -> tuple[Wire, Socket]:
    with socket.socket() as sock:
        wire = Wire(sock, Turns(Clock()), upper, USELESS_BYTES, handshake)
    transport = Socket()
    wire.connection_made(transport)
    return wire, transport


async def receive(wire: Wire, transport: Socket, count: int) -> None:
    """Send `count` bytes in parts, and let them be handled."""
    for begin in range(0, count, 4096):
        buffer = wire.get_buffer(-1)
        size = min(4096, count - begin)
        buffer[:size] = bytes(size)
        wire.buffer_updated(size)
        await turns_of_the_loop(1)
    if transport.closed:
        wire.connection_lost(None)


async def test_wire_bytes_of_no_use_end_the_connection() -> None:
    upper = Upper()
    wire, transport = connected(upper)
    await receive(wire, transport, USELESS_BYTES)
    assert not transport.closed
    await receive(wire, transport, 1)
    assert transport.closed
    assert wire.over_limit
    assert [type(end) for end in upper.end] == [TooManyBytes]
    assert upper.received == USELESS_BYTES


async def test_wire_bytes_before_a_reset_are_handed_on() -> None:
    upper = Upper()
    ours, peer = socket.socketpair()
    wire = Wire(ours, Turns(Clock()), upper, USELESS_BYTES, None)
    wire.connection_made(Socket())
    with ours, peer:
        peer.send(b"alert")
        reset = ConnectionResetError()
        wire.connection_lost(reset)
    assert (upper.received, upper.end) == (len(b"alert"), [reset])


async def test_wire_bytes_of_use_may_go_on() -> None:
    upper = Upper()
    wire, transport = connected(upper)
    wire.count_useful = lambda: upper.received // 2  # as much again comes beside them
    await receive(wire, transport, 20 * USELESS_BYTES)
    assert not transport.closed
    assert upper.received == 20 * USELESS_BYTES


async def test_wire_handshake_has_a_bound_of_its_own() -> None:
    upper = Upper()
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    wire, transport = connected(upper, done)
    await receive(wire, transport, HANDSHAKE_BYTES)
    assert not transport.closed
    done.set_result(None)
    await receive(wire, transport, USELESS_BYTES)
    assert not transport.closed
    await receive(wire, transport, 1)
    assert transport.closed


async def test_wire_handshake_without_end_is_ended() -> None:
    upper = Upper()
    wire, transport = connected(upper, asyncio.get_running_loop().create_future())
    await receive(wire, transport, HANDSHAKE_BYTES + 1)
    assert transport.closed
