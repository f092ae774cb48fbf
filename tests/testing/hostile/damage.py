"""Strategies for property tests: sessions of real servers, cut in any way, and damaged in any way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from tests.testing.hostile import wire
from tests.testing.hostile.simulated import Direction, direct

Steps = list[bytes]

_INTERESTING = (0, 1, 2, 3, 0xFF, 0x100, 0x7FFF, 0xFFFF, 0x10000, 0x40000, 0x40001, 0x7FFFFFFF, 0xFFFFFFFE, 0xFFFFFFFF)
_ORDERS: Sequence[Literal["big", "little"]] = ("big", "little")

pieces = st.lists(st.integers(1, 40), max_size=200)
"""Sizes of what arrives, in bytes; after the last of them, PDUs come whole."""


@st.composite
def damaged(draw: DrawFn, steps: Steps) -> Steps:
    """`steps` with one to four things wrong."""
    broken = list(steps)
    for change in draw(st.lists(st.sampled_from(_CHANGES), min_size=1, max_size=4)):
        if broken:
            change(draw, broken)
    return broken


def _flip_a_bit(draw: DrawFn, steps: Steps) -> None:
    at, position = _a_byte(draw, steps)
    step = bytearray(steps[at])
    step[position] ^= 1 << draw(st.integers(0, 7))
    steps[at] = bytes(step)


def _set_a_number(draw: DrawFn, steps: Steps) -> None:
    """Write a number where a length may be: the lengths of PDUs, PDVs, items and elements all begin somewhere."""
    at, position = _a_byte(draw, steps)
    width = draw(st.sampled_from((2, 4)))
    number = draw(st.sampled_from(_INTERESTING)) & (1 << 8 * width) - 1
    order = draw(st.sampled_from(_ORDERS))
    steps[at] = steps[at][:position] + number.to_bytes(width, order) + steps[at][position + width :]


def _lie_about_the_length(draw: DrawFn, steps: Steps) -> None:
    at = _a_step(draw, steps)
    steps[at] = steps[at][:2] + draw(st.sampled_from(_INTERESTING)).to_bytes(4, "big") + steps[at][6:]


def _truncate(draw: DrawFn, steps: Steps) -> None:
    at, position = _a_byte(draw, steps)
    steps[at] = steps[at][: max(1, position)]
    del steps[at + 1 :]


def _cut_out(draw: DrawFn, steps: Steps) -> None:
    at, position = _a_byte(draw, steps)
    steps[at] = steps[at][:position] + steps[at][position + draw(st.integers(1, 20)) :] or b"\0"


def _put_in(draw: DrawFn, steps: Steps) -> None:
    at, position = _a_byte(draw, steps)
    steps[at] = steps[at][:position] + draw(st.binary(min_size=1, max_size=20)) + steps[at][position:]


def _duplicate(draw: DrawFn, steps: Steps) -> None:
    steps.insert(draw(st.integers(0, len(steps))), steps[_a_step(draw, steps)])


def _drop(draw: DrawFn, steps: Steps) -> None:
    del steps[_a_step(draw, steps)]


def _reorder(draw: DrawFn, steps: Steps) -> None:
    one, other = _a_step(draw, steps), _a_step(draw, steps)
    steps[one], steps[other] = steps[other], steps[one]


def _change_the_type(draw: DrawFn, steps: Steps) -> None:
    at = _a_step(draw, steps)
    steps[at] = bytes([draw(st.integers(0, 9))]) + steps[at][1:]


def _another_pdu(draw: DrawFn, steps: Steps) -> None:
    body = draw(st.just(bytes(4)) | st.binary(max_size=80))
    steps.insert(draw(st.integers(0, len(steps))), wire.pdu(draw(st.integers(0, 8)), body))


def _act(draw: DrawFn, steps: Steps) -> None:
    direction = draw(st.sampled_from(Direction))
    steps.insert(draw(st.integers(0, len(steps))), direct(direction, bytes(draw(st.integers(0, 30)))))


_CHANGES: tuple[Callable[[DrawFn, Steps], None], ...] = (
    _flip_a_bit,
    _set_a_number,
    _lie_about_the_length,
    _truncate,
    _cut_out,
    _put_in,
    _duplicate,
    _drop,
    _reorder,
    _change_the_type,
    _another_pdu,
    _act,
)


def _a_step(draw: DrawFn, steps: Steps) -> int:
    return draw(st.integers(0, len(steps) - 1))


def _a_byte(draw: DrawFn, steps: Steps) -> tuple[int, int]:
    at = _a_step(draw, steps)
    return at, draw(st.integers(0, max(0, len(steps[at]) - 1)))
