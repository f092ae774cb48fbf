"""Mutations of a stream of PDUs that leave most of it valid: random cuts would be refused at the first PDU length."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.testing.hostile import simulated, wire
from tests.testing.hostile.simulated import Direction

Mutate = Callable[[bytes, int], bytes]
"""Mutates bytes, up to a maximum length: the mutator of libFuzzer."""

_TYPES = (*range(1, 8), *Direction)
_STATUSES = (0x0000, 0xFE00, 0xFF00, 0xFF01, 0xA700, 0xA900, 0xB001, 0xC001, 0x0122, 0x0124)
_STATUS_ELEMENT = b"\x00\x00\x00\x09\x02\x00\x00\x00"


def mutate_stream(stream: bytes, room: int, seed: int, mutate: Mutate) -> bytes:
    """Return `stream` with a few mutations, at most `room` bytes long."""
    chance = random.Random(seed)
    if not stream or chance.random() < 0.25:
        return mutate(stream, room)
    pdus = simulated.pdus(stream)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        _change(pdus, chance, mutate)
    return b"".join(pdus)[:room]


def _change(pdus: list[bytes], chance: random.Random, mutate: Mutate) -> None:
    if not pdus:
        pdus.append(wire.pdu(chance.choice(_TYPES), b"\0" * 4))
    at = chance.randrange(len(pdus))
    pdu = pdus[at]
    match chance.randrange(10):
        case 0:
            pdus.insert(chance.randrange(len(pdus) + 1), pdu)
        case 1:
            del pdus[at]
        case 2:
            other = chance.randrange(len(pdus))
            pdus[at], pdus[other] = pdus[other], pdus[at]
        case 3:
            body = bytes(chance.choice((0, 1, 4, 4, 30)))
            pdus.insert(at, wire.pdu(chance.choice(_TYPES), body))
        case 4:
            pdus[at] = bytes([chance.choice(_TYPES)]) + pdu[1:]
        case 5:  # another status
            place = pdu.find(_STATUS_ELEMENT)
            if place >= 0:
                status = chance.choice(_STATUSES).to_bytes(2, "little")
                place += len(_STATUS_ELEMENT)
                pdus[at] = pdu[:place] + status + pdu[place + 2 :]
        case 6:  # a wrong length
            length = chance.choice((0, 1, len(pdu), len(pdu) - 7, 0xFFFF, 0x40001, 0xFFFFFFFF)) & 0xFFFFFFFF
            pdus[at] = pdu[:2] + length.to_bytes(4, "big") + pdu[6:]
        case 7:  # split one fragment into two
            if pdu[:1] == bytes([wire.P_DATA]) and len(pdu) > 14:
                cut = chance.randrange(12, len(pdu))
                control = pdu[11]
                halves = [(pdu[12:cut], control & ~2), (pdu[cut:], control)]
                pdus[at] = b"".join(
                    wire.p_data(wire.pdv(pdu[10], part, command=bool(bits & 1), last=bool(bits & 2)))
                    for part, bits in halves
                )
        case 8 if pdu[:1] == bytes([wire.P_DATA]) and len(pdu) > 12:  # mutation inside a fragment, with valid lengths
            fragment = mutate(pdu[12:], len(pdu) + 64)
            pdus[at] = wire.p_data(wire.pdv(pdu[10], fragment, command=bool(pdu[11] & 1), last=bool(pdu[11] & 2)))
        case _:
            if pdu:
                pdus[at] = wire.pdu(pdu[0], mutate(pdu[6:], len(pdu) + 64))
