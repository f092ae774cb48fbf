"""Whether a match is one: an archive that ignores a key lists everything, and that count would be of something else.

The matching of PS3.4 C.2.2.2, as far as the configuration can ask for it: a single value, wildcards, a range of dates
or times, a list of UIDs. The values of a match are compared where they lie, and neither kept nor decoded. What cannot
be compared for certain, such as text in another character set, counts as a match.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TypeAlias

from dicom_exporter.attributes import ATTRIBUTES
from dicom_exporter.config import Query, RelativeDate
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.probes.keys import STEP_SEQUENCE, in_step
from dicom_exporter.probes.tally import budget_of

_Test: TypeAlias = Callable[[bytes], bool]
"""Whether one value of an attribute is what was asked for."""

_WILD = re.compile(r"[*?]")
_LONGEST = 4096
"""Bytes of a value that are looked at; in a longer one, only the beginning."""


def ignored_key(query: Query, now: datetime) -> Callable[[bytes], bool] | None:
    """Return what says of a match of `query` that it contradicts, or lacks, a key that it was matched by.

    None if nothing is matched by. `now` is the target's local time, as the request had it. A match that cannot be
    read contradicts nothing.
    """
    top: dict[int, _Test] = {}
    step: dict[int, _Test] = {}
    asked = {
        key: value.resolve(now) if isinstance(value, RelativeDate) else value for key, value in query.match.items()
    }
    ranges = any(ATTRIBUTES[key].vr == "DA" and "-" in value for key, value in asked.items())
    for keyword, value in asked.items():
        if ranges and ATTRIBUTES[keyword].vr == "TM":
            continue  # some archives read a range of dates and one of times as one range (PS3.4 C.2.2.2.5)
        test = _test(keyword, value)
        if test is not None:
            (step if in_step(query, keyword) else top)[ATTRIBUTES[keyword].tag] = test
    if not top and not step:
        return None
    sequence = ATTRIBUTES[STEP_SEQUENCE].tag
    budget = budget_of(query)

    def is_ignored(data: bytes) -> bool:
        try:
            if top and _fails(find_values(data, top, budget=budget), top):
                return True
            return bool(step) and _fails(find_values(data, step, sequence, budget), step)
        except MalformedDataset:
            return False

    return is_ignored


def _fails(values: Mapping[int, bytes], tests: Mapping[int, _Test]) -> bool:
    """Whether for one of `tests` there is no value that passes. Of several values in an attribute, one is enough."""
    return any(not any(map(test, values.get(tag, b"")[:_LONGEST].split(b"\\"))) for tag, test in tests.items())


def _test(keyword: str, value: str | tuple[str, ...]) -> _Test | None:
    """The test for the values of attribute `keyword`; None for universal matching (PS3.4 C.2.2.2.3)."""
    vr = ATTRIBUTES[keyword].vr
    values = (value,) if isinstance(value, str) else value
    if not any(values):
        return None
    if vr == "UI":
        return partial(_is_one_of, frozenset(text.encode() for text in values))
    (text,) = values
    if vr in ("DA", "TM"):
        first, dash, last = text.partition("-")
        return partial(_is_within, first, last if dash else first)
    if _WILD.search(text):
        if not text.strip("* "):
            return None
        pattern = "".join(".*" if part == "*" else "." if part == "?" else re.escape(part) for part in text.strip())
        return partial(_fits, re.compile(pattern.encode(), re.IGNORECASE | re.DOTALL))
    return partial(_is_text, text.strip().casefold().encode())


def _is_one_of(uids: frozenset[bytes], value: bytes) -> bool:
    return value.strip(b" \0") in uids


def _is_within(first: str, last: str, value: bytes) -> bool:
    """A date or time between two, both included, to the precision of each (PS3.4 C.2.2.2.5); an open end is empty.

    Old forms are read, too: ``2026.01.31`` and ``08:30`` (PS3.5 Table 6.2-1).
    """
    digits = value.strip(b" \0").split(b".")[0] if b":" in value else value.strip(b" \0").replace(b".", b"")
    text = digits.replace(b":", b"").decode("ascii", "replace")
    if not text:
        return False
    return _at_least(text, first) and (not last or _at_least(last, text))


def _at_least(one: str, other: str) -> bool:
    return one[: len(other)] >= other[: len(one)]


def _fits(pattern: re.Pattern[bytes], value: bytes) -> bool:
    text = value.strip(b" \0")
    return not text.isascii() or (text != b"" and pattern.fullmatch(text) is not None)


def _is_text(wanted: bytes, value: bytes) -> bool:
    text = value.strip(b" \0")
    return not text.isascii() or text.lower() == wanted
