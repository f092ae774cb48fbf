"""A smaller server with the same fault: every part that the fault does not need gets its default."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, replace
from typing import Any

from tests.testing.truth.model import Part, Server, default_of


def smallest(part: Server, fails: Callable[[Server], bool], most: int = 400) -> Server:
    """The smallest variant of `part` that still `fails`, with at most `most` trials."""
    left = most
    found = True
    while found and left > 0:
        found = False
        for simpler in _simpler(part):
            left -= 1
            if left < 0:
                break
            if simpler.possible and fails(simpler):
                part, found = simpler, True
                break
    return part


def _simpler(value: Any) -> Iterator[Any]:
    """Variants of `value` with one thing less in it."""
    if isinstance(value, Part):
        for each in fields(value):
            current, default = getattr(value, each.name), default_of(each)
            if current != default:
                yield replace(value, **{each.name: default})
        for each in fields(value):
            for simpler in _simpler(getattr(value, each.name)):
                yield replace(value, **{each.name: simpler})
    elif isinstance(value, tuple) and any(isinstance(element, Part) for element in value):
        for place in range(len(value)):
            if len(value) > 1:
                yield value[:place] + value[place + 1 :]
            for simpler in _simpler(value[place]):
                yield (*value[:place], simpler, *value[place + 1 :])
    elif isinstance(value, Mapping):
        for key in value:
            yield {other: kept for other, kept in value.items() if other != key}
            for simpler in _simpler(value[key]):
                yield {**value, key: simpler}
