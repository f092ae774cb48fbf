"""What a metric is made of: a name, a HELP text, and how its rows are read from what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, TypeAlias, TypeVar

from prometheus_client import Metric
from prometheus_client.samples import Sample

T = TypeVar("T")
Labels: TypeAlias = dict[str, str]
Row: TypeAlias = tuple[Labels, float]
"""The labels that a sample has beside those that all of its family have, and its value."""
NO_LABELS: Labels = {}


@dataclass(frozen=True, slots=True)
class Family(Generic[T]):
    """One metric: its name, its HELP text, and how its rows are read from a `T`."""

    name: str
    help: str
    rows: Callable[[T], Iterable[Row]]
    type: str = "gauge"


def collect(table: Iterable[Family[T]], subjects: Sequence[tuple[Labels, T]]) -> Iterator[Metric]:
    """One Metric per family of `table` that has a sample.

    Samples are built directly, as 10,000 targets have half a million of them; those without labels of their own share
    one dict.
    """
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


def single(read: Callable[[T], float | None]) -> Callable[[T], Iterable[Row]]:
    """The rows of a family with one series, absent where `read` gives None."""

    def rows(subject: T) -> Iterable[Row]:
        value = read(subject)
        return () if value is None else ((NO_LABELS, value),)

    return rows
