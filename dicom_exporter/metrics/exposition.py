"""Gauges as text, straight from the tables: to Prometheus what its client library writes, at a quarter of the cost.

Ten thousand targets are some hundred thousand lines. The library makes an object of each, and escapes and sorts the
labels of each; here, what the lines of a target begin with is written once, and what is the same for all targets once
for all. The lines are in order in all formats there are (text 0.0.4 and 1.0.0, OpenMetrics 1.0.0), as long as every
family is a gauge: those are what this writes, and the library writes the few others.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator
from functools import cache, lru_cache
from typing import Any

from prometheus_client.utils import floatToGoString

from dicom_exporter.metrics.families import NO_LABELS, Constant, Family, Group, Labels, Row

_AT_ONCE = 256
"""Subjects whose lines are one text: those of ten thousand targets are never in memory at once."""


def lines(groups: Iterable[Group[Any]]) -> Iterator[str]:
    """The exposition of `groups`, family by family, a text of many lines at a time."""
    for group in groups:
        subjects = [(_labels(labels), subject) for labels, subject in group.subjects]
        if len(subjects) == 1:  # one target: no lists of it are needed
            ((labels, subject),) = subjects
            for family in group.families:
                if found := family.rows(subject):
                    yield _head(family) + _text(family.name, labels, found)
            continue
        parts = [subjects[start : start + _AT_ONCE] for start in range(0, len(subjects), _AT_ONCE)]
        for family in group.families:
            head = True
            for part in parts:
                if text := _lines(family, part):
                    yield _head(family) + text if head else text
                    head = False


def _lines(family: Family[Any], subjects: list[tuple[str, Any]]) -> str:
    name, rows = family.name, family.rows
    texts: list[str] = []
    previous: Any = None
    found: Collection[Row] = ()
    for labels, subject in subjects:
        if subject is not previous:  # the queries that were never sent are one and the same, thousands in a row
            found, previous = rows(subject), subject
        if found:
            texts.append(_text(name, labels, found))
    return "".join(texts)


def _text(name: str, labels: str, found: Collection[Row]) -> str:
    """The lines of one subject."""
    if type(found) is Constant:
        comma = "," if labels else ""
        if comma not in found.tails:
            found.tails[comma] = _tails(found, comma)
        return f"{name}{{{labels}".join(found.tails[comma])
    return "".join([_line(name, labels, own, value) for own, value in found])


@cache
def _head(family: Family[Any]) -> str:
    if family.type != "gauge":
        raise ValueError(f"{family.name} is no gauge: its lines differ from format to format")
    return f"# HELP {family.name} {_help(family.help)}\n# TYPE {family.name} gauge\n"


def _tails(found: Constant, comma: str) -> list[str]:
    """What stands behind the labels of the subject, which are the first, line by line; joined by name and labels."""
    return ["", *(f"{comma}{_labels(own)}}} {_number(value)}\n" for own, value in found)]


def _line(name: str, labels: str, own: Labels, value: float) -> str:
    if own is not NO_LABELS:
        more = ",".join([_label(*label) for label in own.items()])
        labels = f"{labels},{more}" if labels and more else labels or more
    return f"{name}{{{labels}}} {_number(value)}\n" if labels else f"{name} {_number(value)}\n"


@lru_cache(maxsize=4096)
def _label(name: str, value: str) -> str:
    """Cached, as labels beside those of a target have few values: phases, products."""
    return f'{name}="{_escaped(value)}"'


def _labels(labels: Labels) -> str:
    return ",".join([f'{name}="{_escaped(value)}"' for name, value in labels.items()])


def _escaped(value: str) -> str:
    if value.isalnum():  # most are one word
        return value
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _help(text: str) -> str:
    """HELP texts are ours; a quotation mark in them would have to be escaped in one format and not in the others."""
    if '"' in text or "\\" in text or "\n" in text:
        raise ValueError(f"a HELP text with characters that are to be escaped: {text!r}")
    return text


def _number(value: float) -> str:
    value = float(value)
    if value == 0.0:
        return "0.0"
    if value == 1.0:
        return "1.0"
    return repr(value) if math.isfinite(value) else str(floatToGoString(value))  # type: ignore[no-untyped-call]
