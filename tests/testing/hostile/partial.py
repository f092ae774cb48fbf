"""Behaviours that fail at one request and do all else as they should: one answer does not tell the others."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from tests.testing.hostile import messages, wire
from tests.testing.hostile.honest import answer, associate, final
from tests.testing.hostile.parsing import Message
from tests.testing.hostile.server import Behaviour, Peer

WORKLIST_FIND = "1.2.840.10008.5.1.4.31"

Fault = Callable[[Peer], Awaitable[None]]


async def hang(peer: Peer) -> None:
    """Never answer."""
    await peer.gone.wait()


async def abort(peer: Peer) -> None:
    """Answer with A-ABORT."""
    await peer.send(wire.abort())
    await peer.gone.wait()


def faulty_at(is_faulty: Callable[[Message], bool], fault: Fault, matches: int = 5) -> Behaviour:
    """Has `fault` at each request that `is_faulty`, and `matches` for every C-FIND."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        while True:
            request = await peer.message()
            if is_faulty(request):
                await fault(peer)
                return
            await answer(peer, request, matches)

    return behaviour


def at_echo(fault: Fault, matches: int = 5) -> Behaviour:
    """Has `fault` at the C-ECHO."""
    return faulty_at(lambda request: request.kind == messages.C_ECHO_RQ, fault, matches)


def once(is_faulty: Callable[[Message], bool], fault: Fault, matches: int = 5) -> Behaviour:
    """Has `fault` at the first request that `is_faulty`, over all connections."""
    spent = False

    def first(request: Message) -> bool:
        nonlocal spent
        if spent or not is_faulty(request):
            return False
        spent = True
        return True

    return faulty_at(first, fault, matches)


def is_worklist(request: Message) -> bool:
    """Whether it is a C-FIND of the worklist."""
    return request.kind == messages.C_FIND_RQ and request.sop_class == WORKLIST_FIND


def huge_match(size: int = 2 << 20) -> Behaviour:
    """Answers each C-FIND with one match of `size` bytes."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        while True:
            request = await peer.message()
            if request.kind == messages.C_ECHO_RQ:
                await answer(peer, request)
                continue
            command = messages.find_rsp(request.message_id, messages.PENDING, dataset=True, sop_class=request.sop_class)
            more = messages.element((0x7FE0, 0x0010), bytes(size))
            await peer.send(messages.message(request.context_id, command, messages.match(1, more=more)))
            await peer.send(final(request, messages.SUCCESS))

    return behaviour


def accepts_and_aborts(result: int = wire.ABSTRACT_SYNTAX_NOT_SUPPORTED) -> Behaviour:
    """Answers each presentation context with `result`, and has A-ABORT in the same segment."""

    async def behaviour(peer: Peer) -> None:
        proposal = await peer.proposal()
        await peer.send(wire.associate_ac(dict.fromkeys(proposal.contexts, result)) + wire.abort())
        await peer.gone.wait()

    return behaviour
