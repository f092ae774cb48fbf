"""Too many connections, and connections without a complete request."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from dicom_exporter.server import connections
from dicom_exporter.webconfig.live import LiveConfig
from tests.testing.connections import HEALTHY, connect, ended, status, until
from tests.testing.in_process import FakeProber, exporter, state

pytestmark = pytest.mark.loopback


async def test_longest_idle_connection_is_closed_for_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_FIRST_REQUEST", 0.0)
    async with exporter(FakeProber(), max_connections=3) as client:
        silent, slow = await connect(client), await connect(client)
        slow[1].write(b"GET / HTTP/1.1\r\nX-")
        kept = await connect(client)
        assert await status(kept, HEALTHY) == 200
        first, second = await connect(client), await connect(client)
        assert await status(first, HEALTHY) == 200
        assert await status(second, HEALTHY) == 200
        assert await ended(silent) == b""
        assert await ended(slow) == b""
        for connection in (kept, first, second):
            connection[1].close()


async def test_burst_of_connections_beyond_limit_gets_503_and_none_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_FIRST_REQUEST", 60.0)
    async with exporter(FakeProber(), max_connections=10) as client:
        opened = await asyncio.gather(*(connect(client) for _ in range(30)))
        for _, writer in opened:
            writer.write(HEALTHY)
        answers = [await asyncio.wait_for(reader.readline(), 30) for reader, _ in opened]
        for _, writer in opened:
            writer.close()
    assert Counter(answer.split()[1] for answer in answers) == {b"200": 10, b"503": 20}


async def test_new_connection_is_refused_when_all_are_busy() -> None:
    prober = FakeProber(go=asyncio.Event())
    of = state(prober)
    async with exporter(of, max_connections=2) as client:
        under_way = [asyncio.create_task(client.get("/probe?target=one")) for _ in range(2)]
        await until(lambda: len(prober.asked) == 2)
        answer = await ended(await connect(client))
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After" in answer
        await prober.close()
        assert {(await task).status for task in under_way} == {200}
    assert of.traffic.refused == {"connections": 1}


async def test_client_with_many_busy_connections_loses_one_to_another() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(state(prober), max_connections=20) as client:
        assert client._base_url is not None
        where = (client._base_url.host, client._base_url.port)
        greedy = [await asyncio.open_connection(*where, local_addr=("127.0.0.2", 0)) for _ in range(20)]
        for _, writer in greedy:
            writer.write(b"GET /probe?target=one HTTP/1.1\r\nHost: x\r\n\r\n")
        await until(lambda: len(prober.asked) == 20)
        other = await connect(client)
        assert await status(other, HEALTHY) == 200
        other[1].close()
        assert await ended(greedy[0]) == b""
        await prober.close()
        for reader, writer in greedy[1:]:
            assert (await reader.readline()).split()[1] == b"200"
            writer.close()


async def test_connection_without_complete_request_is_closed() -> None:
    async with exporter(FakeProber(), idle=0.2) as client:
        silent, slow = await connect(client), await connect(client)
        slow[1].write(b"GET / HTTP/1.1\r\nX-")
        assert await ended(silent) == b""
        assert await ended(slow) == b""


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_request_body_is_not_read(method: str) -> None:
    async with exporter(FakeProber()) as client:
        reader, writer = await connect(client)
        head = f"{method} /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n\r\n"
        writer.write(head.encode() + b"x" * 1000)
        assert (await asyncio.wait_for(reader.readline(), 30)).split()[1] in (b"200", b"405")
        await ended((reader, writer))


async def test_connection_limit_holds_with_web_configuration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(connections, "_FIRST_REQUEST", 60.0)
    file = tmp_path / "web.yml"
    file.write_text("{}\n")
    async with exporter(FakeProber(), max_connections=10, web_config=LiveConfig(str(file))) as client:
        opened = await asyncio.gather(*(connect(client) for _ in range(30)))
        for _, writer in opened:
            writer.write(HEALTHY)
        answers = [await asyncio.wait_for(reader.readline(), 30) for reader, _ in opened]
        for _, writer in opened:
            writer.close()
    assert Counter(answer.split()[1] for answer in answers) == {b"200": 10, b"503": 20}
