"""Programs that are measured in turns: until it is clear on which side of the bar their ratio is."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest

from benchmarks.turns import LEAST, MOST, Turns, in_turns


def measured(ratios: Iterator[float], wanted: float) -> Turns:
    turns = Turns("another", "s")
    in_turns(turns, lambda: 2.0 * next(ratios), lambda: 2.0, wanted)
    return turns


def test_in_turns_clear_ratio_takes_the_fewest_rounds() -> None:
    turns = measured(iter([0.5, 0.6, 0.4] * 5), 1.0)
    assert len(turns.ours) == len(turns.theirs) == LEAST
    assert turns.ratio == pytest.approx(0.5)
    assert turns.spread == pytest.approx((0.4, 0.6))


def test_in_turns_ratio_at_the_bar_takes_the_most_rounds() -> None:
    assert len(measured(iter([0.9, 1.1] * 10), 1.0).ours) == MOST


def test_in_turns_one_disturbed_round_does_not_decide() -> None:
    turns = measured(iter([0.5, 9.0, 0.5, 0.6, 0.4, 0.5, 0.5, 0.6, 0.4]), 1.0)
    assert len(turns.ours) == 9
    assert turns.spread == pytest.approx((0.4, 0.6))


def test_turns_spread_holds_the_median_nineteen_times_in_twenty() -> None:
    chance = random.Random(1)
    held = 0
    for _ in range(1000):
        ours = [chance.lognormvariate(0.0, 0.5) for _ in range(12)]
        low, high = Turns("another", "s", ours, [1.0] * 12).spread
        held += low <= 1.0 <= high
    assert held >= 930
