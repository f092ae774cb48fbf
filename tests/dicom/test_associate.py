"""Associations one after the other with one address: the pause between them, and a peer that is busy with the last."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Sequence

import pytest

from dicom_exporter.config import Address, Module, Target
from dicom_exporter.dicom import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.enums import Outcome
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.turns import Turns
from dicom_exporter.probes.session import probe_session
from tests.testing.context import lookup_threads, probe_context
from tests.testing.hostile import simulated, wire
from tests.testing.hostile.simulated import Direction, direct

TARGET = Target("target", Address("192.0.2.1", 104))
ECHO = Module("module", identity="monitor")
BUSY = wire.pdu(wire.ASSOCIATE_RJ, bytes((0, 2, 3, 1)))
REJECTED = wire.pdu(wire.ASSOCIATE_RJ, bytes((0, 1, 1, 3)))
CLOSE = direct(Direction.CLOSE)


def outcomes(
    steps: Sequence[bytes], count: int, *, pause: float = 0.0, apart: float = 0.0, seconds: float = 30.0
) -> tuple[list[Outcome | None], float, int]:
    """How `count` associations end, seconds that they took in all, and how many connections there were."""
    script = simulated.Script(steps)

    async def client() -> list[Outcome | None]:
        limits = ConnectionLimits(pause=pause)
        found = []
        with lookup_threads() as lookups:
            for _ in range(count):
                made = probe_context(lookups, seconds=seconds)
                context = ProbeContext(made.identity, made.resolver, limits, 3.0, made.deadline, made.now)
                found.append((await probe_session(TARGET, ECHO, context)).association)
                await asyncio.sleep(apart)
        return found

    with simulated.loop() as loop:
        begun = loop.time()
        found = loop.play(script, client)
        return found, loop.time() - begun, len(script.conversations)


def test_associate_busy_right_after_our_own_last_is_tried_once_more() -> None:
    found, seconds, connections = outcomes([REJECTED, CLOSE, BUSY, CLOSE, REJECTED], 2)
    assert (found, connections) == ([Outcome.REJECTED, Outcome.REJECTED], 3)
    assert seconds >= 1.0


def test_associate_busy_twice_is_busy() -> None:
    found, _, connections = outcomes([REJECTED, CLOSE, BUSY, CLOSE, BUSY, CLOSE, REJECTED], 2)
    assert (found, connections) == ([Outcome.REJECTED, Outcome.BUSY], 3)


@pytest.mark.parametrize(("apart", "seconds"), [(60.0, 30.0), (0.0, 0.5)])
def test_associate_busy_long_after_our_own_last_or_without_time_is_busy_at_once(apart: float, seconds: float) -> None:
    found, _, connections = outcomes([REJECTED, CLOSE, BUSY, CLOSE, REJECTED], 2, apart=apart, seconds=seconds)
    assert (found, connections) == ([Outcome.REJECTED, Outcome.BUSY], 2)


def test_associate_first_of_all_that_is_busy_is_busy_at_once() -> None:
    found, _, connections = outcomes([BUSY, CLOSE, REJECTED], 1)
    assert (found, connections) == ([Outcome.BUSY], 1)


def test_associate_pause_is_between_associations_with_one_address() -> None:
    steps = [REJECTED, CLOSE, REJECTED, CLOSE, REJECTED]
    _, without, _ = outcomes(steps, 3)
    found, seconds, _ = outcomes(steps, 3, pause=2.0)
    assert found == [Outcome.REJECTED] * 3
    assert seconds - without == pytest.approx(4.0, abs=0.1)


def test_associate_pause_beyond_the_deadline_is_overload() -> None:
    found, _, connections = outcomes([REJECTED, CLOSE, REJECTED], 2, pause=60.0, seconds=5.0)
    assert (found, connections) == ([Outcome.REJECTED, Outcome.OVERLOAD], 1)


def test_associate_waiting_for_another_probe_of_the_address_adds_no_pause() -> None:
    """The first is silent until its deadline, and the second begins as soon as the address is free."""

    async def client() -> list[Outcome | None]:
        limits = ConnectionLimits()
        with lookup_threads() as lookups:

            async def echo(seconds: float) -> Outcome | None:
                made = probe_context(lookups, seconds=seconds)
                context = ProbeContext(made.identity, made.resolver, limits, 3.0, made.deadline, made.now)
                return (await probe_session(TARGET, ECHO, context)).association

            async with asyncio.TaskGroup() as group:
                both = [group.create_task(echo(seconds)) for seconds in (10.0, 15.0)]
            return [each.result() for each in both]

    script = simulated.Script([direct(Direction.WAIT), CLOSE, REJECTED])
    with simulated.loop() as loop:
        begun = loop.time()
        assert loop.play(script, client) == [Outcome.NO_ANSWER, Outcome.REJECTED]
        assert loop.time() - begun < 11.0


@pytest.mark.loopback
@pytest.mark.parametrize("answer", [REJECTED, b"HTTP/1.1 400 Bad Request\r\n\r\n", b""], ids=["RJ", "HTTP", "closed"])
async def test_associate_that_failed_leaves_no_garbage(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thousands of peers fail in each scrape: what waits for a garbage collection is memory of the process."""
    connections: list[weakref.ref[Connection]] = []

    def connection(deadline: float, turns: Turns) -> Connection:
        made = Connection(deadline, turns)
        connections.append(weakref.ref(made))
        return made

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(answer)
        writer.close()

    monkeypatch.setattr(associate, "Connection", connection)
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    target = Target("target", Address("127.0.0.1", server.sockets[0].getsockname()[1]))
    gc.disable()
    try:
        with lookup_threads() as lookups:
            found = await probe_session(target, ECHO, probe_context(lookups))
        for _ in range(20):  # turns in which the loop drops its own handles
            await asyncio.sleep(0)
        assert found.association is not Outcome.SUCCESS
        assert [each() for each in connections] == [None]
    finally:
        gc.enable()
        server.close()
