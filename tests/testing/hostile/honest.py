"""Parts of a correct server: hostile ones use them up to the point where they misbehave."""

from __future__ import annotations

from collections.abc import Mapping

from tests.testing.hostile import messages, wire
from tests.testing.hostile.parsing import Message, Proposal
from tests.testing.hostile.server import Behaviour, Peer


async def associate(peer: Peer, results: Mapping[str, int] | None = None, otherwise: int = wire.ACCEPTED) -> Proposal:
    """Accept the association, each context with the result for its abstract syntax (PS3.8 9.3.3.2) or `otherwise`."""
    proposal = await peer.proposal()
    answers = {
        context_id: (results or {}).get(abstract_syntax, otherwise)
        for context_id, abstract_syntax in proposal.contexts.items()
    }
    await peer.send(wire.associate_ac(answers, called=proposal.called))
    return proposal


async def serve(peer: Peer, matches: int = 0, instances: int | None = 1) -> None:
    """Answer C-ECHO and C-FIND for as long as the client asks; every C-FIND finds `matches` studies."""
    while True:
        request = await peer.message()
        await answer(peer, request, matches, instances)


async def next_find(peer: Peer) -> Message:
    """The first C-FIND; what comes before it is answered as it should be."""
    while (request := await peer.message()).kind != messages.C_FIND_RQ:
        await answer(peer, request)
    return request


async def answer(peer: Peer, request: Message, matches: int = 0, instances: int | None = 1) -> None:
    """Answer one request; a C-FIND finds that many studies with that many instances each."""
    if request.kind == messages.C_ECHO_RQ:
        await peer.send(messages.message(request.context_id, messages.echo_rsp(request.message_id)))
        return
    assert request.kind == messages.C_FIND_RQ, hex(request.kind)
    peer.cancelled.clear()  # that one came too late for the C-FIND before, and is none of this one's (PS3.7 9.3.2.3)
    for number in range(matches):
        if peer.cancelled.is_set():
            await peer.send(final(request, messages.CANCEL))
            return
        await peer.send(pending(request, number, instances=instances))
    await peer.send(final(request, messages.SUCCESS))


def pending(
    request: Message, number: int, *, status: int = messages.PENDING, instances: int | None = 1, more: bytes = b""
) -> bytes:
    """One match in answer to a C-FIND: the PDUs of its command set and of its dataset."""
    command = messages.find_rsp(request.message_id, status, dataset=True, sop_class=request.sop_class)
    return messages.message(request.context_id, command, messages.match(number, instances=instances, more=more))


def final(request: Message, status: int) -> bytes:
    """The last response to a C-FIND."""
    command = messages.find_rsp(request.message_id, status, sop_class=request.sop_class)
    return messages.message(request.context_id, command)


def honest(matches: int = 0, instances: int | None = 1) -> Behaviour:
    """A correct archive with that many studies, beside the hostile ones."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        await serve(peer, matches, instances)

    return behaviour
