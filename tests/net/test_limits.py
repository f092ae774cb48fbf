"""One association at a time to one address, and so many in all."""

from __future__ import annotations

import asyncio
import socket

import pytest

from dicom_exporter.net.errors import Overloaded
from dicom_exporter.net.limits import Gate, Places
from dicom_exporter.net.resolver import SocketAddress

HERE = SocketAddress(socket.AF_INET, "127.0.0.1", 104)
THERE = SocketAddress(socket.AF_INET, "127.0.0.1", 11112)


def soon(seconds: float = 0.05) -> float:
    return asyncio.get_running_loop().time() + seconds


async def test_one_address_is_held_by_one() -> None:
    gate = Gate(10)
    order: list[str] = []

    async def visit(name: str, leave: asyncio.Event) -> None:
        async with gate.address(HERE, soon(5)):
            order.append(f"{name} in")
            await leave.wait()
            order.append(f"{name} out")

    first_leaves, second_leaves = asyncio.Event(), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(visit("first", first_leaves))
        group.create_task(visit("second", second_leaves))
        await asyncio.sleep(0)
        async with gate.address(THERE, soon(5)):  # another place is free
            assert order == ["first in"]
        second_leaves.set()
        first_leaves.set()
    assert order == ["first in", "first out", "second in", "second out"]


async def test_waiting_too_long_is_our_overload() -> None:
    gate = Gate(1)
    async with gate.address(HERE, soon()), gate.association(soon()):
        with pytest.raises(Overloaded):
            async with gate.address(HERE, soon()):
                pass
        with pytest.raises(Overloaded):
            async with gate.association(soon()):
                pass
    async with gate.address(HERE, soon()), gate.association(soon()):
        pass  # free again


async def test_a_failed_visit_frees_its_place() -> None:
    gate = Gate(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with gate.address(HERE, soon()), gate.association(soon()):
                raise ZeroDivisionError


async def test_connections_have_a_bound_of_their_own() -> None:
    gate = Gate(10, max_connections=1)
    async with gate.address(HERE, soon(5)):
        with pytest.raises(Overloaded):
            async with gate.address(THERE, soon()):
                pass
    async with gate.address(THERE, soon()):
        pass  # free again
    async with gate.address(HERE, soon()):
        pass  # and so is the address


async def test_a_place_that_is_given_back_early_is_given_back_once() -> None:
    gate = Gate(1)
    first = gate.association(soon())
    async with first:
        first.give_back()
        async with gate.association(soon()):
            first.give_back()  # it is another's now
            with pytest.raises(Overloaded):
                async with gate.association(soon()):
                    pass
    async with gate.association(soon()):
        with pytest.raises(Overloaded):
            async with gate.association(soon()):
                pass


@pytest.mark.parametrize("taken_again", [False, True])
async def test_who_gives_up_just_as_the_other_leaves_takes_the_address_from_nobody(taken_again: bool) -> None:
    gate = Gate(10)

    async def visit() -> None:
        async with gate.address(HERE, soon(5)):
            pass

    async with gate.address(HERE, soon(5)):
        waiting = asyncio.create_task(visit())
        await asyncio.sleep(0)
        waiting.cancel()
    if taken_again:
        async with gate.address(HERE, soon(5)):
            await asyncio.wait([waiting])
            with pytest.raises(Overloaded):
                async with gate.address(HERE, soon(0)):
                    pass
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not gate._addresses


async def test_no_address_is_kept_that_nobody_has_or_waits_for() -> None:
    gate = Gate(10)

    async def visit() -> None:
        async with gate.address(HERE, soon(5)):
            await asyncio.sleep(0)

    for _ in range(2):
        async with gate.address(HERE, soon(5)):
            waiting = [asyncio.create_task(visit()) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[0].cancel()
        waiting[1].cancel()  # whose turn it would be
        await asyncio.gather(*waiting, return_exceptions=True)
        assert [task.cancelled() for task in waiting] == [True, True, False]
    assert not gate._addresses


LATER = 30.0
"""Seconds: a deadline that does not come."""


def waiting(places: Places, seconds: float = LATER) -> asyncio.Task[None]:
    return asyncio.create_task(places.wait(asyncio.get_running_loop().time() + seconds, "synthetic"))


async def turns() -> None:
    """Let everybody go as far as they can."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_there_are_so_many() -> None:
    places = Places(2)
    assert [places.take() for _ in range(3)] == [True, True, False]
    places.give_back()
    assert [places.take() for _ in range(2)] == [True, False]


async def test_who_waits_longest_is_next() -> None:
    places = Places(1)
    assert places.take()
    tasks = [waiting(places) for _ in range(3)]
    for number in range(3):
        await turns()
        assert [task.done() for task in tasks] == [index < number for index in range(3)]
        places.give_back()
        assert not places.take()  # nobody who comes now goes before them
    await asyncio.gather(*tasks)
    places.give_back()
    assert places.free == 1


@pytest.mark.parametrize("just_as_it_is_its_turn", [False, True])
async def test_who_gives_up_is_passed_over(just_as_it_is_its_turn: bool) -> None:
    places = Places(1)
    assert places.take()
    first, second = waiting(places), waiting(places)
    await turns()
    if just_as_it_is_its_turn:
        places.give_back()
        first.cancel()  # before it has heard
    else:
        first.cancel()
        await turns()
        places.give_back()
    await second
    assert first.cancelled()
    places.give_back()
    assert places.free == 1


async def test_at_the_deadline_it_is_our_overload() -> None:
    places = Places(1)
    assert places.take()
    with pytest.raises(Overloaded, match="synthetic"):
        await waiting(places, 0.01)
    places.give_back()
    assert places.free == 1
