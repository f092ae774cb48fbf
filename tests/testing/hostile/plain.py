"""Behaviours below DICOM: silence, endings, floods, and servers that speak something else."""

from __future__ import annotations

import asyncio
import random
import struct
from collections.abc import Callable
from enum import Enum
from typing import TypeAlias

from tests.testing.hostile import wire
from tests.testing.hostile.parsing import Proposal
from tests.testing.hostile.server import Behaviour, Peer

GARBAGE = random.Random(104).randbytes(4096).replace(b"\x02", b"\xff", 1)
HTTP_ANSWER = b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
SSH_BANNER = b"SSH-2.0-OpenSSH_9.2p1 Debian-2+deb12u3\r\n"
TLS_ALERT = bytes.fromhex("1503030002020a")
"""A TLS server's answer to bytes that are no TLS: fatal alert, unexpected message (RFC 8446 6)."""
TLS_SERVER_HELLO = bytes.fromhex("160303002a02000026 0303") + bytes(32) + bytes.fromhex("00 1301 00")
"""As long as it announces, and of no use to anyone."""


class Then(Enum):
    """What a server does after it has said its piece."""

    STAY_SILENT = "stay silent"
    CLOSE = "close"
    RESET = "reset"


Answer: TypeAlias = bytes | Callable[[Proposal], bytes]


async def silent(peer: Peer) -> None:
    """Accepts the connection and says nothing."""


def greets(data: bytes, then: Then = Then.STAY_SILENT) -> Behaviour:
    """Sends `data` as soon as the connection is open, whatever the client sends."""

    async def behaviour(peer: Peer) -> None:
        await peer.send(data)
        _end(peer, then)

    return behaviour


def answers(answer: Answer, then: Then = Then.STAY_SILENT) -> Behaviour:
    """Reads the A-ASSOCIATE-RQ and answers it with those bytes, or with what a function makes of the proposal."""

    async def behaviour(peer: Peer) -> None:
        proposal = await peer.proposal()
        await peer.send(answer if isinstance(answer, bytes) else answer(proposal))
        _end(peer, then)

    return behaviour


def drips(answer: Answer, interval: float = 1.0) -> Behaviour:
    """As `answers`, one byte every `interval` seconds."""

    async def behaviour(peer: Peer) -> None:
        proposal = await peer.proposal()
        await peer.drip(answer if isinstance(answer, bytes) else answer(proposal), interval)

    return behaviour


def floods(head: bytes = b"", chunk: bytes = bytes(65536)) -> Behaviour:
    """Reads the A-ASSOCIATE-RQ, sends `head`, then `chunk` again and again for as long as the client reads."""

    async def behaviour(peer: Peer) -> None:
        await peer.proposal()
        await peer.send(head)
        while True:
            await peer.send(chunk)
            await asyncio.sleep(0)

    return behaviour


def giant_pdu(kind: int = wire.ASSOCIATE_AC) -> Behaviour:
    """Announces a PDU of 4 GiB in answer to the A-ASSOCIATE-RQ and sends it as fast as it is read."""
    return floods(wire.pdu(kind, b"", length=0xFFFFFFFF))


def half_header() -> Behaviour:
    """The first three bytes of an A-ASSOCIATE-AC, then silence."""
    return answers(struct.pack(">Bxx", wire.ASSOCIATE_AC)[:3])


def half_body() -> Behaviour:
    """An A-ASSOCIATE-AC whose second half never comes."""
    return answers(lambda proposal: half(wire.associate_ac(dict.fromkeys(proposal.contexts, wire.ACCEPTED))))


def half(data: bytes) -> bytes:
    """The first half of some bytes."""
    return data[: len(data) // 2]


def _end(peer: Peer, then: Then) -> None:
    if then is Then.CLOSE:
        peer.close()
    elif then is Then.RESET:
        peer.reset()
