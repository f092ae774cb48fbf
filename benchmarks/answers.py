"""The responses of the fast SCP: each is encoded once and cached.

The key of the cache is the bytes of the request, so a repeated request costs one dict lookup. Clients increment their
message IDs, which would give 65,535 keys for one request, so the message ID is removed from the key.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from tests.testing.hostile import messages, wire
from tests.testing.hostile.parsing import Message, Reassembly, parse_proposal

TITLES = slice(10, 42)
"""Called and calling AE title in an A-ASSOCIATE-RQ and -AC with their PDU header, PS3.8 Tables 9-11 and 9-17."""
MATCHES_A_BLOCK = 250
"""Matches in one `send`. With fewer, the SCP would be slower than the fastest client."""

_MESSAGE_ID_ELEMENT = struct.pack("<HHI", 0, 0x0110, 2)
_PLACEHOLDER = 0x7FFF


@dataclass(slots=True)
class Session:
    """One association: the number of matches that its called AE title requests, and the fragments received so far."""

    matches: int = 0
    """Matches that each C-FIND gets: the number at the end of the called AE title (``FIND1000``)."""
    messages: Reassembly = field(default_factory=Reassembly)


def accept(request: bytes) -> bytes:
    """The A-ASSOCIATE-AC for a complete A-ASSOCIATE-RQ: accepts each context, with implicit VR little endian."""
    answer = _accept(request[TITLES.stop :])
    return answer[: TITLES.start] + request[TITLES] + answer[TITLES.stop :]


@lru_cache(maxsize=1024)
def _accept(after_titles: bytes) -> bytes:
    proposal = parse_proposal(bytes(TITLES.stop - wire_header()) + after_titles)
    return wire.associate_ac(dict.fromkeys(proposal.contexts, wire.ACCEPTED))


def wire_header() -> int:
    """Bytes of a PDU header (PS3.8 9.3.1)."""
    return 6


def matches_wanted(request: bytes) -> int:
    """The number of matches that the called AE title of an A-ASSOCIATE-RQ requests; 0 without a number at its end."""
    called = request[TITLES.start : TITLES.start + 16].decode("ascii", "replace").strip()
    digits = called[len(called.rstrip("0123456789")) :]
    return int(digits) if digits else 0


def echo_response(pdu: bytes) -> bytes | None:
    """The response to a P-DATA-TF with a complete C-ECHO-RQ; None for any other content."""
    at = pdu.find(_MESSAGE_ID_ELEMENT) + len(_MESSAGE_ID_ELEMENT)
    if at < len(_MESSAGE_ID_ELEMENT):
        return None
    template = _echo_template(pdu[6:at], pdu[at + 2 :])
    if template is None:
        return None
    head, tail = template
    return head + pdu[at : at + 2] + tail


@lru_cache(maxsize=1024)
def _echo_template(before_id: bytes, after_id: bytes) -> tuple[bytes, bytes] | None:
    body = before_id + struct.pack("<H", _PLACEHOLDER) + after_id
    found = list(Reassembly().feed(body))
    if len(found) != 1 or found[0].kind != messages.C_ECHO_RQ:
        return None
    encoded = messages.message(found[0].context_id, messages.echo_rsp(_PLACEHOLDER))
    head, _, tail = encoded.partition(struct.pack("<H", _PLACEHOLDER))
    return head, tail


def find_responses(request: Message, count: int) -> Iterator[bytes]:
    """All responses to a C-FIND, `MATCHES_A_BLOCK` matches at a time. Each block has the same studies."""
    block, one, final = _find_parts(request.context_id, request.message_id, request.sop_class)
    for _ in range(count // MATCHES_A_BLOCK):
        yield block
    yield one * (count % MATCHES_A_BLOCK) + final


@lru_cache(maxsize=256)
def _find_parts(context_id: int, message_id: int, sop_class: str) -> tuple[bytes, bytes, bytes]:
    command = messages.find_rsp(message_id, messages.PENDING, dataset=True, sop_class=sop_class)
    pending = [messages.message(context_id, command, _study(number), pdus=False) for number in range(MATCHES_A_BLOCK)]
    final = messages.message(context_id, messages.find_rsp(message_id, messages.SUCCESS, sop_class=sop_class))
    return b"".join(pending), pending[0], final


def _study(number: int) -> bytes:
    level = messages.element((0x0008, 0x0052), "STUDY")
    uid = messages.element(messages.STUDY_INSTANCE_UID, messages.uid(f"2.25.3055410298{number:029}"))
    return level + uid + messages.element(messages.STUDY_INSTANCES, str(number % 900 + 1))
