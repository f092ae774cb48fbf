"""Scrapes of the complete exporter: 10 to 10,000 targets, failed targets, filtered targets, and many matches."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.cores import client_cores, started_on
from benchmarks.exporter import Exporter, Scrape, exporter, spread
from benchmarks.http_load import fetch_all
from benchmarks.servers import ROOT
from benchmarks.timing import progress
from benchmarks.turns import Turns, in_turns
from dicom_exporter import DEFAULT_HISTORY_LIMIT
from dicom_exporter.pages.history import MAX_PROBES

Ports = Mapping[str, Sequence[int]]
TIMEOUT = 60.0
"""Scrape timeout in seconds, unless the section has its own."""
CALLED = "PACS100"
"""The fast SCP lists as many studies as the number at the end of the title."""
CONNECT_TIMEOUT = 3.0
"""The exporter's default, in seconds."""
BEYOND = "9,900 of 10,000 filtered: time beyond connect_timeout"
BEYOND_WANTED = 3.0
AT_ONCE = 64
"""Concurrent requests to /probe, for targets from service discovery."""


@dataclass(frozen=True, slots=True)
class Size:
    """Figures of the exporter with this number of targets, in seconds and bytes."""

    targets: int
    start: float
    first_wall: float
    """Of the first scrape, which also lists the studies of each target."""
    wall: float
    cpu: float
    """Medians of the later scrapes."""
    resident: int
    peak: int
    """Memory after these scrapes, and its peak."""
    text: int
    transferred: int
    """Bytes of the exposition, uncompressed and as gzip."""
    discovery_wall: float
    probes_wall: float
    probes_cpu: float
    """One request of /sd, then /probe for each target in it."""


def sizes(ports: Ports, counts: Sequence[int], scrapes: Mapping[int, int]) -> list[Size]:
    """Measure each number of targets in `counts`, with `scrapes` scrapes after the first."""
    return [_size(ports["good"], count, scrapes[count]) for count in counts]


def _size(ports: Sequence[int], count: int, scrapes: int) -> Size:
    targets = spread(ports, count, called_ae_title=CALLED)
    with tempfile.TemporaryDirectory() as directory, exporter(Path(directory), targets) as running:
        start = running.cpu
        first = running.get(timeout=TIMEOUT)
        _expect(first, "dicom_echo_success", count)
        taken = [running.get(timeout=TIMEOUT) for _ in range(scrapes)]
        for each in taken:
            _expect(each, "dicom_studies_visible", count, value="100.0")
            _expect(each, "dicom_echo_success", count)
        # Read memory before /sd and /probe, which are not part of a scrape.
        resident, peak = running.memory(), running.memory("VmHWM")
        discovery = running.get("/sd")
        paths = [f"/probe?target={group['labels']['__param_target']}" for group in json.loads(discovery.text)]
        cpu = running.cpu
        probes_wall = asyncio.run(fetch_all(running.port, paths, AT_ONCE))
        found = Size(
            targets=count,
            start=start,
            first_wall=first.wall,
            wall=median(each.wall for each in taken),
            cpu=median(each.cpu for each in taken),
            resident=resident,
            peak=peak,
            text=len(taken[-1].text),
            transferred=taken[-1].transferred,
            discovery_wall=discovery.wall,
            probes_wall=probes_wall,
            probes_cpu=running.cpu - cpu,
        )
    progress(f"  {count:,} targets: {found.wall:.3f} s, {found.cpu / count * 1e6:.0f} µs of CPU each")
    return found


@dataclass(frozen=True, slots=True)
class Dead:
    """A scrape of many targets, of which some fail."""

    targets: int
    living: int
    living_reported: int
    reported: int
    """Targets with an outcome of the C-ECHO."""
    timeout: float
    """Scrape timeout, in seconds."""
    walls: list[float]
    cpu: float
    outcomes: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Failure -> outcome -> number of targets."""


WAYS = ("closed", "filtered", "silent", "half_a_pdu", "not_dicom", "aborts", "closes", "busy", "rejects")


def dead(ports: Ports, count: int, scrapes: int, timeout: float = 10.0) -> Dead:
    """Scrape `count` targets, of which three in ten fail, in all of `WAYS`."""
    modules = {"ping": {"timeout": "60s"}}
    targets = spread(ports["good"], count, modules=["ping"])
    ways = {}
    for number in range(count * 3 // 10):
        place = number * 10 // 3
        way = WAYS[number % len(WAYS)]
        targets[place] = spread(ports[way], place + 1, first=place, modules=["ping"])[0]
        ways[str(targets[place]["name"])] = way
    with tempfile.TemporaryDirectory() as directory, exporter(Path(directory), targets, modules=modules) as running:
        taken = [running.get(timeout=timeout) for _ in range(scrapes)]
    outcomes: dict[str, dict[str, int]] = {}
    for name, outcome in taken[-1].current("dicom_echo_outcome", "outcome").items():
        if name in ways:
            by_outcome = outcomes.setdefault(ways[name], {})
            by_outcome[outcome] = by_outcome.get(outcome, 0) + 1
    return Dead(
        targets=count,
        living=count - len(ways),
        living_reported=min(each.count("dicom_echo_success", "1.0") for each in taken),
        reported=min(each.count("dicom_echo_success") for each in taken),
        timeout=timeout,
        walls=[each.wall for each in taken],
        cpu=median(each.cpu for each in taken),
        outcomes=outcomes,
    )


@dataclass(frozen=True, slots=True)
class Silent:
    """Scrapes of targets that accept a connection and say nothing."""

    targets: int
    timeout: float
    """Scrape timeout, in seconds."""
    walls: list[float]
    lost: int
    """Scrapes that took longer than the timeout, or were not whole."""


def silent(ports: Ports, count: int, scrapes: int, timeout: float = 5.0) -> Silent:
    """Scrape `count` silent targets: all of the time is used, and each scrape has to be written before it is over."""
    modules = {"ping": {"timeout": "60s"}}
    targets = spread(ports["silent"], count, modules=["ping"])
    with tempfile.TemporaryDirectory() as directory, exporter(Path(directory), targets, modules=modules) as running:
        taken = [running.get(timeout=timeout) for _ in range(scrapes)]
    lost = sum(each.wall > timeout or each.count("dicom_echo_success") != count for each in taken)
    return Silent(count, timeout, [each.wall for each in taken], lost)


def filtered(ports: Ports, count: int, open_: int, scrapes: int, timeout: float = 30.0) -> tuple[Dead, Turns]:
    """Scrape `count` targets with ``expect: closed``, of which all but `open_` drop the SYN.

    The second result is the time beyond the connect timeout, in turns with a client that only connects.
    """
    targets = [
        *spread(ports["filtered"], count - open_, expect="closed"),
        *spread(ports["good"], open_, first=count - open_, expect="closed", called_ae_title=CALLED),
    ]
    with tempfile.TemporaryDirectory() as directory, exporter(Path(directory), targets) as running:
        taken = [running.get(timeout=timeout) for _ in range(scrapes)]
        bare = Turns("a bare asyncio client", "s")
        addresses = [str(target["address"]) for target in targets]
        in_turns(
            bare,
            lambda: running.get(timeout=timeout).wall - CONNECT_TIMEOUT,
            lambda: _bare(addresses) - CONNECT_TIMEOUT,
            BEYOND_WANTED,
        )
    levels = [min(each.count("dicom_exposure_level", value) for each in taken) for value in ("0.0", "5.0")]
    found = Dead(
        targets=count,
        living=open_,
        living_reported=levels[1],
        reported=sum(levels),
        timeout=timeout,
        walls=[each.wall for each in taken],
        cpu=median(each.cpu for each in taken),
        outcomes={"filtered": {"level 0": levels[0]}, "open": {"level 5": levels[1]}},
    )
    return found, bare


def _bare(addresses: Sequence[str]) -> float:
    """Seconds that the bare client takes."""
    with started_on(client_cores()):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.contestants.connects"],
            cwd=ROOT,
            input="\n".join([str(CONNECT_TIMEOUT), *addresses]),
            capture_output=True,
            text=True,
            check=True,
        )
    return float(done.stdout)


@dataclass(frozen=True, slots=True)
class Matches:
    """One C-FIND with very many matches, through the exporter."""

    matches: int
    seconds: float
    grown: int
    """Growth of the peak memory during the query, in bytes."""


def many_matches(ports: Ports, count: int) -> Matches:
    """Count `count` studies, after a first query with 1,000."""
    modules = {"all": {"timeout": "300s", "queries": {"studies": {"max_matches": 2 * count}}}}
    targets = [
        *spread(ports["good"], 1, called_ae_title="PACS1000", modules=["all"]),
        *spread(ports["good"], 1, first=1, called_ae_title=f"PACS{count}", modules=["all"]),
    ]
    with tempfile.TemporaryDirectory() as directory, exporter(Path(directory), targets, modules=modules) as running:
        _studies(running, targets[0]["name"])
        before = running.memory("VmHWM")
        shown = _studies(running, targets[1]["name"])
        grown = running.memory("VmHWM") - before
    return Matches(int(shown.value("dicom_studies_visible")), shown.value("dicom_query_duration_seconds"), grown)


@dataclass(frozen=True, slots=True)
class Kept:
    """Memory of the exporter while it keeps the last probes of guarded targets, in bytes."""

    targets: int
    scrapes: int
    probes: int
    """That are kept, when as many are as it keeps."""
    first: int
    full: int
    last: int
    """After the first scrape, after the one that filled the history, and after all `scrapes`."""


def history(ports: Ports, count: int, scrapes: int) -> Kept:
    """Scrape `count` guarded targets, as the monitor and as a stranger, more often than the exporter keeps probes."""
    each = min(DEFAULT_HISTORY_LIMIT, MAX_PROBES // count)
    targets = spread(
        ports["good"], count, called_ae_title="PACS10", expect="guarded", modules=["availability", "exposure"]
    )
    memory = []
    with tempfile.TemporaryDirectory() as directory, exporter(Path(directory), targets) as running:
        for number in range(scrapes):
            running.get(timeout=TIMEOUT)
            memory.append(running.memory())
            if number % 20 == 0:
                progress(f"  scrape {number + 1} of {scrapes}: {memory[-1] / 2**20:.1f} MiB")
    return Kept(count, scrapes, each * count, memory[0], memory[each - 1], memory[-1])


def _studies(running: Exporter, name: object) -> Scrape:
    return running.get(f"/probe?target={name}", timeout=300.0)


def _expect(scrape: Scrape, name: str, count: int, value: str = "1.0") -> None:
    """Raise RuntimeError if a probe failed: its time would mean nothing."""
    if (found := scrape.count(name, value)) != count:
        raise RuntimeError(f"{found} of {count} targets have {name} {value}")
