"""The exporter as a process with a configuration, and the metrics that it shows."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from aiohttp import ClientSession, ClientTimeout
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.testing.running import Running, started

T = TypeVar("T")

_PATIENCE = ClientTimeout(total=60)


@dataclass(frozen=True, slots=True)
class Exposition:
    """The samples of one response."""

    text: str
    samples: Sequence[Sample]

    def values(self, name: str, **labels: str) -> list[float]:
        """The values of the series of that name which have all of `labels`, in the order of the text."""
        return [sample.value for sample in self._series(name, labels)]

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the only such series, None if there is none."""
        found = self.values(name, **labels)
        assert len(found) < 2, f"{name} {labels} has {len(found)} series"
        return found[0] if found else None

    def outcome(self, target: str) -> str:
        """The outcome of the echo of `target`: the one whose series is 1."""
        return self._current("dicom_echo_outcome", target=target)

    def query_outcome(self, target: str, query: str = "studies") -> str:
        """The outcome of a query at `target`."""
        return self._current("dicom_query_outcome", target=target, query=query)

    def phases(self, target: str) -> Mapping[str, float]:
        """The seconds of each phase that was reached at `target`."""
        series = self._series("dicom_phase_duration_seconds", {"target": target})
        return {sample.labels["phase"]: sample.value for sample in series}

    def _current(self, name: str, **labels: str) -> str:
        (outcome,) = [sample.labels["outcome"] for sample in self._series(name, labels) if sample.value == 1]
        return outcome

    def _series(self, name: str, labels: Mapping[str, str]) -> list[Sample]:
        return [sample for sample in self.samples if sample.name == name and labels.items() <= sample.labels.items()]


def parsed(text: str) -> Exposition:
    """The samples of `text`."""
    return Exposition(text, [each for family in text_string_to_metric_families(text) for each in family.samples])


@dataclass(frozen=True, slots=True)
class Exporter:
    """A running exporter."""

    running: Running
    url: str
    client: ClientSession

    async def get(self, path: str = "/metrics", timeout: float | None = None) -> Exposition:
        """Ask for `path` as a Prometheus would whose scrape timeout is `timeout` seconds."""
        headers = {} if timeout is None else {"X-Prometheus-Scrape-Timeout-Seconds": str(timeout)}
        async with self.client.get(path, headers=headers) as response:
            assert response.status == 200
            return parsed(await response.text())

    async def reload(self) -> tuple[int, str]:
        """POST /-/reload: the status and the text of the answer."""
        async with self.client.post("/-/reload") as response:
            return response.status, await response.text()

    def hang_up(self) -> None:
        """Send SIGHUP."""
        self.running.process.send_signal(signal.SIGHUP)


def configure(directory: Path, targets: Sequence[Mapping[str, Any]], **sections: Any) -> None:
    """Write a config.yml with `targets` and the other sections (JSON is YAML too)."""
    (directory / "config.yml").write_text(json.dumps({**sections, "targets": targets}, default=str))


@asynccontextmanager
async def exporter(directory: Path, targets: Sequence[Mapping[str, Any]], **sections: Any) -> AsyncIterator[Exporter]:
    """Configure the exporter and run it in `directory` until the block ends. It must then stop with exit code 0."""
    configure(directory, targets, **sections)
    async with started("--web.listen-address=127.0.0.1:0", directory=directory) as running:
        url = await running.url()
        async with ClientSession(url, timeout=_PATIENCE) as client:
            yield Exporter(running, url, client)
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0


async def until(condition: Callable[[], Awaitable[T]], what: str, seconds: float = 30.0) -> T:
    """What `condition` (an async function) returns, once that is true. Raises TimeoutError after `seconds`."""
    try:
        async with asyncio.timeout(seconds):
            while not (found := await condition()):  # noqa: ASYNC110 - another program's progress has no event
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise TimeoutError(f"not within {seconds} s: {what}") from None
    return found
