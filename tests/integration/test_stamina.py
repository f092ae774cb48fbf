"""The exporter on a machine without free file descriptors, disk space for its log, a name server, or IPv6."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.testing import hostile
from tests.testing.exporting import Exporter, configure, until
from tests.testing.peers.process import reserved_address
from tests.testing.peers.requirements import program

pytestmark = pytest.mark.integration


@asynccontextmanager
async def exporter(directory: Path, targets: list[dict[str, Any]], shell: str) -> AsyncIterator[Exporter]:
    """The exporter, started by `shell`, in which "$@" is its command line. It must exit by itself, with 0."""
    configure(directory, targets)
    with reserved_address() as address:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-c", shell, "bash", sys.executable, "-m", "dicom_exporter", f"--web.listen-address={address}"),
            cwd=directory,
        )
        try:
            async with aiohttp.ClientSession(f"http://{address}", timeout=aiohttp.ClientTimeout(total=60)) as client:
                running = Exporter(None, f"http://{address}", client)  # type: ignore[arg-type]  # its log goes elsewhere

                async def healthy() -> bool:
                    with contextlib.suppress(aiohttp.ClientError):
                        async with client.get("/-/healthy") as response:
                            return response.status == 200
                    return False

                await until(healthy, "the exporter to answer")
                yield running
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(30):
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


@contextlib.contextmanager
def silent_peers(count: int, port: int) -> Iterator[list[str]]:
    """Addresses that accept connections and send nothing."""
    hosts = [f"127.78.{number // 250}.{number % 250 + 1}" for number in range(count)]
    with contextlib.ExitStack() as stack:
        for host in hosts:
            stack.enter_context(socket.create_server((host, port)))
        yield hosts


async def test_few_descriptors_requests_are_answered_while_peers_hang(tmp_path: Path) -> None:
    with reserved_address() as reserved, silent_peers(300, port := reserved.port) as hosts:
        targets = [{"name": host, "address": f"{host}:{port}"} for host in hosts]
        async with exporter(tmp_path, targets, 'ulimit -n 128; exec "$@"') as running:
            scrape = asyncio.create_task(running.get(timeout=5))  # less would prove nothing by silence
            asked = 0
            while not scrape.done():
                connector = aiohttp.TCPConnector(force_close=True)
                async with (
                    aiohttp.ClientSession(running.url, connector=connector) as client,
                    client.get("/-/healthy") as response,
                ):
                    assert response.status == 200
                asked += 1
                await asyncio.sleep(0.02)
            outcomes = [(await scrape).outcome(host) for host in hosts]
    assert asked
    assert set(outcomes) == {"no_answer", "overload"}


async def test_few_descriptors_idle_clients_do_not_stop_probes(tmp_path: Path) -> None:
    """With a web configuration, such clients do not count towards the limit of connections."""
    (tmp_path / "web.yml").write_text("")
    arguments = '"$@" --web.config.file=web.yml'
    async with hostile.server(hostile.honest.honest()) as server:
        targets = [{"name": "peer", "address": server.address}]
        async with exporter(tmp_path, targets, f"ulimit -n 128; exec {arguments}") as running:
            host, port = running.url.removeprefix("http://").split(":")
            crowd = [await asyncio.open_connection(host, int(port)) for _ in range(150)]
            assert (await running.get()).outcome("peer") == "success"
            for _, writer in crowd:
                writer.close()


async def test_full_disk_under_the_log_stops_nothing(tmp_path: Path) -> None:
    async with hostile.server(hostile.honest.honest()) as server:
        targets = [{"name": "peer", "address": server.address}]
        shell = 'exec "$@" --log.level=debug --log.format=json 2>/dev/full'
        async with exporter(tmp_path, targets, shell) as running:
            for _ in range(3):
                assert (await running.get(timeout=5)).outcome("peer") == "success"
            assert (await running.reload())[0] == 200
            assert (await running.get(timeout=5)).outcome("peer") == "success"


async def test_closed_log_pipe_stops_nothing(tmp_path: Path) -> None:
    async with hostile.server(hostile.honest.honest()) as server:
        targets = [{"name": "peer", "address": server.address}]
        shell = 'exec "$@" --log.level=debug 2> >(exec 0<&-)'
        async with exporter(tmp_path, targets, shell) as running:
            for _ in range(3):
                assert (await running.get(timeout=5)).outcome("peer") == "success"


async def in_namespace(scenario: str, directory: Path) -> dict[str, str]:
    """The outcomes that `namespace.py` prints, in its own network namespace."""
    program("ip", "iproute2")
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--map-root-user", "--net", "--mount"),
        *(sys.executable, "-m", "tests.testing.namespace", scenario, str(directory)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    outcomes: dict[str, str] = json.loads(out)
    return outcomes


async def test_silent_resolver_does_not_delay_targets_by_address(tmp_path: Path) -> None:
    outcomes = await in_namespace("silent resolver", tmp_path)
    assert outcomes.pop("by address") == "success"
    assert len(outcomes) == 20
    assert set(outcomes.values()) == {"dns_failure"}


async def test_absent_resolver_is_dns_failure(tmp_path: Path) -> None:
    outcomes = await in_namespace("no resolver", tmp_path)
    assert outcomes.pop("by address") == "success"
    assert set(outcomes.values()) == {"dns_failure"}


async def test_broken_ipv6_does_not_stop_ipv4(tmp_path: Path) -> None:
    assert await in_namespace("broken IPv6", tmp_path) == {
        "both": "success",
        "both, but IPv6 is wanted": "unreachable",
        "IPv6 alone": "unreachable",
        "by address": "unreachable",
    }
