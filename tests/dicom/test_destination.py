"""An AE of ours that takes one instance from one archive: who else calls is refused, and changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.dicom.destination import Destination, bound_towards
from dicom_exporter.dicom.instances import Instance, canary_instance
from dicom_exporter.dicom.pdu import PDUType
from dicom_exporter.dicom.requests import associate_request, store_command
from dicom_exporter.dicom.uids import SECONDARY_CAPTURE, UNCOMPRESSED, VERIFICATION

pytestmark = pytest.mark.integration

INSTANCE = canary_instance("archive", 1, 2048)
HERE = ipaddress.ip_address("127.0.0.1")
ABORTED, CLOSED = PDUType.ABORT, None


@asynccontextmanager
async def listening(*addresses: ipaddress.IPv4Address) -> AsyncIterator[tuple[Destination, int]]:
    destination = Destination("CANARY", "ARCHIVE", addresses or (HERE,), INSTANCE.sop_instance_uid)
    sock = bound_towards(SocketAddress(2, "127.0.0.1", 104), 0)
    async with destination.listening(sock):
        yield destination, sock.getsockname()[1]


def request(called: str = "CANARY", calling: str = "ARCHIVE", sop_class: str = SECONDARY_CAPTURE) -> bytes:
    return associate_request(called, calling, (sop_class,)).data


def store(instance: Instance = INSTANCE) -> bytes:
    dataset = b"".join(instance.parts)
    pdu = struct.pack(">BxIIBB", 4, len(dataset) + 6, len(dataset) + 2, 1, 2) + dataset
    return store_command(SECONDARY_CAPTURE, instance.sop_instance_uid, 1, 7, 0) + pdu


RELEASE = bytes.fromhex("0500 00000004 00000000")


async def told(port: int, *said: bytes) -> list[int | None]:
    """The type of the PDU that answers each of `said`; None: the connection ended."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answers: list[int | None] = []
    try:
        for data in said:
            writer.write(data)
            kind, length = struct.unpack(">BxI", await reader.readexactly(6))
            await reader.readexactly(length)
            answers.append(kind)
    except (asyncio.IncompleteReadError, ConnectionError):
        answers.append(None)
    finally:
        writer.close()
    return answers


async def test_destination_takes_the_instance() -> None:
    async with listening() as (destination, port):
        assert await told(port, request(), store(), RELEASE) == [
            PDUType.ASSOCIATE_AC,
            PDUType.P_DATA_TF,
            PDUType.RELEASE_RP,
        ]
        arrived = destination.arrived.result()
    assert arrived.dataset == b"".join(INSTANCE.parts)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_destination_takes_the_instance_with_explicit_vr() -> None:
    uid = INSTANCE.sop_instance_uid.encode()
    uid += b"\0" * (len(uid) % 2)
    dataset = struct.pack("<HH2sH", 8, 0x18, b"UI", len(uid)) + uid
    pdu = struct.pack(">BxIIBB", 4, len(dataset) + 6, len(dataset) + 2, 1, 2) + dataset
    proposal = associate_request("CANARY", "ARCHIVE", (), others=((SECONDARY_CAPTURE, (UNCOMPRESSED[0],)),)).data
    command = store_command(SECONDARY_CAPTURE, INSTANCE.sop_instance_uid, 1, 7, 0)
    async with listening() as (destination, port):
        assert await told(port, proposal, command + pdu) == [PDUType.ASSOCIATE_AC, PDUType.P_DATA_TF]
        assert destination.arrived.result().dataset == dataset


@pytest.mark.parametrize(
    ("said", "answers"),
    [
        ([request(called="OTHER")], [PDUType.ASSOCIATE_RJ]),
        ([request(calling="OTHER")], [PDUType.ASSOCIATE_RJ]),
        ([request(), store(canary_instance("archive", 2, 2048)), store()], [PDUType.ASSOCIATE_AC, ABORTED, CLOSED]),
        ([request(sop_class=VERIFICATION), store()], [PDUType.ASSOCIATE_AC, ABORTED]),
        ([store()], [CLOSED]),
        ([b"GET / HTTP/1.1\r\n\r\n"], [CLOSED]),
        ([b"\x01\x00\xff\xff\xff\xff"], [CLOSED]),
        ([request(), b"\x04\x00\x00\x00\x00\x00"], [PDUType.ASSOCIATE_AC, CLOSED]),
        ([request()[:100] + bytes(10)], [CLOSED]),
    ],
)
async def test_destination_refuses_others_and_then_takes_the_instance(
    said: list[bytes], answers: list[int | None]
) -> None:
    async with listening() as (destination, port):
        if said[-1].endswith(bytes(10)):  # cut short: it ends, as its caller does
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(said[-1])
            writer.close()
        else:
            assert await told(port, *said) == answers
        assert not destination.arrived.done()
        await told(port, request(), store(), RELEASE)
        assert destination.arrived.done()


async def test_destination_closes_connections_from_elsewhere() -> None:
    async with listening(ipaddress.IPv4Address("192.0.2.1")) as (destination, port):
        assert await told(port, request(), store()) == [CLOSED]
        assert not destination.arrived.done()


async def test_destination_takes_a_few_callers_at_once_and_closes_all_at_its_end() -> None:
    async with listening() as (_, port):
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(4)]
        assert await told(port, request()) == [CLOSED]
    for reader, writer in held:
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1)
        writer.close()


async def test_destination_has_a_bound_of_bytes() -> None:
    endless = b"\x04\x00" + struct.pack(">I", 65536) + struct.pack(">IBB", 65532, 1, 1) + bytes(65530)
    async with listening() as (destination, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request())
        with contextlib.suppress(ConnectionError):
            for _ in range(100):
                writer.write(endless)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            await reader.read()  # the end, as it hung up
        writer.close()
        assert not destination.arrived.done()
