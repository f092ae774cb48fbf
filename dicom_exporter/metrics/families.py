"""What a metric is made of: a name, a HELP text, and how its rows are read from what was found."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Generic, TypeAlias, TypeVar

from prometheus_client import Metric
from prometheus_client.samples import Sample

T = TypeVar("T")
S = TypeVar("S", bound=StrEnum)
Labels: TypeAlias = dict[str, str]
Row: TypeAlias = tuple[Labels, float]
"""The labels that a sample has beside those that all of its family have, and its value."""
NO_LABELS: Labels = {}


@dataclass(frozen=True, slots=True, eq=False)
class Family(Generic[T]):
    """One metric: its name, its HELP text, and how its rows are read from a `T`."""

    name: str
    help: str
    rows: Callable[[T], Collection[Row]]
    type: str = "gauge"


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Families, and what all of them are read from: labels that each series of a subject has, and the subject."""

    families: tuple[Family[T], ...]
    subjects: Sequence[tuple[Labels, T]]


class Constant(tuple[Row, ...]):
    """Rows that are the same object whenever they are the same: `lines` writes their text once, and keeps it here."""

    tails: dict[str, list[str]]

    def __new__(cls, rows: Iterable[Row]) -> Constant:
        """A tuple of `rows`."""
        made = super().__new__(cls, rows)
        made.tails = {}
        return made


def collect(table: Iterable[Family[T]], subjects: Sequence[tuple[Labels, T]]) -> Iterator[Metric]:
    """One Metric per family of `table` that has a sample; those without labels of their own share one dict."""
    for family in table:
        samples = [
            Sample(family.name, {**labels, **own} if own else labels, value)
            for labels, subject in subjects
            for own, value in family.rows(subject)
        ]
        if samples:
            metric = Metric(family.name.removesuffix("_total"), family.help, family.type)
            metric.samples = samples
            yield metric


def single(read: Callable[[T], float | None]) -> Callable[[T], Collection[Row]]:
    """The rows of a family with one series, absent if `read` gives None."""

    def rows(subject: T) -> Collection[Row]:
        value = read(subject)
        return () if value is None else ((NO_LABELS, value),)

    return rows


def shared(
    label: str, read: Callable[[T], Iterable[tuple[str, float | None]]], *, former: str = ""
) -> Callable[[T], Collection[Row]]:
    """The rows of a family with a series for each name that `read` gives a value for, of few choices in all.

    Each series has the same value under `former`, a name that the label had before, so that queries by it still work.
    """
    names = [label, former] if former else [label]

    @lru_cache(maxsize=4096)
    def made(items: tuple[tuple[str, float | None], ...]) -> Constant:
        return Constant((dict.fromkeys(names, name), float(value)) for name, value in items if value is not None)

    return lambda subject: made(tuple(read(subject)))


def state(label: str, words: type[S], read: Callable[[T], S | None]) -> Callable[[T], Collection[Row]]:
    """The row of a family that names the current one of `words`, with the value 1; none if `read` gives None."""
    made = {word: Constant((({label: word.value}, 1.0),)) for word in words}

    def rows(subject: T) -> Collection[Row]:
        current = read(subject)
        return () if current is None else made[current]

    return rows
