"""The hostile servers themselves: they do and record what the tests rely on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.testing import hostile
from tests.testing.hostile import Event, echo, find, messages, negotiation, plain, release, wire

pytestmark = pytest.mark.integration

PROPOSAL = wire.associate_rq({1: messages.VERIFICATION, 3: messages.STUDY_ROOT_FIND})
ECHO = messages.message(
    1,
    messages.command_set(
        {
            0x0002: messages.uid(messages.VERIFICATION),
            0x0100: messages.C_ECHO_RQ,
            0x0110: 1,
            0x0800: messages.NO_DATASET,
        }
    ),
)
FIND = messages.message(
    3,
    messages.command_set(
        {0x0002: messages.uid(messages.STUDY_ROOT_FIND), 0x0100: messages.C_FIND_RQ, 0x0110: 2, 0x0800: 1}
    ),
    messages.element(messages.STUDY_INSTANCE_UID, b""),
)
CANCEL = messages.message(
    3, messages.command_set({0x0100: messages.C_CANCEL_RQ, 0x0120: 2, 0x0800: messages.NO_DATASET})
)


class Client:
    """A client without any DICOM library."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def pdu(self) -> bytes:
        head = await self.reader.readexactly(6)
        return head + await self.reader.readexactly(int.from_bytes(head[2:6], "big"))

    async def status(self) -> int:
        """The status of the next response; its dataset, if any, is the next PDU."""
        data = await self.pdu()
        return int.from_bytes(data[-2:], "little")

    async def associate(self) -> None:
        await self.send(PROPOSAL)
        assert (await self.pdu())[0] == wire.ASSOCIATE_AC

    async def release(self) -> None:
        await self.send(wire.release_rq())
        assert await self.pdu() == wire.release_rp()


@contextlib.asynccontextmanager
async def client(server: hostile.Server) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection(server.host, server.port)
    try:
        yield Client(reader, writer)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def test_hostile_silence_sees_client_close() -> None:
    async with hostile.server(plain.silent) as server:
        async with client(server) as us:
            await us.send(PROPOSAL)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(us.reader.read(1), 0.05)
        (peer,) = await server.ended()
    assert peer.events == [Event.PROPOSED, Event.CLOSED]
    assert not peer.ended_cleanly


async def test_hostile_reset_is_a_reset() -> None:
    async with hostile.server(plain.answers(b"", hostile.Then.RESET)) as server, client(server) as us:
        await us.send(PROPOSAL)
        with pytest.raises(ConnectionResetError):
            await us.reader.read(1)


async def test_hostile_close_is_end_of_stream() -> None:
    async with hostile.server(plain.greets(b"", hostile.Then.CLOSE)) as server, client(server) as us:
        assert await us.reader.read() == b""


async def test_hostile_half_a_body_stops_half_way() -> None:
    async with hostile.server(plain.half_body()) as server, client(server) as us:
        await us.send(PROPOSAL)
        head = await us.reader.readexactly(6)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(us.reader.readexactly(int.from_bytes(head[2:6], "big")), 0.05)


async def test_hostile_flood_waits_for_its_reader() -> None:
    async with hostile.server(plain.giant_pdu()) as server:
        async with client(server) as us:
            await us.send(PROPOSAL)
            await us.reader.readexactly(3_000_000)
        (peer,) = await server.ended()
    assert 3_000_000 < peer.bytes_sent < 100_000_000


async def test_hostile_rejection_has_its_codes() -> None:
    async with hostile.server(negotiation.rejects(2, 3, 2)) as server, client(server) as us:
        await us.send(PROPOSAL)
        assert await us.pdu() == wire.associate_rj(2, 3, 2)


async def test_hostile_honest_session_ends_in_release() -> None:
    async with hostile.server(hostile.honest.honest(matches=2)) as server:
        async with client(server) as us:
            await us.associate()
            await us.send(ECHO)
            assert await us.status() == messages.SUCCESS
            await us.send(FIND)
            for _ in range(2):
                assert await us.status() == messages.PENDING
                await us.pdu()
            assert await us.status() == messages.SUCCESS
            await us.release()
        (peer,) = await server.ended()
    assert peer.events == [Event.PROPOSED, Event.REQUESTED, Event.REQUESTED, Event.RELEASED, Event.CLOSED]
    assert peer.ended_cleanly


async def test_hostile_response_byte_by_byte_is_whole() -> None:
    async with hostile.server(echo.fragmented(size=3, interval=0)) as server, client(server) as us:
        await us.associate()
        await us.send(ECHO)
        fragments = b""
        while True:
            data = await us.pdu()
            fragments += data[12:]
            if data[11] & 2:
                break
    assert fragments == messages.echo_rsp(1)


async def test_hostile_cancel_ends_the_matches() -> None:
    async with hostile.server(find.matches_until_cancelled()) as server:
        async with client(server) as us:
            await us.associate()
            await us.send(FIND)
            assert await us.status() == messages.PENDING
            await us.pdu()
            await us.send(CANCEL)
            while await us.status() == messages.PENDING:
                await us.pdu()
            await us.release()
        (peer,) = await server.ended()
    assert Event.CANCELLED in peer.events
    assert peer.ended_cleanly


async def test_hostile_abort_in_a_flood_is_seen() -> None:
    async with hostile.server(find.endless_matches()) as server:
        async with client(server) as us:
            await us.associate()
            await us.send(FIND)
            await us.reader.readexactly(100_000)
            await us.send(wire.abort())
        (peer,) = await server.ended()
    assert Event.ABORTED in peer.events
    assert peer.ended_cleanly


async def test_hostile_release_without_answer() -> None:
    async with hostile.server(release.never_answers_release()) as server, client(server) as us:
        await us.associate()
        await us.send(wire.release_rq())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(us.reader.read(1), 0.05)


async def test_hostile_release_collision_sees_answer() -> None:
    async with hostile.server(release.collides()) as server:
        async with client(server) as us:
            await us.associate()
            await us.send(wire.release_rq())
            assert await us.pdu() == wire.release_rq()
            await us.send(wire.release_rp())
        (peer,) = await server.ended()
    assert peer.events[1:] == [Event.RELEASED, Event.RELEASE_ANSWERED, Event.CLOSED]


async def test_hostile_other_protocols_are_seen() -> None:
    async with hostile.server(plain.silent) as server:
        async with client(server) as us:
            await us.send(b"\x16\x03\x01 a TLS client hello")
        (peer,) = await server.ended()
    assert peer.events == [Event.NOT_DICOM, Event.CLOSED]


@pytest.mark.parametrize("name", hostile.catalogue.ALL)
async def test_hostile_every_behaviour_can_be_left(name: str) -> None:
    """Also one that is flooding: no server may run longer than its test."""
    async with hostile.server(hostile.catalogue.ALL[name]) as server:
        async with client(server) as us:
            with contextlib.suppress(OSError):
                await us.send(PROPOSAL + ECHO + FIND)
            with contextlib.suppress(OSError, TimeoutError):
                await asyncio.wait_for(us.reader.read(100), 0.01)
        await server.ended()
