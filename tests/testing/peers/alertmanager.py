"""Debian's Alertmanager as a process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import ClientSession

from tests.testing.peers.process import Address, Process, process, reserved_address
from tests.testing.peers.requirements import program


@dataclass(frozen=True, slots=True)
class Alertmanager:
    """A running Alertmanager."""

    process: Process
    address: Address

    async def alerts(self) -> list[dict[str, Any]]:
        """The alerts that it holds, as its API v2 gives them."""
        async with ClientSession() as client, client.get(f"http://{self.address}/api/v2/alerts") as response:
            found: list[dict[str, Any]] = await response.json()
        return found


@contextmanager
def alertmanager(directory: Path, configuration: str) -> Iterator[Alertmanager]:
    """Run Alertmanager by `configuration`, the text of its file, in `directory` until the block ends."""
    directory.mkdir(exist_ok=True)
    (directory / "alertmanager.yml").write_text(configuration)
    argv = [
        program("prometheus-alertmanager", "prometheus-alertmanager"),
        "--config.file=alertmanager.yml",
        "--storage.path=data",
        "--cluster.listen-address=",
    ]
    with (
        reserved_address() as address,
        process([*argv, f"--web.listen-address={address}"], directory, "alertmanager") as running,
    ):
        running.wait_for_port(address)
        yield Alertmanager(running, address)
