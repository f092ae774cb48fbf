"""Two programs measured in turns, until the spread of their ratio is known."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median

LEAST, MOST = 6, 15
"""Rounds. Six are the fewest whose range holds the true median with 95 % confidence."""
_CONFIDENCE = 0.95


@dataclass(slots=True)
class Turns:
    """A figure of ours and of another program, in each round."""

    other: str
    unit: str
    ours: list[float] = field(default_factory=list)
    theirs: list[float] = field(default_factory=list)
    problem: str | None = None
    """The reason if there is no figure."""

    @property
    def ratio(self) -> float:
        """Ours against the other's: the median over the rounds."""
        return median(self.ratios)

    @property
    def ratios(self) -> list[float]:
        """Of each round, sorted."""
        return sorted(ours / theirs for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def spread(self) -> tuple[float, float]:
        """Between which ratios the true median lies, with 95 % confidence (sign test); of few rounds, the range."""
        ratios = self.ratios
        count = len(ratios)
        cut = 0
        while cut < (count - 1) // 2 and _outside(count, cut + 1) <= 1 - _CONFIDENCE:
            cut += 1
        return ratios[cut], ratios[-1 - cut]


def _outside(count: int, cut: int) -> float:
    """The probability that the true median is outside of what is left without `cut` values at either end."""
    return float(sum(math.comb(count, index) for index in range(cut + 1)) / 2 ** (count - 1))


def in_turns(turns: Turns, ours: Callable[[], float], theirs: Callable[[], float], wanted: float) -> None:
    """Measure `LEAST` rounds, and up to `MOST` while the `wanted` ratio is within the spread."""
    while len(turns.ours) < MOST:
        low, high = turns.spread if len(turns.ours) >= LEAST else (0.0, math.inf)
        if not low <= wanted <= high:
            return
        # Every second round is in reverse order, so that neither always runs after the other.
        if len(turns.ours) % 2:
            second, first = theirs(), ours()
        else:
            first, second = ours(), theirs()
        turns.ours.append(first)
        turns.theirs.append(second)
