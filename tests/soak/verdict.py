"""The result of a soak test: a readable table, and whether all checks passed."""

from __future__ import annotations

import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.soak.clients import Scrapes
from tests.soak.sampling import TOLERANCES, Sample, growth

_LONG = 300.0
"""Seconds. In a shorter test on a busy machine, rare events may not happen."""
_SHARED = 2.0
"""Load average for each CPU. Above this, other programs use the machine more than the test."""
_SILENCES = {"no_answer", "connect_timeout"}
"""Outcomes that are also seen if the peers' process gets no CPU in time."""
_EXPECTED_ERRORS = re.compile(r"invalid configuration|the running configuration stays")
_LONGEST_STOP = 0.2
"""Seconds."""
_MOST_MEMORY = 256.0
"""MiB."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that the checks use."""

    command: str
    seconds: float
    samples: Sequence[Sample]
    scrapes: Scrapes
    timeout: float
    reloads: int
    refusals: int
    mistakes: Sequence[str]
    clock_jumps: int
    clock_errors_seen: int
    shortages: int
    exit_code: int | None
    most_unknown: float
    """Highest share of outcomes that may be overload."""
    stops: Mapping[str, Any]
    """For how many seconds the event loop of the exporter stood still, measured inside, and what it did."""
    peers: Mapping[str, Any]
    log: str


def report(facts: Facts) -> tuple[str, bool]:
    """Return the table, and whether all checks passed."""
    checks = _checks(facts)
    seen = facts.scrapes
    seconds = sorted(seen.seconds) or [0.0]
    lines = [
        f"{facts.command}, {facts.seconds:.0f} s, Python {platform.python_version()}, {platform.machine()}",
        "",
        "  at, s  sockets  files  tasks  threads  memory, MiB  CPU, s  load",
        *(
            f"{each.at:7.0f}  {each.sockets:7}  {each.files:5}  {each.tasks:5}  {each.threads:7}  {each.memory:11.1f}"
            f"  {each.cpu:6.1f}  {each.load:4.1f}"
            for each in facts.samples
        ),
        "",
        f"scrapes: {seen.answered} answered, median {statistics.median(seconds):.2f} s, longest {seconds[-1]:.2f} s,"
        f" {sum(each > facts.timeout for each in seconds)} later than the timeout of {facts.timeout} s",
        f"outcomes: {_listed(seen.outcomes)}; {seen.unknown} of {seen.outcomes['overload']} overload unexplained",
        f"associations, counted by the peers: {_listed(facts.peers['endings'])}",
        f"weather: {facts.reloads} reloads, {facts.refusals} invalid configurations, {facts.clock_jumps} clock jumps,"
        f" {facts.shortages} file shortages ({seen.unknown_expected} outcomes overload during them,"
        f" {seen.failed_expected.total()} scrapes without an answer)",
        "",
        *(f"{'ok    ' if holds else 'FAILED'}  {what}: {found}" for what, found, holds in checks),
    ]
    return "\n".join(lines) + "\n", all(holds for _, _, holds in checks)


def _checks(facts: Facts) -> list[tuple[str, str, bool]]:
    """The checks: name, result, and whether it passed."""
    seen, unclean = facts.scrapes, facts.peers["unclean"]
    errors = [
        line
        for line in facts.log.splitlines()
        if re.search(r"level=error|Traceback|bug, please|ResourceWarning", line) and not _EXPECTED_ERRORS.search(line)
    ]
    outcomes = sum(seen.outcomes.values())
    load = statistics.median(each.load for each in facts.samples) if facts.samples else 0.0
    shared, short = load > _SHARED, facts.seconds < _LONG
    checks = [
        ("SIGTERM during a scrape ends the exporter", f"exit code {facts.exit_code}", facts.exit_code == 0),
        ("no other errors", "; ".join(facts.mistakes[:5]) or "none", not facts.mistakes),
        ("every scrape is answered", _listed(seen.failed) or "all", not seen.failed and seen.answered > 0),
        ("every target is in every scrape", f"{seen.missing} missing", not seen.missing),
        (
            "peers that are well have the outcome success",
            f"{_listed(seen.false_down) or 'no other'} of {seen.compared} compared",
            not (seen.false_down.keys() - (_SILENCES if shared or short else set()))
            and (seen.compared > 0 or shared or short),
        ),
        ("peers that are gone have the outcome refused", _listed(seen.false_up) or "no other", not seen.false_up),
        ("every association ends by A-RELEASE or A-ABORT", _listed(unclean) or "all", not unclean),
        ("no error in the log", errors[0][:200] if errors else "none", not errors),
    ]
    longest, busiest = facts.stops["longest_stop"], facts.stops["busiest"]
    stop = f"{longest:.2f} s; with most processor time: {busiest:.2f} s, in {facts.stops['where'] or 'nothing known'}"
    checks.append(("the event loop never stops for long", stop, shared or short or longest <= _LONGEST_STOP))
    most = max((each.most_memory for each in facts.samples), default=0.0)
    checks.append((f"memory stays below {_MOST_MEMORY:.0f} MiB", f"{most:.1f} MiB at most", most < _MOST_MEMORY))
    if not shared:  # otherwise it would measure the machine
        share = facts.most_unknown
        holds = seen.unknown <= share * outcomes
        checks.append((f"at most {share:.0%} overload without a file shortage", f"{seen.unknown} of {outcomes}", holds))
    if facts.shortages and not short:
        checks.append(("file shortages give overload", str(seen.unknown_expected), seen.unknown_expected > 0))
    if facts.clock_jumps:
        seen_to_jump = facts.clock_errors_seen > 0 or shared
        checks.append(("the clock jumps", f"seen {facts.clock_errors_seen} times", seen_to_jump))
    for tolerance in TOLERANCES:
        grown = growth(facts.samples, tolerance)
        if grown is None:
            continue
        before, after, holds = grown
        allowed = f"+{tolerance.absolute:g}" + (f" or +{tolerance.relative:.0%}" if tolerance.relative else "")
        checks.append((f"{tolerance.name} do not grow ({allowed})", f"{before:.1f}, then {after:.1f}", holds))
    return checks


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda each: -each[1]))
