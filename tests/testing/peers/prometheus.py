"""Debian's Prometheus as a process."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession

from tests.testing.peers.process import Address, Process, process, reserved_address
from tests.testing.peers.requirements import program


@dataclass(frozen=True, slots=True)
class Prometheus:
    """A running Prometheus server."""

    process: Process
    address: Address

    async def ask(self, path: str, **parameters: str) -> Any:
        """The data that its API gives at `path`, below /api/v1/."""
        url = f"http://{self.address}/api/v1/{path}"
        async with ClientSession() as client, client.get(url, params=parameters) as response:
            answer = json.loads(await response.read())
        assert answer["status"] == "success", answer
        return answer["data"]

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """The series that `expression` gives now, each with `metric` and `value`."""
        found: list[dict[str, Any]] = (await self.ask("query", query=expression))["result"]
        return found

    async def values(self, expression: str, label: str) -> dict[str, float]:
        """The values that `expression` gives now, by the value of one label, which must be unique."""
        series = await self.query(expression)
        values = {each["metric"].get(label, ""): float(each["value"][1]) for each in series}
        assert len(values) == len(series), f"{label} is the same for several of these: {series}"
        return values

    async def label_names(self) -> Sequence[str]:
        """The names of all labels of all series."""
        names: list[str] = await self.ask("labels")
        return names


@contextmanager
def prometheus(directory: Path, configuration: Mapping[str, Any], *arguments: str) -> Iterator[Prometheus]:
    """Run Prometheus by `configuration` in `directory`, which may exist, until the block ends."""
    directory.mkdir(exist_ok=True)
    (directory / "prometheus.yml").write_text(yaml.safe_dump(dict(configuration)))
    argv = [
        program("prometheus", "prometheus"),
        "--config.file=prometheus.yml",
        "--storage.tsdb.path=data",
        *arguments,
    ]
    with (
        reserved_address() as address,
        process([*argv, f"--web.listen-address={address}"], directory, "prometheus") as running,
    ):
        running.wait_for_log("Server is ready to receive web requests")
        yield Prometheus(running, address)
