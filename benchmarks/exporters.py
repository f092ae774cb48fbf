"""Beside blackbox_exporter, which Prometheus users know: a whole C-ECHO here against a TCP connection there."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.cores import client_cores, started_on
from benchmarks.exporter import Exporter, Target, exporter, spread
from benchmarks.http_load import fetch_all
from benchmarks.timing import progress
from benchmarks.turns import Turns, in_turns
from tests.testing.peers.process import reserved_address

PROCESSOR = "/probe: processor"
RATE = "/probe: rate"
MEMORY = "memory at rest"
READY = "ready after start"
VERSION = "--version"
WANTED = {PROCESSOR: 1.0, RATE: 1.0, READY: 2.5, VERSION: 4.0}
"""Ratios: at least of the rate, at most of the others."""
BLACKBOX = "blackbox_exporter (TCP connect alone)"
_PROGRAMS = ("prometheus-blackbox-exporter", "blackbox_exporter")
_AT_ONCE = 64
_MODULES = {"ping": {"timeout": "10s"}}


def beside_blackbox(ports: Sequence[int], probes: int) -> dict[str, Turns]:
    """/probe, `probes` in each round, and memory; then how long the start takes, against Python itself."""
    found = {
        PROCESSOR: Turns(BLACKBOX, "µs"),
        RATE: Turns(BLACKBOX, "/s"),
        MEMORY: Turns(BLACKBOX, "MiB"),
        READY: Turns("python -c 'import aiohttp, pydantic'", "s"),
        VERSION: Turns("python -c pass", "s"),
    }
    _start(found)
    program = next(filter(None, map(shutil.which, _PROGRAMS)), None)
    if program is None:
        for name in (PROCESSOR, RATE, MEMORY):
            found[name].problem = "prometheus-blackbox-exporter is not installed"
        return found
    targets = spread(ports, _AT_ONCE, modules=["ping"])
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(exporter(directory, targets, modules=_MODULES))
        theirs = stack.enter_context(_blackbox(directory, program))
        time.sleep(1.0)  # at rest
        memory = found[MEMORY]
        memory.ours.append(ours.memory() / 2**20)
        memory.theirs.append(theirs.memory() / 2**20)
        _probe(found, ours, theirs, targets, probes)
    return found


def _probe(found: dict[str, Turns], ours: Exporter, theirs: Exporter, targets: Sequence[Target], probes: int) -> None:
    if ours.get(f"/probe?target={targets[0]['name']}").count("dicom_echo_success", "1.0") != 1:
        raise RuntimeError("the C-ECHO of a live target failed")
    chosen = [targets[number % len(targets)] for number in range(probes)]
    our_paths = [f"/probe?target={target['name']}" for target in chosen]
    their_paths = [f"/probe?module=tcp_connect&target={target['address']}" for target in chosen]
    rates: dict[Exporter, float] = {}

    def cost(running: Exporter, paths: Sequence[str]) -> float:
        before = running.cpu
        rates[running] = probes / asyncio.run(fetch_all(running.port, paths, _AT_ONCE))
        return (running.cpu - before) / probes * 1e6

    for running, paths in ((ours, our_paths), (theirs, their_paths)):
        cost(running, paths)  # caches, connections
    rate = found[RATE]

    def our_cost() -> float:
        took = cost(ours, our_paths)
        rate.ours.append(rates[ours])
        return took

    def their_cost() -> float:
        took = cost(theirs, their_paths)
        rate.theirs.append(rates[theirs])
        return took

    in_turns(found[PROCESSOR], our_cost, their_cost, WANTED[PROCESSOR])
    progress(f"  {PROCESSOR} {found[PROCESSOR].ratio:.2f} times, {RATE} {rate.ratio:.2f} times")


def _start(found: dict[str, Turns]) -> None:
    python = [sys.executable]
    imports = _run([*python, "-c", "import aiohttp, pydantic"])
    in_turns(found[VERSION], _run([*python, "-m", "dicom_exporter", "--version"]), _run([*python, "-c", "pass"]), 4.0)
    in_turns(found[READY], _until_ready, imports, WANTED[READY])
    progress("  " + ", ".join(f"{name} {found[name].ratio:.1f} times" for name in (READY, VERSION)))


def _run(command: Sequence[str]) -> Callable[[], float]:
    def run() -> float:
        begun = time.perf_counter()
        with started_on(client_cores()):
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        return time.perf_counter() - begun

    return run


def _until_ready() -> float:
    with tempfile.TemporaryDirectory() as directory:
        begun = time.perf_counter()
        with exporter(Path(directory), spread([104], 1)) as running:
            running.get("/-/ready")
            return time.perf_counter() - begun


@contextmanager
def _blackbox(directory: Path, program: str) -> Iterator[Exporter]:
    settings = directory / "blackbox.yml"
    settings.write_text("modules:\n  tcp_connect:\n    prober: tcp\n")
    with reserved_address() as address:
        with started_on(client_cores()):
            process = subprocess.Popen(
                [program, f"--config.file={settings}", f"--web.listen-address={address}"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        try:
            running = Exporter(process, address.port)
            running.wait()
            yield running
        finally:
            process.terminate()
            process.wait()
