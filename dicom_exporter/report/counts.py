"""A number with its reliability: complete, a lower bound, unknown, or not asked. Unknown is never 0."""

from collections.abc import Iterable
from dataclasses import dataclass

from dicom_exporter.enums import QueryOutcome
from dicom_exporter.results import QueryResult

NONE = "\N{EN DASH}"
"""Nothing was asked, or there was nothing to count. What was asked and is not known is `unknown`."""


@dataclass(frozen=True, slots=True)
class Count:
    """How many of something were listed."""

    number: int | None = None
    """None: there was nothing to count (`asked` is false), or the number is not known (`asked` is true)."""
    complete: bool = False
    """Whether all were counted. If not, there are at least `number`."""
    asked: bool = False
    """Whether there was something to count."""

    def __str__(self) -> str:
        if self.number is None:
            return "unknown" if self.asked else NONE
        return f"{self.number:,}" if self.complete else f"at least {self.number:,}"

    @property
    def short(self) -> str:
        """The same for a narrow column, in ASCII: `1,000+` is at least 1,000."""
        if self.number is None:
            return "unknown" if self.asked else "-"
        return f"{self.number:,}" if self.complete else f"{self.number:,}+"


NOTHING = Count()


def matches(query: QueryResult | None) -> Count:
    """The number of matches of a query."""
    return NOTHING if query is None else _count(query, query.matches, complete=query.complete)


def instances(query: QueryResult | None) -> Count:
    """The number of images in the studies that a query listed."""
    return NOTHING if query is None else _count(query, query.instances, complete=query.instances_complete)


def larger(one: Count, other: Count) -> Count:
    """Of two counts of the same thing, the larger one; of two equal numbers, the complete one."""

    def order(count: Count) -> tuple[int, bool, bool]:
        return (-1 if count.number is None else count.number, count.complete, count.asked)

    return max(one, other, key=order)


def total(counts: Iterable[Count]) -> Count:
    """Their sum. It is complete only if every count that had something to count is complete."""
    asked = [count for count in counts if count.asked]
    numbers = [count.number for count in asked if count.number is not None]
    if not numbers:
        return Count(asked=bool(asked))
    number, complete = sum(numbers), all(count.complete for count in asked)
    return Count(number, complete, asked=True) if number or complete else Count(asked=True)


def _count(query: QueryResult, number: int | None, *, complete: bool | None) -> Count:
    if query.outcome is QueryOutcome.UNSUPPORTED:
        return NOTHING
    return Count(number, number is not None and complete is True, asked=True)
