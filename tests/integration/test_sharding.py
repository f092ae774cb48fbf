"""More than one machine: two exporters behind one name, and two Prometheus servers that share the targets.

```
Prometheus 0 ─┐                                       ┌─ exporter 1
              ├─ exporters.hospital.example (balancer)┤                ── 12 archives
Prometheus 1 ─┘                                       └─ exporter 2
```
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.testing import hostile
from tests.testing.examples import example
from tests.testing.exporting import configure, until
from tests.testing.peers.prometheus import Prometheus, prometheus
from tests.testing.running import started

pytestmark = pytest.mark.integration

NAMES = {f"pacs-{number}" for number in range(12)}


@dataclass
class Balancer:
    """Passes each new connection on to the next backend that takes it, as any TCP balancer does."""

    backends: Sequence[tuple[str, int]]
    port: int = 0
    passed_on: list[int] = field(default_factory=list)
    """The index of the backend for each connection."""
    turns: Iterator[int] = field(default_factory=itertools.count)

    async def pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with AsyncExitStack() as stack:
            stack.callback(writer.close)
            first = next(self.turns)  # at once: others come while this one is being passed on
            for number in range(len(self.backends)):
                index = (first + number) % len(self.backends)
                with suppress(OSError):
                    there, back = await asyncio.open_connection(*self.backends[index])
                    break
            else:
                return
            self.passed_on.append(index)
            stack.callback(back.close)
            ways = [asyncio.create_task(_copy(reader, back)), asyncio.create_task(_copy(there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


@asynccontextmanager
async def balancer(backends: Sequence[tuple[str, int]]) -> AsyncIterator[Balancer]:
    """Listen on a free port of 127.0.0.1 for as long as the block lasts."""
    balancing = Balancer(backends)
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(balancing.pass_on(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    balancing.port = server.sockets[0].getsockname()[1]
    try:
        yield balancing
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def shard(number: int, addresses: dict[str, str]) -> dict[str, Any]:
    """The example, for server `number`: exactly the two lines that it says are changed."""
    config = example("prometheus-sharded.yml", addresses)
    config["global"]["external_labels"]["shard"] = str(number)
    keep = config["scrape_configs"][0]["relabel_configs"][1]
    assert (keep["action"], keep["regex"]) == ("keep", "0")
    keep["regex"] = str(number)
    return config


async def fresh(servers: Sequence[Prometheus], since: float) -> list[set[str]]:
    """The targets that each server has probed with success after Unix time `since`."""
    success = 'dicom_echo_success{job="dicom"} == 1'
    return [
        {name for name, at in (await server.values(f"timestamp({success})", "target")).items() if at > since}
        for server in servers
    ]


async def test_sharding_each_target_has_one_prometheus_and_survives_an_exporter(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        archive = await stack.enter_async_context(hostile.server(hostile.honest.honest(3)))
        targets = [
            {"name": name, "address": f"{archive.host}:{archive.port}", "labels": {"site": "north"}}
            for name in sorted(NAMES)
        ]
        exporters = []
        for number in (1, 2):
            directory = tmp_path / f"exporter-{number}"
            directory.mkdir()
            configure(directory, targets)
            running = await stack.enter_async_context(started("--web.listen-address=127.0.0.1:0", directory=directory))
            exporters.append((running, (await running.url()).removeprefix("http://")))
        backends = [(host, int(port)) for host, port in (address.split(":") for _, address in exporters)]
        name = await stack.enter_async_context(balancer(backends))
        addresses = {
            "exporters.hospital.example:10104": f"127.0.0.1:{name.port}",
            "exporter-1.hospital.example:10104": exporters[0][1],
            "exporter-2.hospital.example:10104": exporters[1][1],
        }
        servers = [
            stack.enter_context(prometheus(tmp_path / f"prometheus-{number}", shard(number, addresses)))
            for number in (0, 1)
        ]

        async def shares(since: float) -> list[set[str]]:
            probed = await fresh(servers, since)
            return probed if set().union(*probed) == NAMES else []

        before = await until(lambda: shares(0.0), "all targets are probed")
        assert not before[0] & before[1]
        assert all(before)
        scraped = [
            {
                each["labels"]["target"]
                for each in (await server.ask("targets"))["activeTargets"]
                if each["labels"]["job"] == "dicom"
            }
            for server in servers
        ]
        assert scraped == before
        assert set(name.passed_on) == {0, 1}  # both exporters had their part

        async def both_exporters_seen() -> bool:
            query = 'dicom_exporter_build_info{job="dicom-exporter"}'
            return [len(await server.query(query)) for server in servers] == [2, 2]

        await until(both_exporters_seen, "each server has scraped each exporter itself")
        for server in servers:
            assert not [
                label
                for label in await server.label_names()
                if label.startswith(("exported_", "__")) and label != "__name__"
            ]

        exporters[0][0].process.kill()
        await exporters[0][0].process.wait()
        dead_since = time.time()
        after = await until(lambda: shares(dead_since), "all targets are probed by the exporter that is left")
        assert after == before

        async def one_exporter_down() -> bool:
            ups = [await server.values('up{job="dicom-exporter"}', "instance") for server in servers]
            return ups == [{exporters[0][1]: 0.0, exporters[1][1]: 1.0}] * 2

        await until(one_exporter_down, "each server sees which exporter is down")

        async def all_up() -> bool:
            ups = [await server.values('up{job="dicom"} == 1', "target") for server in servers]
            return [set(up) for up in ups] == before

        await until(all_up, "no target's scrape fails any more")
