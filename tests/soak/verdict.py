"""What a soak came to: a table for people, and whether all of it holds."""

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
"""Seconds. In less, on a machine that is busy, what is rare may not come about."""
_SHARED = 2.0
"""Load average for each processor, over which others use the machine more than we do."""
_SILENCES = {"no_answer", "connect_timeout"}
"""What a peer looks like, too, whose process gets no processor in time."""
_EXPECTED_ERRORS = re.compile(r"invalid configuration|the running configuration stays")


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is judged."""

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
    """Of all outcomes: how often the exporter may say that it was too busy to know."""
    peers: Mapping[str, Any]
    log: str


def report(facts: Facts) -> tuple[str, bool]:
    """The table, and whether everything held."""
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
        f" {sum(each > facts.timeout for each in seconds)} after their timeout of {facts.timeout} s",
        f"outcomes: {_listed(seen.outcomes)}; {seen.unknown} of the {seen.outcomes['overload']} overload not for files",
        f"associations, as the peers counted them: {_listed(facts.peers['endings'])}",
        f"weather: {facts.reloads} reloads, {facts.refusals} broken configurations, {facts.clock_jumps} clock jumps,"
        f" {facts.shortages} times short of files ({seen.unknown_expected} outcomes overload then,"
        f" {seen.failed_expected.total()} scrapes without an answer)",
        "",
        *(f"{'holds ' if holds else 'MISSED'}  {what}: {found}" for what, found, holds in checks),
    ]
    return "\n".join(lines) + "\n", all(holds for _, _, holds in checks)


def _checks(facts: Facts) -> list[tuple[str, str, bool]]:
    """What, what was found, and whether that is as it should be."""
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
        ("SIGTERM in mid-scrape ends it", f"exit code {facts.exit_code}", facts.exit_code == 0),
        ("nothing else went wrong", "; ".join(facts.mistakes[:5]) or "nothing", not facts.mistakes),
        ("every scrape is answered", _listed(seen.failed) or "all", not seen.failed and seen.answered > 0),
        ("every target is in every scrape", f"{seen.missing} missing", not seen.missing),
        (
            "no peer that is well is said to be otherwise",
            f"{_listed(seen.false_down) or 'none'} of {seen.compared} compared",
            not (seen.false_down.keys() - (_SILENCES if shared or short else set()))
            and (seen.compared > 0 or shared or short),
        ),
        ("no peer that is gone is said to be there", _listed(seen.false_up) or "none", not seen.false_up),
        ("every association ends by A-RELEASE or A-ABORT", _listed(unclean) or "every one", not unclean),
        ("no error in the log", errors[0][:200] if errors else "none", not errors),
    ]
    if not shared:  # else it says more about the machine
        most = facts.most_unknown
        holds = seen.unknown <= most * outcomes
        checks.append((f"at most {most:.0%} unknown for our own slowness", f"{seen.unknown} of {outcomes}", holds))
    if facts.shortages and not short:
        checks.append(("short of files, outcomes say overload", str(seen.unknown_expected), seen.unknown_expected > 0))
    if facts.clock_jumps:
        checks.append(("the clock did jump", f"{facts.clock_errors_seen} times seen", facts.clock_errors_seen > 0))
    for tolerance in TOLERANCES:
        grown = growth(facts.samples, tolerance)
        if grown is None:
            continue
        before, after, holds = grown
        allowed = f"+{tolerance.absolute:g}" + (f" or +{tolerance.relative:.0%}" if tolerance.relative else "")
        checks.append((f"{tolerance.name} stay flat ({allowed})", f"{before:.1f} then {after:.1f}", holds))
    return checks


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in sorted(counts.items(), key=lambda each: -each[1]))
