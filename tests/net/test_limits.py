"""One association at a time to one address, and so many connections and associations at once in all."""

from __future__ import annotations

import asyncio
import socket

import pytest

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.net import limits as module
from dicom_exporter.net.errors import Overloaded
from dicom_exporter.net.limits import FEW_BYTES, CapacityLimiter, ConnectionLimits

HERE = SocketAddress(socket.AF_INET, "127.0.0.1", 104)
THERE = SocketAddress(socket.AF_INET, "127.0.0.1", 11112)
LATER = 30.0
"""Seconds: a deadline that does not come."""


def soon(seconds: float = 0.05) -> float:
    return asyncio.get_running_loop().time() + seconds


async def turns() -> None:
    """Let every task go as far as it can."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_address_lock_second_probe_of_same_address_waits_other_address_does_not() -> None:
    limits = ConnectionLimits(10)
    order: list[str] = []

    async def probe(name: str, leave: asyncio.Event) -> None:
        async with limits.lock_address(HERE, soon(LATER)):
            order.append(f"{name} in")
            await leave.wait()
            order.append(f"{name} out")

    first_leaves, second_leaves = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(probe("first", first_leaves))
        group.create_task(probe("second", second_leaves))
        await asyncio.sleep(0)
        async with limits.lock_address(THERE, soon(LATER)):
            assert order == ["first in"]
        second_leaves.set()
        first_leaves.set()
    assert order == ["first in", "first out", "second in", "second out"]


async def test_address_lock_configured_probes_are_first_and_clients_have_their_turn() -> None:
    limits = ConnectionLimits(10)
    order: list[str] = []

    async def probe(name: str, turn: str | None) -> None:
        async with limits.lock_address(HERE, soon(LATER), turn):
            order.append(name)

    async with asyncio.TaskGroup() as group, limits.lock_address(HERE, soon(LATER)):
        for name, turn in (("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("own", None), ("b2", "b")):
            group.create_task(probe(name, turn))
        await turns()
    assert order == ["own", "a1", "b1", "a2", "b2", "a3"]


async def test_limits_waiting_past_the_deadline_is_overload() -> None:
    limits = ConnectionLimits(1)
    async with limits.lock_address(HERE, soon()), limits.association_slot(soon()):
        with pytest.raises(Overloaded):
            async with limits.lock_address(HERE, soon()):
                pass
        with pytest.raises(Overloaded):
            async with limits.association_slot(soon()):
                pass
    async with limits.lock_address(HERE, soon()), limits.association_slot(soon()):
        pass  # both are free again


async def test_limits_probe_that_fails_frees_address_and_slot() -> None:
    limits = ConnectionLimits(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with limits.lock_address(HERE, soon()), limits.association_slot(soon()):
                raise ZeroDivisionError


async def test_address_lock_connections_have_a_limit_of_their_own() -> None:
    limits = ConnectionLimits(10, max_connections=1)
    async with limits.lock_address(HERE, soon(LATER)):
        with pytest.raises(Overloaded):
            async with limits.lock_address(THERE, soon()):
                pass
    async with limits.lock_address(THERE, soon()):
        pass  # the connection is free again
    async with limits.lock_address(HERE, soon()):
        pass  # and so is the address


async def test_association_slot_released_early_is_released_once() -> None:
    limits = ConnectionLimits(1)
    first = limits.association_slot(soon())
    async with first:
        first.release()
        async with limits.association_slot(soon()):
            first.release()  # it is another's now
            with pytest.raises(Overloaded):
                async with limits.association_slot(soon()):
                    pass
    async with limits.association_slot(soon()):
        with pytest.raises(Overloaded):
            async with limits.association_slot(soon()):
                pass


@pytest.mark.parametrize("locked_again", [False, True])
async def test_address_lock_waiter_cancelled_as_the_lock_is_released_leaves_the_next_lock_alone(
    locked_again: bool,
) -> None:
    limits = ConnectionLimits(10)

    async def probe() -> None:
        async with limits.lock_address(HERE, soon(LATER)):
            pass

    async with limits.lock_address(HERE, soon(LATER)):
        waiting = asyncio.create_task(probe())
        await asyncio.sleep(0)
        waiting.cancel()
    if locked_again:
        async with limits.lock_address(HERE, soon(LATER)):
            await asyncio.wait([waiting])
            with pytest.raises(Overloaded):
                async with limits.lock_address(HERE, soon(0)):
                    pass
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not limits._addresses


async def test_address_lock_address_nobody_holds_or_waits_for_is_forgotten() -> None:
    limits = ConnectionLimits(10)

    async def probe() -> None:
        async with limits.lock_address(HERE, soon(LATER)):
            await asyncio.sleep(0)

    for _ in range(2):
        async with limits.lock_address(HERE, soon(LATER)):
            waiting = [asyncio.create_task(probe()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        waiting[1].cancel()  # the next in the queue
        await asyncio.gather(*waiting, return_exceptions=True)
        assert [task.cancelled() for task in waiting] == [True, True, False]
    assert not limits._addresses


def acquiring(limiter: CapacityLimiter, seconds: float = LATER) -> asyncio.Task[None]:
    return asyncio.create_task(limiter.acquire(soon(seconds), "synthetic"))


def test_capacity_limiter_acquire_nowait_stops_at_the_total() -> None:
    limiter = CapacityLimiter(2)
    assert [limiter.acquire_nowait() for _ in range(3)] == [True, True, False]
    limiter.release()
    assert [limiter.acquire_nowait() for _ in range(2)] == [True, False]


async def test_capacity_limiter_tokens_go_to_waiters_in_order() -> None:
    limiter = CapacityLimiter(1)
    assert limiter.acquire_nowait()
    tasks = [acquiring(limiter) for _ in range(3)]
    for number in range(3):
        await turns()
        assert [task.done() for task in tasks] == [index < number for index in range(3)]
        limiter.release()
        assert not limiter.acquire_nowait()  # nobody who comes now goes before them
    await asyncio.gather(*tasks)
    limiter.release()
    assert limiter.available_tokens == 1


@pytest.mark.parametrize("just_as_it_is_its_turn", [False, True])
async def test_capacity_limiter_waiter_that_gave_up_is_passed_over(just_as_it_is_its_turn: bool) -> None:
    limiter = CapacityLimiter(1)
    assert limiter.acquire_nowait()
    first, second = acquiring(limiter), acquiring(limiter)
    await turns()
    if just_as_it_is_its_turn:
        limiter.release()
        first.cancel()  # before it has run again
    else:
        first.cancel()
        await turns()
        limiter.release()
    await second
    assert first.cancelled()
    limiter.release()
    assert limiter.available_tokens == 1


async def test_capacity_limiter_deadline_is_overload_with_the_reason() -> None:
    limiter = CapacityLimiter(1)
    assert limiter.acquire_nowait()
    with pytest.raises(Overloaded, match="synthetic"):
        await acquiring(limiter, 0.01)
    limiter.release()
    assert limiter.available_tokens == 1


async def test_association_slot_of_a_silent_peer_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SILENCE", 0.01)
    limits = ConnectionLimits(1)
    received = 0

    def count_received() -> int:
        nonlocal received
        if received < 10 * FEW_BYTES:
            received += 2 * FEW_BYTES
        return received

    first = limits.association_slot(soon(LATER))
    async with first:
        first.watch(count_received)
        async with limits.association_slot(soon(LATER)):
            assert received >= 10 * FEW_BYTES, "it was released while bytes came"
    assert limits.association_slot(soon()).acquire_nowait()
