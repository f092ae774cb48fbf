"""A real Prometheus that finds all targets by /sd and scrapes each of them by /probe."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cores import server_cores, started_on
from benchmarks.exporter import exporter, memory_of, spread
from benchmarks.timing import progress
from tests.testing.peers.prometheus import Prometheus, prometheus

_FIRST = 2
"""Intervals until Prometheus has the list and has scraped each target once."""


@dataclass(frozen=True, slots=True)
class Fleet:
    """What Prometheus has after some scrapes of each target."""

    targets: int
    interval: float
    seconds: float
    samples: int
    """Scrapes that succeeded, with a C-ECHO that did, in `seconds`."""
    missed: int
    """Scrapes that failed, and targets without any."""
    core: float
    """The exporter's share of a core."""
    series: int
    prometheus_memory: int
    """Bytes."""


def fleet(ports: Mapping[str, Sequence[int]], targets: int, interval: float, intervals: int) -> Fleet:
    """Let Prometheus scrape `targets` every `interval` seconds, for so many `intervals` after the first ones."""
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        running = stack.enter_context(exporter(directory, spread(ports["good"], targets, called_ae_title="PACS10")))
        job = {
            "job_name": "dicom",
            "honor_labels": True,
            "scrape_interval": f"{interval:g}s",
            "scrape_timeout": f"{min(10.0, interval):g}s",
            "http_sd_configs": [{"url": f"http://127.0.0.1:{running.port}/sd"}],
        }
        with started_on(server_cores()):
            server = stack.enter_context(prometheus(directory / "prometheus", {"scrape_configs": [job]}))
        time.sleep(_FIRST * interval)
        cpu, begun = running.cpu, time.monotonic()
        for number in range(intervals):
            time.sleep(interval)
            progress(f"  {targets:,} targets: interval {number + 1} of {intervals}")
        seconds = time.monotonic() - begun
        cpu = running.cpu - cpu
        return asyncio.run(_read(server, targets, interval, seconds, cpu / seconds))


async def _read(server: Prometheus, targets: int, interval: float, seconds: float, core: float) -> Fleet:
    window = f"[{seconds:.0f}s]"
    samples = int(await _one(server, f"sum(sum_over_time(dicom_echo_success{window}))"))
    failed = int(await _one(server, f"sum(count_over_time(up{window}) - sum_over_time(up{window}))"))
    present = int(await _one(server, f"count(min_over_time(dicom_echo_success{window}) == 1)"))
    series = int((await server.ask("status/tsdb"))["headStats"]["numSeries"])
    memory = memory_of(server.process.pid)
    return Fleet(targets, interval, seconds, samples, failed + targets - present, core, series, memory)


async def _one(server: Prometheus, expression: str) -> float:
    series = await server.query(expression)
    return float(series[0]["value"][1]) if series else 0.0
