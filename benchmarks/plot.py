"""Two charts: the speed of each client, and the CPU time for each target by the number of targets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.results import CALLBACKS, FLOOR, OURS, Results

_OURS, _OTHERS, _FLOOR = "#1f6f8b", "#b0b7bd", "#d9c27c"


def plot(results: Results, path: Path) -> None:
    """Draw `results` into the SVG file `path`."""
    import matplotlib

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures give the same bytes
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 4), layout="constrained")
    _rates(left, results)
    _costs(right, results)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)


def _rates(axes: Any, results: Results) -> None:
    race = results.echo.get("fast 256", {})
    found = sorted((rate.rate, name) for name, rate in race.items() if rate.rate is not None)
    colours = [_OURS if OURS in name else _FLOOR if name in (FLOOR, CALLBACKS) else _OTHERS for _, name in found]
    bars = axes.barh([name for _, name in found], [rate for rate, _ in found], color=colours)
    axes.bar_label(bars, labels=[f"{rate:,.0f}" for rate, _ in found], padding=3)
    axes.set_xscale("log")
    axes.set_xlim(right=max((rate for rate, _ in found), default=1) * 4)
    axes.set_title("C-ECHO sessions per second, 256 at once, fast SCP")
    axes.spines[["top", "right"]].set_visible(False)


def _costs(axes: Any, results: Results) -> None:
    counts = [size.targets for size in results.sizes]
    axes.plot(counts, [size.cpu / size.targets * 1e6 for size in results.sizes], color=_OURS, marker="o")
    axes.set_xscale("log")
    axes.set_ylim(bottom=0)
    axes.set_xlabel("targets in one scrape of /metrics")
    axes.set_title("CPU time for each target, µs")
    axes.spines[["top", "right"]].set_visible(False)
