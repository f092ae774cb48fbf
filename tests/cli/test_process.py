"""The exporter as a process: it starts, handles signals, and ends."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import ClientConnectionError, ClientSession

from tests.testing import hostile
from tests.testing.hostile import Peer
from tests.testing.peers import make_certificates
from tests.testing.running import PATIENCE, started
from tests.testing.web_config import TLS

pytestmark = pytest.mark.integration

FREE = "--web.listen-address=127.0.0.1:0"


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port where nothing listens: it is bound, so that no other program can take it meanwhile."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        yield int(sock.getsockname()[1])


def configure(directory: Path, *ports: int) -> None:
    """Write a config.yml with a target per port: `target-0` and so on."""
    targets = [{"name": f"target-{index}", "address": f"127.0.0.1:{port}"} for index, port in enumerate(ports)]
    (directory / "config.yml").write_text(json.dumps({"targets": targets}))


async def get(url: str) -> tuple[int, str]:
    async with ClientSession() as client, client.get(url) as response:
        return response.status, await response.text()


async def test_sigterm_ends_the_exporter(tmp_path: Path, closed_port: int) -> None:
    configure(tmp_path, closed_port)
    async with started(FREE, directory=tmp_path) as exporter:
        url = await exporter.url()
        assert (await get(f"{url}/-/ready"))[0] == 200
        status, text = await get(f"{url}/metrics")
        assert status == 200
        assert 'dicom_echo_outcome{target="target-0",identity="monitor",outcome="refused"} 1.0' in text
        assert "dicom_exporter_config_last_reload_successful 1.0" in text
        exporter.process.send_signal(signal.SIGTERM)
        assert await exporter.ended() == 0


async def test_exporter_listens_on_the_sockets_that_systemd_passes(tmp_path: Path, closed_port: int) -> None:
    """They stay open for the next one: a client that connects between the two is answered."""
    configure(tmp_path, closed_port)
    make_certificates(tmp_path)
    (tmp_path / "web.yml").write_text(TLS)
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        ports = [sock.getsockname()[1] for sock in (one, two)]
        for scheme, flags in (("http", []), ("https", ["--web.config.file=web.yml"])):
            async with ClientSession() as client:
                early = asyncio.create_task(client.get(f"{scheme}://127.0.0.1:{ports[0]}/-/ready", ssl=False))
                async with started("--web.systemd-socket", *flags, directory=tmp_path, sockets=[one, two]) as exporter:
                    for port in ports:
                        assert (await exporter.url()).split()[0] == f"http://127.0.0.1:{port}"
                    assert (await early).status == 200
                    async with client.get(f"{scheme}://127.0.0.1:{ports[1]}/-/ready", ssl=False) as response:
                        assert response.status == 200
                    exporter.process.send_signal(signal.SIGTERM)
                    assert await exporter.ended() == 0


async def test_exporter_to_which_systemd_passes_no_socket_says_so(tmp_path: Path) -> None:
    configure(tmp_path, 104)
    async with started("--web.systemd-socket", directory=tmp_path) as exporter:
        await exporter.logged(
            "^dicom_exporter: systemd has passed no socket to listen on: start it by its .socket unit$"
        )
        assert await exporter.ended() == 3


async def test_sigint_ends_the_exporter(tmp_path: Path, closed_port: int) -> None:
    configure(tmp_path, closed_port)
    async with started(FREE, directory=tmp_path) as exporter:
        await exporter.url()
        exporter.process.send_signal(signal.SIGINT)
        assert await exporter.ended() == 0


async def test_sighup_reloads_configuration(tmp_path: Path, closed_port: int) -> None:
    configure(tmp_path, closed_port)
    async with started(FREE, directory=tmp_path) as exporter:
        url = await exporter.url()
        configure(tmp_path, closed_port, closed_port)
        exporter.process.send_signal(signal.SIGHUP)
        await exporter.logged('msg="configuration reloaded" targets=2')
        assert 'target="target-1"' in (await get(f"{url}/metrics"))[1]


async def test_sighup_with_invalid_file_keeps_running_configuration(tmp_path: Path, closed_port: int) -> None:
    configure(tmp_path, closed_port)
    async with started(FREE, directory=tmp_path) as exporter:
        url = await exporter.url()
        (tmp_path / "config.yml").write_text("targets:\n  - name: one\n")
        exporter.process.send_signal(signal.SIGHUP)
        assert "config.yml:2: " in (await exporter.logged('msg="invalid configuration" error="(.*)"'))[1]
        await exporter.logged("not reloaded: the running configuration stays")
        text = (await get(f"{url}/metrics"))[1]
        assert "dicom_exporter_config_last_reload_successful 0.0" in text
        assert 'target="target-0"' in text


async def test_scrape_in_flight_is_answered_after_sigterm(tmp_path: Path) -> None:
    connected, go = asyncio.Event(), asyncio.Event()

    async def slow(peer: Peer) -> None:
        connected.set()
        await go.wait()
        await peer.send(b"no DICOM at all")

    async with hostile.server(slow) as server:
        configure(tmp_path, server.port)
        async with started(FREE, directory=tmp_path) as exporter:
            url = await exporter.url()
            scrape = asyncio.create_task(get(f"{url}/metrics"))
            await asyncio.wait_for(connected.wait(), PATIENCE)
            exporter.process.send_signal(signal.SIGTERM)
            await exporter.logged("msg=stopping")
            with pytest.raises(ClientConnectionError):
                await get(f"{url}/-/healthy")
            go.set()
            status, text = await scrape
            assert status == 200
            assert 'target="target-0",identity="monitor",outcome="not_dicom"} 1.0' in text
            assert await exporter.ended() == 0


async def test_slow_scrape_is_answered_early_after_sigterm(tmp_path: Path) -> None:
    connected = asyncio.Event()

    async def silent(peer: Peer) -> None:
        connected.set()

    async with hostile.server(silent) as server:
        configure(tmp_path, server.port)
        async with started(FREE, directory=tmp_path) as exporter:
            url = await exporter.url()
            scrape = asyncio.create_task(get(f"{url}/metrics"))
            await asyncio.wait_for(connected.wait(), PATIENCE)
            exporter.process.send_signal(signal.SIGTERM)
            status, text = await scrape
            assert status == 200
            assert 'target="target-0",identity="monitor",outcome="overload"} 1.0' in text
            assert await exporter.ended() == 0
        (peer,) = await server.ended()
        assert peer.ended_cleanly


async def test_second_sigint_answers_scrapes_at_once(tmp_path: Path) -> None:
    connected = asyncio.Event()

    async def silent(peer: Peer) -> None:
        connected.set()

    async with hostile.server(silent) as server:
        configure(tmp_path, server.port)
        async with started(FREE, directory=tmp_path) as exporter:
            url = await exporter.url()
            scrape = asyncio.create_task(get(f"{url}/metrics"))
            await asyncio.wait_for(connected.wait(), PATIENCE)
            exporter.process.send_signal(signal.SIGINT)
            await exporter.logged("msg=stopping")
            exporter.process.send_signal(signal.SIGINT)
            assert 'target="target-0",identity="monitor",outcome="overload"} 1.0' in (await scrape)[1]
            await exporter.logged("msg=stopped")
            assert await exporter.ended() == 0


async def test_port_in_use_is_reported_in_one_line(tmp_path: Path, closed_port: int) -> None:
    configure(tmp_path, closed_port)
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        address = f"127.0.0.1:{sock.getsockname()[1]}"
        async with started(f"--web.listen-address={address}", directory=tmp_path) as exporter:
            out, err = await exporter.process.communicate()
    assert exporter.process.returncode == 3
    assert out == b""
    (line,) = err.decode().splitlines()
    assert f"cannot listen on {address}: address already in use" in line
    assert "--web.listen-address" in line
