"""The results of a run as Markdown tables, which are readable in a terminal as well."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.bar import Bar
from benchmarks.results import Race, Results
from benchmarks.scraping import Size

_VERDICTS = {True: "reached", False: "**missed**", None: "not known"}
_MIB = 1024 * 1024


def markdown(results: Results, found: Sequence[Bar]) -> str:
    """The complete report."""
    return "\n".join(_lines(results, found)) + "\n"


def _lines(results: Results, found: Sequence[Bar]) -> Iterator[str]:
    yield "# Benchmark results"
    yield ""
    yield f"Measured with `{results.command}` on {results.date}."
    yield "Ratios are comparable between machines; absolute figures are not."
    yield "[docs/performance.md](../docs/performance.md) explains the figures."
    yield ""
    yield from _table(("machine", ""), [(name, value) for name, value in results.machine.items()])
    yield "## Bars"
    yield ""
    yield from _bars(found)
    if results.busy:
        yield "## Bars, with the core of the measured program busy"
        yield ""
        yield from _bars(results.busy)
    for key, race in results.echo.items():
        server, _, at_once = key.partition(" ")
        yield f"## C-ECHO sessions on {_SERVERS[server]}, {'one at a time' if at_once == '1' else at_once + ' at once'}"
        yield ""
        yield from _race(race, "sessions/s", "CPU per session")
    for key, race in results.find.items():
        yield f"## C-FIND matches counted, {_SERVERS[key]}"
        yield ""
        yield from _race(race, "matches/s", "CPU per match")
    yield from _sizes(results.sizes)
    yield from _bad_days(results)


_SERVERS: Mapping[str, str] = {"fast": "the fast SCP", "orthanc": "Orthanc"}


def _bars(found: Sequence[Bar]) -> Iterator[str]:
    rows = [(bar.name, bar.wanted, bar.figure, _VERDICTS[bar.reached]) for bar in found]
    yield from _table(("what", "wanted", "figure", ""), rows)


def _race(race: Race, unit: str, cost: str) -> Iterator[str]:
    rows = []
    for name, rate in race.items():
        if rate.rate is None or rate.cost is None:
            rows.append((name, f"not measured: {rate.problem}", "", ""))
            continue
        spread = f"{min(rate.rates):,.0f} to {max(rate.rates):,.0f}"
        rows.append((name, f"{rate.rate:,.0f}", spread, f"{rate.cost:,.1f} µs"))
    yield from _table(("", f"{unit}, median", "range", cost), rows)


def _sizes(sizes: Sequence[Size]) -> Iterator[str]:
    if not sizes:
        return
    yield "## Scrapes of all targets, with the default module"
    yield ""
    rows = [
        (
            f"{size.targets:,}",
            f"{size.first_wall:.2f} s",
            f"{size.wall:.3f} s",
            f"{size.cpu:.3f} s",
            f"{size.cpu / size.targets * 1e6:.0f} µs",
            f"{size.resident / _MIB:.0f} MiB",
            f"{size.peak / _MIB:.0f} MiB",
            f"{size.text / _MIB:.1f} MiB",
            f"{size.transferred / _MIB:.2f} MiB",
        )
        for size in sizes
    ]
    yield from _table(("targets", "first scrape", "later", "CPU", "per target", "memory", "peak", "text", "gzip"), rows)
    yield "## The same lists through /sd and /probe"
    yield ""
    rows_ = [
        (
            f"{size.targets:,}",
            f"{size.discovery_wall * 1000:.0f} ms",
            f"{size.probes_wall:.2f} s",
            f"{size.targets / size.probes_wall:,.0f}/s",
            f"{size.probes_cpu / size.targets * 1e6:.0f} µs",
        )
        for size in sizes
    ]
    yield from _table(("targets", "/sd", "all of /probe", "probes", "CPU per probe"), rows_)


def _bad_days(results: Results) -> Iterator[str]:
    for title, dead in (("three in ten dead", results.dead), ("all but a few filtered", results.filtered)):
        if dead is None:
            continue
        yield f"## {dead.targets:,} targets, {title}"
        yield ""
        yield f"Scrapes took {', '.join(f'{wall:.2f} s' for wall in dead.walls)}, with {dead.cpu:.2f} s of CPU."
        yield ""
        rows = [
            (way, ", ".join(f"{outcome}: {count:,}" for outcome, count in found.items()))
            for way, found in sorted(dead.outcomes.items())
        ]
        yield from _table(("failure", "reported as (targets)"), rows)
    if results.matches is not None:
        matches = results.matches
        yield "## A C-FIND with a million matches"
        yield ""
        rate = matches.matches / matches.seconds
        grown = matches.grown // 1024
        yield f"{matches.matches:,} in {matches.seconds:.2f} s, {rate:,.0f} per second; {grown:,} KiB more memory."
        yield ""


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(len(row[column]) for row in (head, *rows)) for column in range(len(head))]
    for number, row in enumerate((head, *rows)):
        yield "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        if number == 0:
            yield "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    yield ""
