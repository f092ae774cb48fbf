"""The bars: reached, missed, or neither if nothing was measured."""

from __future__ import annotations

import pytest

from benchmarks import results as names
from benchmarks.bars import bars, missed
from benchmarks.exporters import MEMORY, PROCESSOR, WANTED
from benchmarks.fleet import Fleet
from benchmarks.report import markdown
from benchmarks.results import Results
from benchmarks.scraping import BEYOND, Dead, Kept, Matches, Silent, Size
from benchmarks.timing import Rate
from benchmarks.turns import Turns

MIB = 1024 * 1024


def rate(*rates: float) -> Rate:
    return Rate(list(rates), [100.0 for _ in rates])


def size(targets: int, cpu: float, memory: int) -> Size:
    return Size(targets, 1.0, 1.0, 1.0, cpu, memory, memory, MIB, MIB, 0.1, 1.0, 1.0)


def dead(living_reported: int, wall: float) -> Dead:
    return Dead(1000, 700, living_reported, 1000, 10.0, [wall], 0.5, {"closed": {"refused": 300}})


def measured(*, ours: float = 10_000, dead_wall: float = 9.6, living: int = 700, grown: int = MIB) -> Results:
    """A run that reaches every bar, except for the given changes."""
    others = {names.PYNETDICOM: rate(100), names.RUST: rate(90), names.ECHOSCU: rate(10), names.FLOOR: rate(10_000)}
    others[names.CALLBACKS] = rate(9_000)
    found = Results({"processor": "made up"}, "make bench", "2026-01-01")
    found.echo = {"fast 256": {names.OURS: rate(ours), **others}, "orthanc 1": {names.OURS: rate(5000), **others}}
    found.find = {"fast": {names.OURS: rate(9000), names.PYNETDICOM: rate(100), names.FINDSCU: rate(1000)}}
    found.sizes = [size(10, 0.01, 80 * MIB), size(100, 0.02, 81 * MIB), size(10_000, 2.4, 180 * MIB)]
    found.dead = dead(living, dead_wall)
    found.silent = Silent(1000, 5.0, [4.6] * 20, 0)
    found.filtered = Dead(10_000, 100, 100, 10_000, 30.0, [3.5], 1.0)
    found.matches = Matches(1_000_000, 5.0, grown)
    found.history = Kept(300, 200, 19_800, 60 * MIB, 85 * MIB, 85 * MIB)
    found.turns = {name: turns(1.0) for name in (*WANTED, MEMORY, BEYOND)}
    found.fleet = Fleet(10_000, 60.0, 300.0, 50_000, 0, 0.15, 570_000, 1024 * MIB)
    return found


def turns(*ratios: float) -> Turns:
    return Turns("another", "s", list(ratios), [1.0 for _ in ratios])


@pytest.mark.parametrize(
    ("ratios", "reached"),
    [
        ([0.8, 0.9, 0.7, 0.95, 0.9, 0.8], True),
        ([0.8, 0.9, 0.7, 0.95, 0.9, 0.8, 0.8, 0.9, 3.0], True),
        ([0.8, 0.9, 0.7, 0.95, 0.9, 3.0], None),
        ([1.2, 1.3, 1.1, 1.2, 1.3, 1.2], False),
        ([1.2, 1.3, 1.1, 1.2, 1.3, 0.9], False),
    ],
    ids=["below", "one of many rounds disturbed", "too close to tell", "above", "above in the median"],
)
def test_bars_in_turns_are_reached_only_with_all_of_their_spread(ratios: list[float], reached: bool | None) -> None:
    run = measured()
    run.turns[PROCESSOR] = turns(*ratios)
    (bar,) = [bar for bar in bars(run) if bar.name.startswith(PROCESSOR)]
    assert bar.reached is reached


@pytest.mark.parametrize("kept", [Kept(300, 200, 1000, 0, 3 * MIB, 3 * MIB), Kept(300, 200, 1000, 0, MIB, 2 * MIB)])
def test_bars_history_that_takes_too_much_or_grows_on_is_missed(kept: Kept) -> None:
    run = measured()
    run.history = kept
    (bar,) = missed(bars(run))
    assert bar.name.startswith("history")


def test_bars_silent_targets_that_cost_a_scrape_are_missed() -> None:
    run = measured()
    run.silent = Silent(1000, 5.0, [4.6] * 19 + [5.1], 1)
    (bar,) = missed(bars(run))
    assert bar.figure == "1 of 20, the slowest in 5.10 of 5 s"


def test_markdown_has_the_bars_of_a_busy_core_too() -> None:
    run = measured()
    run.busy = bars(measured(ours=4999))
    text = markdown(run, bars(run))
    assert (text.count("| reached "), text.count("**missed**")) == (2 * len(run.busy) - 1, 1)


def test_bars_fleet_that_misses_a_scrape_is_missed() -> None:
    run = measured()
    run.fleet = Fleet(10_000, 60.0, 300.0, 49_999, 1, 0.15, 570_000, 1024 * MIB)
    (bar,) = missed(bars(run))
    assert "1 missed of 10,000 targets" in bar.figure


def test_bars_all_reached_misses_none() -> None:
    found = bars(measured())
    assert missed(found) == []
    assert all(bar.reached for bar in found)


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (measured(ours=4999), "C-ECHO, 256 at once, fast SCP: against the floor"),
        (measured(dead_wall=10.1), "three in ten dead"),
        (measured(living=699), "three in ten dead"),
        (measured(grown=5 * MIB), "a million matches"),
    ],
)
def test_bars_missed_are_named(run: Results, name: str) -> None:
    (bar,) = missed(bars(run))
    assert name in bar.name


def test_bars_absent_contestant_is_neither_missed_nor_reached() -> None:
    run = measured()
    run.echo["fast 256"] = {**run.echo["fast 256"], names.RUST: Rate(problem="No module named 'dicom_echo'")}
    (bar,) = [bar for bar in bars(run) if bar.reached is None]
    assert bar.figure == "not measured here: No module named 'dicom_echo'"
    assert missed(bars(run)) == []


def test_bars_own_failures_are_missed() -> None:
    run = measured()
    run.find["fast"] = {**run.find["fast"], names.OURS: Rate(problem="0 of 1 succeeded")}
    assert len(missed(bars(run))) == 2


def test_bars_without_measurement_are_neither_missed_nor_reached() -> None:
    found = bars(Results({}, "make bench", "2026-01-01"))
    assert found
    assert {bar.reached for bar in found} == {None}


def test_markdown_has_every_bar_and_contestant() -> None:
    run = measured()
    text = markdown(run, bars(run))
    for bar in bars(run):
        assert bar.name in text
    for name in (*run.echo["fast 256"], *run.find["fast"]):
        assert f"| {name}" in text
