"""C-ECHO sessions through the exporter's /probe: the cost that HTTP and the exposition format add to a probe."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.exporter import exporter, spread
from benchmarks.http_load import fetch_all
from benchmarks.timing import Rate

_MODULES = {"ping": {"timeout": "60s"}}


def through_probe(ports: Sequence[int], sessions: int, at_once: int, rounds: int) -> Rate:
    """Run `sessions` in each round, `at_once` concurrently, distributed over as many targets."""
    found = Rate()
    targets = spread(ports, at_once, modules=["ping"])
    paths = [f"/probe?target={targets[number % at_once]['name']}" for number in range(sessions)]
    with tempfile.TemporaryDirectory() as directory, exporter(Path(directory), targets, modules=_MODULES) as running:
        if running.get(paths[0]).count("dicom_echo_success", "1.0") != 1:
            raise RuntimeError("the C-ECHO of a live target failed")
        asyncio.run(fetch_all(running.port, paths[:at_once], at_once))
        for _ in range(rounds):
            cpu = running.cpu
            wall = asyncio.run(fetch_all(running.port, paths, at_once))
            found.rates.append(sessions / wall)
            found.costs.append((running.cpu - cpu) / sessions * 1e6)
    return found
