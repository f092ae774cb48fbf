"""Behaviours in the answer to a request on an accepted association: C-ECHO, and anything before its response."""

from __future__ import annotations

from collections.abc import Callable

from tests.testing.hostile import messages, wire
from tests.testing.hostile.honest import associate, serve
from tests.testing.hostile.parsing import Message
from tests.testing.hostile.plain import Then
from tests.testing.hostile.server import Behaviour, Peer


def replies(reply: bytes | Callable[[Message], bytes], then: Then = Then.STAY_SILENT) -> Behaviour:
    """Accepts, reads the first request and answers it with those bytes, or with what a function makes of it."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await peer.message()
        await peer.send(reply if isinstance(reply, bytes) else reply(request))
        if then is Then.CLOSE:
            peer.close()
        elif then is Then.RESET:
            peer.reset()

    return behaviour


def echo_status(status: int) -> Behaviour:
    """Answers the C-ECHO with that status."""
    return replies(lambda request: _echo(request, status=status))


def wrong_message_id() -> Behaviour:
    """Answers a C-ECHO that was not sent."""
    return replies(lambda request: _echo(request, message_id=request.message_id + 1))


def wrong_command_field(field: int = messages.C_FIND_RSP) -> Behaviour:
    """Answers the C-ECHO with the response to something else."""
    return replies(
        lambda request: messages.message(
            request.context_id, messages.response(field, request.message_id, messages.SUCCESS)
        )
    )


def wrong_context_id(offset: int = 2) -> Behaviour:
    """Answers in another presentation context than the one of the request."""
    return replies(
        lambda request: messages.message((request.context_id + offset) % 256, messages.echo_rsp(request.message_id))
    )


def unexpected_dataset() -> Behaviour:
    """Answers the C-ECHO with a dataset, which that response must not have."""
    return replies(
        lambda request: messages.message(
            request.context_id,
            messages.response(messages.C_ECHO_RSP, request.message_id, messages.SUCCESS, dataset=True),
            messages.match(1),
        )
    )


def no_status() -> Behaviour:
    """A C-ECHO-RSP without its status."""
    return replies(
        lambda request: messages.message(
            request.context_id,
            messages.command_set(
                {0x0100: messages.C_ECHO_RSP, 0x0120: request.message_id, 0x0800: messages.NO_DATASET}
            ),
        )
    )


def broken_command_set(data: bytes) -> Behaviour:
    """Answers with any bytes for a command set."""
    return replies(lambda request: messages.message(request.context_id, data))


def fragmented(*, size: int = 7, in_one_pdu: bool = False, interval: float | None = None) -> Behaviour:
    """A correct C-ECHO-RSP in fragments of `size` bytes, each in its own PDU or all in one.

    With an `interval` (seconds, 0 allowed) the bytes go one by one; without, all PDUs in one segment. Correct,
    and to be read as a success; so is everything else that the client asks.
    """

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await peer.message()
        data = messages.message(
            request.context_id, messages.echo_rsp(request.message_id), max_pdv=size, pdus=not in_one_pdu
        )
        if interval is None:
            await peer.send(data)
        else:
            await peer.drip(data, interval)
        await serve(peer)

    return behaviour


def endless_fragments(*, command: bool = True, size: int = 1000) -> Behaviour:
    """Fragments of a message, none of them ever the last, for as long as the client reads."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await peer.message()
        if not command:
            head = messages.find_rsp(request.message_id, messages.PENDING, dataset=True, sop_class=request.sop_class)
            await peer.send(messages.message(request.context_id, head))
        while True:
            await peer.send(wire.p_data(wire.pdv(request.context_id, bytes(size), command=command, last=False)))

    return behaviour


def endless_empty_fragments() -> Behaviour:
    """Fragments without a byte in them: no limit on a message's length is ever reached."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await peer.message()
        while True:
            await peer.send(wire.p_data(wire.pdv(request.context_id, b"", command=True, last=False)) * 1000)

    return behaviour


def _echo(request: Message, *, status: int = messages.SUCCESS, message_id: int | None = None) -> bytes:
    answered = request.message_id if message_id is None else message_id
    return messages.message(request.context_id, messages.echo_rsp(answered, status))


BROKEN_PDVS = {
    "PDV length beyond the PDU": wire.p_data(wire.pdv(1, b"abc", command=True, last=True, length=5000)),
    "PDV length 0": wire.p_data(wire.pdv(1, b"", command=True, last=True, length=0)),
    "PDV length 1": wire.p_data(wire.pdv(1, b"", command=True, last=True, length=1)),
    "PDV header cut off": wire.p_data(b"\0\0\0"),
    "P-DATA without PDVs": wire.p_data(),
    "dataset before its command": wire.p_data(wire.pdv(1, messages.match(1), command=False, last=True)),
    "command set of one byte": messages.message(1, b"\0"),
    "empty command set": messages.message(1, b""),
    "element length beyond the command set": messages.message(1, messages.element((0, 2), b"1.2", length=0x7FFFFFFF)),
    "element of undefined length in the command set": messages.message(
        1, messages.element((0, 2), b"1.2", length=0xFFFFFFFF)
    ),
    "wrong group length": messages.message(1, messages.command_set({0x0100: 0x8030, 0x0120: 1}, group_length=4)),
    "second A-ASSOCIATE-AC": wire.associate_ac({1: 0}),
    "A-RELEASE-RQ as the answer": wire.release_rq(),
    "A-RELEASE-RP as the answer": wire.release_rp(),
    "A-ASSOCIATE-RJ as the answer": wire.associate_rj(1, 1, 1),
    "A-ABORT as the answer": wire.abort(2, 6),
    "PDU type 9": wire.pdu(9, bytes(4)),
    "HTTP": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}
"""What goes wrong -> the bytes sent in place of a response, for `replies`; context ID 1 throughout."""
