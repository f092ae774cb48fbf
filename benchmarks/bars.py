"""The bars that a run must reach. They are ratios within one run, so that they are valid on any machine."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.bar import Bar
from benchmarks.exporters import MEMORY, PROCESSOR, RATE, READY, VERSION, WANTED
from benchmarks.results import CALLBACKS, ECHOSCU, FINDSCU, FLOOR, OURS, PYNETDICOM, RUST, Race, Results
from benchmarks.scraping import BEYOND, BEYOND_WANTED, CONNECT_TIMEOUT, Size

SMALL, LARGE = 100, 10_000
_KIB = 1024
_BEGINNING = 1.5
"""Seconds to start the probes of 10,000 targets and to write the response, in addition to the timeout itself."""


def bars(results: Results) -> list[Bar]:
    """All bars, in the order of the sections."""
    return [
        *_echo(results),
        *_find(results),
        *_sizes(results),
        *_bad_days(results),
        *_history(results),
        *_turns(results),
        *_fleet(results),
    ]


def missed(found: list[Bar]) -> list[Bar]:
    """The bars that were measured and not reached."""
    return [bar for bar in found if bar.reached is False]


def _echo(results: Results) -> Iterator[Bar]:
    crowd = results.echo.get("fast 256", {})
    yield _ratio("C-ECHO, 256 at once, fast SCP: against pynetdicom", crowd, PYNETDICOM, 20)
    yield _ratio("C-ECHO, 256 at once, fast SCP: against dicom-echo", crowd, RUST, 1.5)
    yield _ratio("C-ECHO, 256 at once, fast SCP: against the floor", crowd, FLOOR, 0.5)
    yield _ratio("C-ECHO, 256 at once, fast SCP: against callbacks alone", crowd, CALLBACKS, 0.5)
    single = results.echo.get("orthanc 1", {})
    for other in (PYNETDICOM, RUST, ECHOSCU):
        yield _ratio(f"C-ECHO, one at a time, Orthanc: against {other}", single, other, 40)


def _find(results: Results) -> Iterator[Bar]:
    fast = results.find.get("fast", {})
    yield _ratio("C-FIND, fast SCP: against pynetdicom", fast, PYNETDICOM, 40)
    yield _ratio("C-FIND, fast SCP: against findscu", fast, FINDSCU, 4)


def _ratio(name: str, race: Race, other: str, wanted: float) -> Bar:
    text = f"at least {wanted:g} times"
    ours, theirs = race.get(OURS), race.get(other)
    if ours is None or theirs is None or theirs.rate is None:
        why = "" if theirs is None or theirs.problem is None else f": {theirs.problem}"
        return Bar(name, text, f"not measured here{why}", None)
    if ours.rate is None:
        return Bar(name, text, f"dicom_exporter failed: {ours.problem}", False)
    ratio = ours.rate / theirs.rate
    return Bar(name, text, f"{ratio:,.2f} times ({ours.rate:,.0f}/s and {theirs.rate:,.0f}/s)", ratio >= wanted)


def _sizes(results: Results) -> Iterator[Bar]:
    by_count = {size.targets: size for size in results.sizes}
    small, large, least = by_count.get(SMALL), by_count.get(LARGE), min(results.sizes, key=_targets, default=None)
    name = f"/metrics: processor per target at {LARGE:,} against {SMALL}"
    if small is None or large is None or least is None:
        yield Bar(name, "at most 1.3 times", "not measured here", None)
        yield Bar("/metrics: memory per target", "under 20 KiB", "not measured here", None)
        return
    one, other = large.cpu / large.targets, small.cpu / small.targets
    figure = f"{one / other:.2f} times ({one * 1e6:.0f} µs and {other * 1e6:.0f} µs)"
    yield Bar(name, "at most 1.3 times", figure, one / other <= 1.3)
    # The peak, so that it includes reading the configuration and writing the response.
    grown = (large.peak - least.peak) / (large.targets - least.targets)
    resident = (large.resident - least.resident) / (large.targets - least.targets)
    figure = f"{grown / _KIB:.1f} KiB at the peak, {resident / _KIB:.1f} KiB after"
    yield Bar("/metrics: memory per target", "under 20 KiB", figure, max(grown, resident) < 20 * _KIB)


def _targets(size: Size) -> int:
    return size.targets


def _bad_days(results: Results) -> Iterator[Bar]:
    dead, filtered, matches = results.dead, results.filtered, results.matches
    name = "/metrics with three in ten dead: within the deadline, all live targets reported"
    if dead is None:
        yield Bar(name, "all", "not measured here", None)
    else:
        slowest = max(dead.walls)
        figure = f"{dead.living_reported} of {dead.living} live, {dead.reported} of {dead.targets} in {slowest:.2f} s"
        all_ = dead.living_reported == dead.living and dead.reported == dead.targets
        yield Bar(name, f"all, in {dead.timeout:g} s", figure, all_ and slowest < dead.timeout)
    name = "/metrics with 1,000 silent targets: scrapes that are late or not whole"
    if results.silent is None:
        yield Bar(name, "none", "not measured here", None)
    else:
        silent = results.silent
        figure = f"{silent.lost} of {len(silent.walls)}, the slowest in {max(silent.walls):.2f} of {silent.timeout:g} s"
        yield Bar(name, "none", figure, silent.lost == 0)
    name = "/metrics with 9,900 of 10,000 filtered: done after connect_timeout, all reported"
    wanted = f"all, in {CONNECT_TIMEOUT + _BEGINNING:g} s"
    if filtered is None:
        yield Bar(name, wanted, "not measured here", None)
    else:
        slowest = max(filtered.walls)
        figure = f"{filtered.reported:,} of {filtered.targets:,} in {slowest:.2f} s"
        whole = filtered.reported == filtered.targets and filtered.living_reported == filtered.living
        yield Bar(name, wanted, figure, whole and slowest <= CONNECT_TIMEOUT + _BEGINNING)
    name = "a million matches: memory flat"
    if matches is None:
        yield Bar(name, "under 4 MiB", "not measured here", None)
    else:
        figure = f"{matches.grown / _KIB:,.0f} KiB more for {matches.matches:,} matches"
        yield Bar(name, "under 4 MiB", figure, matches.grown < 4 * _KIB * _KIB)


_KEPT = 2 * _KIB
"""Bytes of a kept probe."""
_FLAT = 64
"""The same, of what all later scrapes add."""


def _history(results: Results) -> Iterator[Bar]:
    kept = results.history
    name = "history: memory of a kept probe; and what later scrapes add"
    wanted = f"at most {_KEPT / _KIB:g} KiB; {_FLAT} bytes"
    if kept is None:
        yield Bar(name, wanted, "not measured here", None)
        return
    each, later = (kept.full - kept.first) / kept.probes, (kept.last - kept.full) / kept.probes
    figure = f"{each / _KIB:.2f} KiB for {kept.probes:,} probes; {later:.0f} bytes up to scrape {kept.scrapes}"
    yield Bar(name, wanted, figure, each <= _KEPT and later <= _FLAT)


_AT_REST = 60.0
"""MiB."""
_SHARE_OF_CORE = 0.2


def _turns(results: Results) -> Iterator[Bar]:
    for name in (PROCESSOR, RATE, READY, VERSION, BEYOND):
        wanted = WANTED.get(name, BEYOND_WANTED)
        turns = results.turns.get(name)
        against = f"{name}, against {turns.other}" if turns is not None else name
        text = f"at {'least' if name == RATE else 'most'} {wanted:g} times"
        if turns is None or turns.problem is not None or not turns.ours:
            why = f": {turns.problem}" if turns is not None and turns.problem else ""
            yield Bar(against, text, f"not measured here{why}", None)
            continue
        low, high = turns.spread
        figure = f"{turns.ratio:.2f} times ({low:.2f} to {high:.2f} in {len(turns.ours)} rounds)"
        reached = turns.ratio >= wanted if name == RATE else turns.ratio <= wanted
        all_of_it = low >= wanted if name == RATE else high <= wanted
        # Reached only with all of the spread; where only the median reaches it, that is too close to tell.
        yield Bar(
            against,
            text,
            figure if all_of_it or not reached else f"{figure}: too close to tell",
            reached and (all_of_it or None),
        )
    memory = results.turns.get(MEMORY)
    if memory is None or not memory.ours:
        yield Bar(MEMORY, f"at most {_AT_REST:g} MiB", "not measured here", None)
    else:
        figure = f"{memory.ours[0]:.0f} MiB (blackbox_exporter: {memory.theirs[0]:.0f} MiB)"
        yield Bar(MEMORY, f"at most {_AT_REST:g} MiB", figure, memory.ours[0] <= _AT_REST)


def _fleet(results: Results) -> Iterator[Bar]:
    fleet = results.fleet
    name = "fleet, through Prometheus, /sd and /probe"
    wanted = f"nothing missed, at most {_SHARE_OF_CORE:g} of a core"
    if fleet is None:
        yield Bar(name, wanted, "not measured here", None)
        return
    figure = (
        f"{fleet.missed:,} missed of {fleet.targets:,} targets each {fleet.interval:g} s, {fleet.core:.2f} of a core; "
        f"Prometheus: {fleet.series:,} series, {fleet.prometheus_memory / 2**20:,.0f} MiB"
    )
    yield Bar(name, wanted, figure, fleet.missed == 0 and fleet.core <= _SHARE_OF_CORE)
