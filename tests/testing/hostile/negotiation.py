"""Behaviours in the answer to an A-ASSOCIATE-RQ (PS3.8 9.3.3 and 9.3.4)."""

from __future__ import annotations

from collections.abc import Mapping

from tests.testing.hostile import wire
from tests.testing.hostile.honest import associate, serve
from tests.testing.hostile.parsing import Proposal
from tests.testing.hostile.plain import Then, answers
from tests.testing.hostile.server import Behaviour, Peer

REJECTIONS = (
    *((1, 1, reason) for reason in (1, 2, 3, 7)),
    *((1, 2, reason) for reason in (1, 2)),
    *((result, 3, reason) for result in (1, 2) for reason in (1, 2)),
    (2, 2, 1),
    (1, 1, 10),
    (1, 3, 0),
    (2, 9, 9),
    (0, 0, 0),
    (255, 255, 255),
)
"""(result, source, reason): those of PS3.8 Table 9-21, and some that it does not list."""

ABORTS = (*((source, reason) for source in (0, 2) for reason in (0, 1, 2, 4, 5, 6)), (1, 3), (9, 200))
"""(source, reason): those of PS3.8 Table 9-26, and some that it does not list."""


def rejects(result: int = 1, source: int = 1, reason: int = 3) -> Behaviour:
    """Answers with an A-ASSOCIATE-RJ."""
    return answers(wire.associate_rj(result, source, reason))


def aborts(source: int = 0, reason: int = 0) -> Behaviour:
    """Answers with an A-ABORT."""
    return answers(wire.abort(source, reason))


def accepts(then: Then = Then.STAY_SILENT) -> Behaviour:
    """Accepts everything, and is then silent, closes or resets."""
    return answers(_accept_all, then)


def refuses_contexts(result: int = wire.ABSTRACT_SYNTAX_NOT_SUPPORTED, only: str | None = None) -> Behaviour:
    """Accepts the association and refuses every context, or those of one abstract syntax, and serves the others."""

    async def behaviour(peer: Peer) -> None:
        if only is None:
            await associate(peer, otherwise=result)
        else:
            await associate(peer, {only: result})
        await serve(peer)

    return behaviour


def accepts_contexts(contexts: Mapping[int, int]) -> Behaviour:
    """Accepts the association with these context IDs and results, whatever was proposed."""
    return answers(wire.associate_ac(contexts))


def malformed(name: str) -> Behaviour:
    """Answers with the A-ASSOCIATE-AC (or what should be one) of that name in MALFORMED."""
    return answers(MALFORMED[name])


_HEAD = wire.application_context()
_ONE = wire.context_answer(1)
_USER = wire.user_information()

MALFORMED: Mapping[str, bytes] = {
    "context length beyond the PDU": wire.associate_ac_of(_HEAD + wire.item(0x21, b"\1\0\0\0", length=0xFFFF)),
    "sub-item length beyond its item": wire.associate_ac_of(
        _HEAD + wire.item(0x21, b"\1\0\0\0" + wire.item(0x40, b"1.2", length=200)) + _USER
    ),
    "user information beyond the PDU": wire.associate_ac_of(_HEAD + _ONE + wire.item(0x50, b"", length=4000)),
    "item header cut off": wire.associate_ac_of(_HEAD + _ONE + _USER + b"\x21\0"),
    "fixed part cut off": wire.pdu(wire.ASSOCIATE_AC, bytes(20)),
    "no body": wire.pdu(wire.ASSOCIATE_AC, b""),
    "no items": wire.associate_ac_of(b""),
    "context item of two bytes": wire.associate_ac_of(_HEAD + wire.item(0x21, b"\1\0") + _USER),
    "same context twice": wire.associate_ac_of(_HEAD + _ONE + wire.context_answer(1, 3) + _USER),
    "even context ID": wire.associate_ac_of(_HEAD + wire.context_answer(2) + _USER),
    "unlisted result": wire.associate_ac_of(_HEAD + wire.context_answer(1, 77) + _USER),
    "transfer syntax never proposed": wire.associate_ac_of(
        _HEAD + wire.context_answer(1, 0, wire.EXPLICIT_VR_LITTLE_ENDIAN) + _USER
    ),
    "accepted without a transfer syntax": wire.associate_ac_of(_HEAD + wire.context_answer(1, 0, None) + _USER),
    "transfer syntax not ASCII": wire.associate_ac_of(
        _HEAD + wire.item(0x21, b"\1\0\0\0" + wire.item(0x40, b"\xff\xfe\x80")) + _USER
    ),
    "maximum length of two bytes": wire.associate_ac_of(
        _HEAD + _ONE + wire.item(0x50, wire.item(0x51, b"\0\1") + wire.item(0x52, b"1.2.3"))
    ),
    "thousands of contexts": wire.associate_ac_of(_HEAD + wire.context_answer(1, 3) * 20_000 + _USER),
    "P-DATA before the answer": wire.p_data(wire.pdv(1, bytes(8), command=True, last=True)),
    "A-RELEASE-RP before the answer": wire.release_rp(),
    "A-ASSOCIATE-RQ as the answer": wire.associate_rq({1: "1.2.840.10008.1.1"}),
    "A-ASSOCIATE-RJ of one byte": wire.pdu(wire.ASSOCIATE_RJ, b"\0"),
    "A-ABORT of no bytes": wire.pdu(wire.ABORT, b""),
    "PDU type 0": wire.pdu(0, bytes(4)),
    "PDU type 8": wire.pdu(8, bytes(4)),
}
"""What goes wrong -> the bytes. Some of it a lenient reader may accept: what matters is that there is an outcome."""

ODD: Mapping[str, bytes] = {
    "no user information": wire.associate_ac_of(_HEAD + _ONE),
    "no implementation version": wire.associate_ac_of(
        _HEAD + _ONE + wire.user_information(implementation_version=None)
    ),
    "no implementation class UID": wire.associate_ac_of(
        _HEAD + _ONE + wire.user_information(implementation_class_uid=None)
    ),
    "no maximum length": wire.associate_ac_of(_HEAD + _ONE + wire.user_information(max_pdu=None)),
    "maximum length 0": wire.associate_ac_of(_HEAD + _ONE + wire.user_information(max_pdu=0)),
    "maximum length 1": wire.associate_ac_of(_HEAD + _ONE + wire.user_information(max_pdu=1)),
    "markup as version": wire.associate_ac_of(
        _HEAD + _ONE + wire.user_information(implementation_version="<script>alert(1)")
    ),
    "control characters as version": wire.associate_ac_of(
        _HEAD + _ONE + wire.user_information(implementation_version='\x1b[31m"\n\\')
    ),
    "long version": wire.associate_ac_of(_HEAD + _ONE + wire.user_information(implementation_version="V" * 60_000)),
    "unknown items": wire.associate_ac_of(_HEAD + _ONE + wire.item(0x99, b"??") + _USER),
    "unknown sub-items": wire.associate_ac_of(_HEAD + _ONE + wire.user_information(more=wire.item(0x77, bytes(9)))),
    "other titles": wire.associate_ac({1: 0}, called="SOMEONE-ELSE"),
}
"""Answers a reader must be able to take: allowed, or a slip that old servers are known for. Context 1 is accepted."""


def _accept_all(proposal: Proposal) -> bytes:
    return wire.associate_ac(dict.fromkeys(proposal.contexts, wire.ACCEPTED))
