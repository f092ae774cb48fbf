"""A walk over a match, in implicit VR little endian (PS3.5 7.1.3), for the few attributes we may count by.

A match holds patients. So it is not decoded: this walks from element to element by their lengths and lifts out the
values of the tags it is asked for, at the top level or one sequence down. Everything else is stepped over unread.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Collection
from decimal import Decimal

_ELEMENT = struct.Struct("<HHI")
_UNDEFINED = 0xFFFFFFFF
_ITEM = 0xFFFEE000
_ITEM_END = 0xFFFEE00D
_SEQUENCE_END = 0xFFFEE0DD
_MAX_DEPTH = 8
_MAX_ELEMENTS = 10_000
_NUMBER = re.compile(rb"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,2})?")
_MAX_NUMBER_LENGTH = 16
"""Characters of a DS value; an IS value has 12 at most."""
_MAX_COUNT = 2**31 - 1
"""The largest IS value."""


class MalformedDataset(ValueError):
    """The dataset's lengths do not fit together. Its text holds no byte of the dataset."""


class Budget:
    """How many elements may still be stepped over: of one match, or of all matches of a query together."""

    __slots__ = ("left",)

    def __init__(self, elements: int = _MAX_ELEMENTS) -> None:
        self.left = elements


def find_values(
    data: bytes, tags: Collection[int], sequence: int | None = None, budget: Budget | None = None
) -> dict[int, bytes]:
    """Return tag -> raw value of those `tags` (``0xGGGGEEEE``) that stand in `data`.

    Looks at the top level, or, with `sequence`, in the first item of that sequence. Values keep their padding. A tag
    that is not in the result is absent: the walk ends early only if all `tags` were found. Elements should ascend
    (PS3.5 7.1), and some archives send them in another order.

    Raises:
        MalformedDataset: an element reaches beyond its end, nests over our bound, or there are more than `budget` has
            left. What follows was not looked at, so nothing can be said of the tags.
    """
    position = 0
    wanted = len(tags)
    end = len(data)
    found: dict[int, bytes] = {}
    steps = 0
    try:
        for steps in range(_MAX_ELEMENTS if budget is None else budget.left):  # noqa: B007 - cheaper than a count
            if position >= end:
                return found
            if position + 8 > end:
                raise MalformedDataset("element is cut short")
            group, element, length = _ELEMENT.unpack_from(data, position)
            tag = group << 16 | element
            position += 8
            if length == _UNDEFINED:
                budget = budget or Budget()
                value_end, next_position = _skip_undefined(data, position, end, budget)
            else:
                value_end = next_position = position + length
                if next_position > end:
                    raise MalformedDataset("element is longer than its dataset")
            if tag == sequence:
                return find_values(_first_item(data, position, value_end, budget or Budget()), tags, budget=budget)
            if sequence is None and tag in tags and tag not in found:
                found[tag] = data[position:value_end]
                if len(found) == wanted:
                    return found
            position = next_position
    finally:
        if budget is not None:
            budget.left -= steps
    if position < end:
        if budget is not None:
            budget.left = 0
        raise MalformedDataset("more elements than we look at")
    return found


def _first_item(data: bytes, position: int, end: int, budget: Budget) -> bytes:
    """The bytes of the first item of the sequence value ``data[position:end]``; empty if it has none."""
    if position + 8 > end:
        return b""
    group, element, length = _ELEMENT.unpack_from(data, position)
    if group << 16 | element != _ITEM:
        return b""
    position += 8
    if length == _UNDEFINED:
        end, _ = _skip_undefined(data, position, end, budget)
        return data[position:end]
    if position + length > end:
        raise MalformedDataset("item is longer than its sequence")
    return data[position : position + length]


def _skip_undefined(data: bytes, position: int, end: int, budget: Budget) -> tuple[int, int]:
    """Step over a value of undefined length, PS3.5 7.5: return where it ends, and where the next element begins."""
    depth = 1
    while budget.left > 0:
        budget.left -= 1
        if position + 8 > end:
            break
        group, element, length = _ELEMENT.unpack_from(data, position)
        tag = group << 16 | element
        if tag in (_ITEM_END, _SEQUENCE_END):
            depth -= 1
            if depth == 0:
                return position, position + 8
            position += 8
        elif length == _UNDEFINED:
            depth += 1
            if depth > _MAX_DEPTH:
                raise MalformedDataset("sequences nest deeper than we follow")
            position += 8
        elif tag == _ITEM:  # of known length: its elements come next
            position += 8
        else:
            position += 8 + length
    raise MalformedDataset("value of undefined length has no end")


def count_value(value: bytes) -> int | None:
    """A count in an IS or a DS value (PS3.5 Table 6.2-1), or None if it is empty, negative, or no whole number.

    All legal forms are read: spaces around the number and a leading sign in both; for DS also a fraction of zero and an
    exponent, as in ``1.2E+1``. Some archives write an IS as ``12.0``, which is read as 12.
    """
    text = value.strip(b" \0")
    if text.isdigit() and len(text) < 10:  # as nearly all are: three times as fast
        return int(text)
    if len(text) > _MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text.decode("ascii"))
    if number < 0 or number > _MAX_COUNT or number != number.to_integral_value():
        return None
    return int(number)
