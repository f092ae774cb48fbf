"""First come, first served, whoever gives up in between."""

from __future__ import annotations

import asyncio

import pytest

from dicom_exporter.dicom.errors import Overloaded
from dicom_exporter.places import Places

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
