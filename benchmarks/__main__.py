"""``make bench``: run all benchmarks, one after the other. The exit code is 1 if a bar is missed.

``python -m benchmarks [--quick] [--busy] [--only SECTION,...]``, of those in `SECTIONS`.
Progress goes to standard error, the tables to standard output. A complete run also writes benchmarks/results.json,
benchmarks/RESULTS.md and the plot of docs/performance.md.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import signal
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmarks import results as names
from benchmarks import scraping
from benchmarks.bars import bars, missed
from benchmarks.cores import client_core_busy
from benchmarks.exporters import beside_blackbox
from benchmarks.files import raise_file_limit
from benchmarks.fleet import fleet
from benchmarks.machine import machine
from benchmarks.measuring import Work
from benchmarks.plot import plot
from benchmarks.probes import through_probe
from benchmarks.report import markdown
from benchmarks.results import Results
from benchmarks.servers import ROOT, fast_scp, installed, real_orthanc
from benchmarks.timing import Entry, progress, race

SECTIONS = ("echo", "find", "sizes", "dead", "silent", "filtered", "matches", "history", "exporters", "fleet")
_CROWD = 256


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks, write the results, and return the exit code: 1 if a bar is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="fewer rounds: a few minutes instead of 30")
    parser.add_argument("--busy", action="store_true", help="all of it a second time, with few rounds, on a busy core")
    parser.add_argument("--only", default=",".join(SECTIONS), help="comma-separated sections; writes no result files")
    chosen = parser.parse_args(arguments)
    sections = chosen.only.split(",")
    if unknown := set(sections) - set(SECTIONS):
        parser.error(f"unknown section: {', '.join(sorted(unknown))} (choose from {', '.join(SECTIONS)})")
    raise_file_limit()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the servers are stopped as well
    command = "make bench" + " QUICK=1" * chosen.quick + " ARGS=--busy" * chosen.busy
    results = Results(machine(), command, time.strftime("%Y-%m-%d", time.gmtime()))
    start = time.monotonic()
    busy = Results(results.machine, command, results.date)
    with fast_scp() as ports:
        _run(sections, results, ports, chosen.quick)
        if chosen.busy:
            progress("once more, with the core of the measured program busy")
            with client_core_busy():
                _run(sections, busy, ports, quick=True)
            results.busy = bars(busy)
    progress(f"done in {time.monotonic() - start:.0f} s")
    found = bars(results)
    text = markdown(results, found)
    sys.stdout.write(text)
    if set(sections) == set(SECTIONS):
        _write(results, text)
    short = missed([*found, *results.busy])
    for bar in short:
        progress(f"MISSED: {bar.name}: wanted {bar.wanted}, got {bar.figure}")
    return 1 if short else 0


def _run(sections: Sequence[str], results: Results, ports: scraping.Ports, quick: bool) -> None:
    for section in sections:
        progress(f"{section}:")
        _RUNS[section](results, ports, quick)


def _write(results: Results, text: str) -> None:
    folder = ROOT / "benchmarks"
    (folder / "results.json").write_text(json.dumps(dataclasses.asdict(results), indent=2, ensure_ascii=False) + "\n")
    (folder / "RESULTS.md").write_text(text)
    plot(results, ROOT / "docs" / "img" / "performance.svg")


def _echo(results: Results, ports: scraping.Ports, quick: bool) -> None:
    """C-ECHO sessions, one at a time and concurrent, on the fast SCP and on Orthanc."""
    rounds = 3 if quick else 5
    good = tuple(ports["good"])
    counts = {
        "callbacks": (6000, 12000),
        "floor": (6000, 12000),
        "ours": (3000, 10000),
        "pynetdicom_ae": (40, 400),
        "rust_dicom_echo": (3000, 12000),
        "dcmtk": (20, 256),
    }
    if quick:
        counts = {module: (single // 3, max(crowd // 3, _CROWD)) for module, (single, crowd) in counts.items()}
    progress(" the fast SCP, one at a time")
    single = {module: Work(good, count) for module, (count, _) in counts.items()}
    results.echo["fast 1"] = race("echo", _entries(single), rounds)
    progress(f" the fast SCP, {_CROWD} at once")
    crowd = {module: Work(good, count, _CROWD) for module, (_, count) in counts.items()}
    found = dict(race("echo", _entries(crowd), rounds))
    progress(f" /probe, {_CROWD} at once")
    found[names.THROUGH_PROBE] = through_probe(good, 1000 if quick else 4000, _CROWD, rounds)
    results.echo[f"fast {_CROWD}"] = found
    if not installed("Orthanc"):
        progress(" Orthanc is not installed (apt-get install orthanc): not measured")
        return
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = (stack.enter_context(real_orthanc(directory)).dicom.port,)
        progress(" Orthanc, one at a time")
        few = {"callbacks": 200, "floor": 200, "ours": 2000, "pynetdicom_ae": 15, "rust_dicom_echo": 40, "dcmtk": 15}
        if quick:
            few = {module: count // 3 for module, count in few.items()}
        work = {module: Work(port, count, spread=False) for module, count in few.items()}
        results.echo["orthanc 1"] = race("echo", _entries(work), rounds)
        progress(" Orthanc, 4 at once: its default limit")
        several = {module: Work(port, 4 * count, 4, spread=False) for module, count in few.items()}
        results.echo["orthanc 4"] = race("echo", _entries(several), rounds)


def _find(results: Results, ports: scraping.Ports, quick: bool) -> None:
    """C-FIND matches counted, on the fast SCP and on Orthanc."""
    rounds = 3 if quick else 5
    good = tuple(ports["good"])
    progress(" the fast SCP")
    listed = {"ours": 400_000, "pynetdicom_ae": 5_000, "dcmtk": 50_000, "dcmtk_quiet": 50_000}
    work = {module: Work(good, 1, called=f"FIND{count}") for module, count in listed.items()}
    results.find["fast"] = race("find", _entries(work, find=True), rounds)
    if not installed("Orthanc"):
        progress(" Orthanc is not installed (apt-get install orthanc): not measured")
        return
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        port = (stack.enter_context(real_orthanc(directory)).dicom.port,)
        progress(" Orthanc")
        times = {"ours": 10, "pynetdicom_ae": 3, "dcmtk": 3, "dcmtk_quiet": 3}
        work = {module: Work(port, count, spread=False) for module, count in times.items()}
        results.find["orthanc"] = race("find", _entries(work, find=True), rounds)


def _entries(work: Mapping[str, Work], *, find: bool = False) -> list[Entry]:
    shown = {
        "callbacks": names.CALLBACKS,
        "floor": names.FLOOR,
        "ours": names.OURS,
        "pynetdicom_ae": names.PYNETDICOM,
        "rust_dicom_echo": names.RUST,
        "dcmtk": names.FINDSCU if find else names.ECHOSCU,
        "dcmtk_quiet": names.FINDSCU_QUIET,
    }
    return [Entry(shown[module], module, each) for module, each in work.items()]


def _sizes(results: Results, ports: scraping.Ports, quick: bool) -> None:
    scrapes = {10: 20, 100: 20, 1000: 7, 10_000: 3} if quick else {10: 50, 100: 50, 1000: 15, 10_000: 7}
    results.sizes = scraping.sizes(ports, list(scrapes), scrapes)


def _dead(results: Results, ports: scraping.Ports, quick: bool) -> None:
    results.dead = scraping.dead(ports, 1000, 2 if quick else 4)


def _silent(results: Results, ports: scraping.Ports, quick: bool) -> None:
    results.silent = scraping.silent(ports, 1000, 10 if quick else 20)


def _filtered(results: Results, ports: scraping.Ports, quick: bool) -> None:
    results.filtered, results.turns[scraping.BEYOND] = scraping.filtered(ports, 10_000, 100, 2 if quick else 4)


def _matches(results: Results, ports: scraping.Ports, quick: bool) -> None:
    results.matches = scraping.many_matches(ports, 1_000_000)


def _history(results: Results, ports: scraping.Ports, quick: bool) -> None:
    results.history = scraping.history(ports, 300, 80 if quick else 200)


def _exporters(results: Results, ports: scraping.Ports, quick: bool) -> None:
    results.turns |= beside_blackbox(ports["good"], 1000 if quick else 4000)


def _fleet(results: Results, ports: scraping.Ports, quick: bool) -> None:
    if not installed("prometheus"):
        progress(" prometheus is not installed (apt-get install prometheus): not measured")
        return
    results.fleet = fleet(ports, 1000, 15.0, 4) if quick else fleet(ports, 10_000, 60.0, 5)


_RUNS = {
    "echo": _echo,
    "find": _find,
    "sizes": _sizes,
    "dead": _dead,
    "silent": _silent,
    "filtered": _filtered,
    "matches": _matches,
    "history": _history,
    "exporters": _exporters,
    "fleet": _fleet,
}

if __name__ == "__main__":
    sys.exit(main())
