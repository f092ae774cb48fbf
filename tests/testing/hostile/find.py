"""Behaviours in the answer to a C-FIND. The C-ECHO before it, if there is one, is answered as it should be."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tests.testing.hostile import messages, wire
from tests.testing.hostile.honest import associate, final, next_find, pending, serve
from tests.testing.hostile.parsing import Message
from tests.testing.hostile.plain import Then
from tests.testing.hostile.server import Behaviour, Peer


def finds(
    matches: int,
    status: int = messages.SUCCESS,
    *,
    pending_status: int = messages.PENDING,
    instances: int | None = 1,
    more: bytes = b"",
) -> Behaviour:
    """That many matches with that pending status, then a final `status`; serves what comes after.

    `instances` of each study (None leaves the attribute out), `more` bytes at the end of each dataset.
    """

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await next_find(peer)
        for number in range(matches):
            await peer.send(pending(request, number, status=pending_status, instances=instances, more=more))
        await peer.send(final(request, status))
        await serve(peer)

    return behaviour


def limited(limit: int = 50, *, then_success: bool = False) -> Behaviour:
    """Stops after `limit` matches with B001, and optionally sends Success after that, as pynetdicom's SCP does."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await next_find(peer)
        for number in range(limit):
            await peer.send(pending(request, number))
        await peer.send(final(request, 0xB001) + (final(request, messages.SUCCESS) if then_success else b""))
        await serve(peer)

    return behaviour


def endless_matches(batch: int = 200, more: bytes = b"") -> Behaviour:
    """Matches without end, as fast as the client reads them; a C-CANCEL is ignored."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await next_find(peer)
        matches = b"".join(pending(request, number, more=more) for number in range(batch))
        while True:
            await peer.send(matches)

    return behaviour


def matches_until_cancelled(after_cancel: int = 0, status: int = messages.CANCEL) -> Behaviour:
    """Matches without end until the C-CANCEL, then `after_cancel` more and a final `status` (PS3.4 C.4.1.3.2)."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await next_find(peer)
        number = 0
        while not peer.cancelled.is_set():
            await peer.send(pending(request, number))
            number += 1
        for extra in range(number, number + after_cancel):
            await peer.send(pending(request, extra))
        await peer.send(final(request, status))
        await serve(peer)

    return behaviour


def silent_after(matches: int = 0) -> Behaviour:
    """That many matches and then nothing, also not when it is cancelled."""
    return _after(matches, None)


def ends_after(matches: int = 3, *, data: bytes = b"", then: Then = Then.STAY_SILENT) -> Behaviour:
    """That many matches, then `data` (an A-ABORT by `wire.abort()`, say), then silence, an end or a reset."""
    return _after(matches, data, then)


def aborts_on(tag: tuple[int, int] = messages.STUDY_INSTANCES, matches: int = 5) -> Behaviour:
    """Aborts when the identifier asks for `tag`, on every association; else finds studies that do not carry it."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await next_find(peer)
        if request.asks_for(tag):
            await peer.send(wire.abort())
            return
        for number in range(matches):
            await peer.send(pending(request, number, instances=None))
        await peer.send(final(request, messages.SUCCESS))
        await serve(peer)

    return behaviour


def datasets(*each: bytes, status: int = messages.SUCCESS) -> Behaviour:
    """A match for each of those datasets, which may be any bytes; then a final `status`."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await next_find(peer)
        for dataset in each:
            await peer.send(_match(request, dataset))
        await peer.send(final(request, status))
        await serve(peer)

    return behaviour


def raw(parts: Callable[[Message], Sequence[bytes]], then: Then = Then.STAY_SILENT) -> Behaviour:
    """Answers the C-FIND with any bytes, each part sent for itself."""

    async def behaviour(peer: Peer) -> None:
        await associate(peer)
        request = await next_find(peer)
        for part in parts(request):
            await peer.send(part)
        if then is Then.CLOSE:
            peer.close()
        elif then is Then.RESET:
            peer.reset()

    return behaviour


def pending_without_dataset() -> Behaviour:
    """A pending response that says it has no dataset, again and again a hundred times, then Success."""
    return raw(
        lambda request: [
            messages.message(request.context_id, messages.find_rsp(request.message_id, messages.PENDING)) * 100,
            final(request, messages.SUCCESS),
        ]
    )


def final_with_dataset() -> Behaviour:
    """A Success that brings a dataset, which only a pending response may."""
    return raw(
        lambda request: [
            messages.message(
                request.context_id,
                messages.find_rsp(request.message_id, messages.SUCCESS, dataset=True),
                messages.match(0),
            )
        ]
    )


def nested_sequences(depth: int = 5000) -> bytes:
    """The start of `depth` sequences of undefined length, one inside the other, none of them ever closed."""
    sequence = messages.element((0x0008, 0x1115), b"", length=0xFFFFFFFF)
    return (sequence + messages.element((0xFFFE, 0xE000), b"", length=0xFFFFFFFF)) * depth


BROKEN_DATASETS = {
    "length of 4 GiB": messages.element(messages.STUDY_INSTANCE_UID, b"2.25.1", length=0xFFFFFFFE),
    "undefined length if there is none": messages.element(messages.STUDY_INSTANCES, b"1 ", length=0xFFFFFFFF),
    "nested sequences never closed": nested_sequences(),
    "cut off in a header": messages.match(1) + b"\x20\x00\x08",
    "cut off in a value": messages.element(messages.STUDY_INSTANCE_UID, b"2.25.1", length=64),
    "empty": b"",
    "garbage": bytes(range(251)) * 3,
    "instances not a number": messages.element(messages.STUDY_INSTANCES, "many"),
    "instances negative": messages.element(messages.STUDY_INSTANCES, "-5"),
    "instances beyond bounds": messages.element(messages.STUDY_INSTANCES, "9" * 5000),
    "instances twice": messages.element(messages.STUDY_INSTANCES, "7 ") * 2,
    "elements out of order": messages.element(messages.STUDY_INSTANCES, "3 ")
    + messages.element(messages.PATIENT_NAME, "SECRET^PHI"),
    "a name in place of the instances": messages.element(messages.STUDY_INSTANCES, "SECRET^PHI"),
    "attributes nobody asked for": messages.element(messages.PATIENT_NAME, "SECRET^PHI") + messages.match(1),
    "explicit VR in place of implicit": b"\x20\x00\x08\x12IS\x02\x007 ",
    "delimiters alone": messages.element((0xFFFE, 0xE00D), b"") + messages.element((0xFFFE, 0xE0DD), b""),
}
"""What goes wrong -> the dataset of a match, for `datasets`."""


def _after(matches: int, data: bytes | None, then: Then = Then.STAY_SILENT) -> Behaviour:
    return raw(lambda request: [*(pending(request, number) for number in range(matches)), data or b""], then)


def _match(request: Message, dataset: bytes) -> bytes:
    command = messages.find_rsp(request.message_id, messages.PENDING, dataset=True, sop_class=request.sop_class)
    return messages.message(request.context_id, command, dataset)
