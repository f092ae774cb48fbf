"""Too many requests, and responses that the client does not read."""

from __future__ import annotations

import asyncio
import logging
import socket
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.server import limits
from dicom_exporter.server.external_url import parse_external_url
from dicom_exporter.server.limits import RETRY_AFTER, Traffic
from dicom_exporter.webconfig.live import LiveConfig
from tests.testing.connections import Connection, until
from tests.testing.in_process import FakeProber, exporter, state

pytestmark = pytest.mark.loopback


async def test_requests_beyond_limit_get_503_with_retry_after() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(replace(state(prober), traffic=Traffic(max_requests=2))) as client:
        under_way = [asyncio.create_task(client.get("/probe?target=one")) for _ in range(2)]
        await until(lambda: len(prober.asked) == 2)
        for path in ("/probe?target=one", "/metrics", "/sd", "/", "/nothing"):
            async with client.get(path) as response:
                assert response.status == 503
                assert response.headers["Retry-After"] == str(RETRY_AFTER)
                assert "Too many requests" in await response.text()
        for path in ("/-/healthy", "/-/ready"):
            async with client.get(path) as response:
                assert response.status == 200
        await prober.close()
        for task in under_way:
            async with await task as response:
                assert response.status == 200
        async with client.get("/metrics?probe=false") as response:
            text = await response.text()
    assert 'dicom_exporter_requests_refused_total{reason="requests"} 5.0' in text
    assert 'dicom_exporter_requests_refused_total{reason="scrapes"} 0.0' in text
    assert "dicom_exporter_requests_in_flight 1.0" in text


async def test_max_requests_zero_is_no_limit() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(replace(state(prober), traffic=Traffic(max_requests=0))) as client:
        under_way = [asyncio.create_task(client.get("/probe?target=one")) for _ in range(200)]
        await until(lambda: len(prober.asked) == 200)
        await prober.close()
        assert {(await task).status for task in under_way} == {200}


async def ask(client: ClientSession, source: str, path: str) -> Connection:
    """Send a request from another loopback address."""
    assert client._base_url is not None
    connection = await asyncio.open_connection(client._base_url.host, client._base_url.port, local_addr=(source, 0))
    connection[1].write(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    return connection


async def test_client_with_most_requests_loses_one_to_another() -> None:
    prober = FakeProber(go=asyncio.Event())
    of = replace(state(prober), traffic=Traffic(max_requests=4))
    async with exporter(of) as client:
        greedy = [await ask(client, "127.0.0.2", "/probe?target=one") for _ in range(4)]
        await until(lambda: len(prober.asked) == 4)
        others = [await ask(client, f"127.0.0.{number}", "/probe?target=two") for number in (3, 4)]
        for reader, _ in greedy[:2]:
            assert (await reader.readline()).split()[1] == b"503"
        fifth = await ask(client, "127.0.0.2", "/probe?target=two")  # as many as that client already has
        assert (await fifth[0].readline()).split()[1] == b"503"
        await until(lambda: len(prober.asked) == 6)
        await prober.close()
        for reader, _ in [*greedy[2:], *others]:
            assert (await reader.readline()).split()[1] == b"200"
        for _, writer in [*greedy, *others, fifth]:
            writer.close()
    assert of.traffic.refused == {"requests": 3}


async def test_client_that_asks_for_one_thing_very_often_can_ask_for_another() -> None:
    prober = FakeProber(go=asyncio.Event())
    of = replace(state(prober), traffic=Traffic(max_requests=limits.EVEN_SHARE + 1))
    async with exporter(of) as client:
        many = [asyncio.create_task(client.get("/probe?target=one")) for _ in range(limits.EVEN_SHARE + 1)]
        await until(lambda: len(prober.asked) == len(many))
        other = asyncio.create_task(client.get("/probe?target=two"))
        await until(lambda: len(prober.asked) == len(many) + 1)
        await prober.close()
        assert (await other).status == 200
        assert sorted([(await each).status for each in many]) == [200] * limits.EVEN_SHARE + [503]


class _Transport(asyncio.Transport):
    aborted = False

    def abort(self) -> None:
        self.aborted = True


def test_bodies_beyond_the_bound_are_dropped_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_BODIES", 250)
    bodies, readers = limits.Bodies(), [_Transport() for _ in range(6)]
    shared, second, third, large = b"a" * 100, b"b" * 100, b"c" * 100, b"d" * 1000
    for body, reader in zip((shared, shared, second, third), readers, strict=False):
        bodies.add(body, reader)
    assert not any(reader.aborted for reader in readers)
    bodies.remove(second, readers[2])
    bodies.add(large, readers[4])
    assert not any(reader.aborted for reader in readers)
    bodies.add(b"e", readers[5])
    assert [reader.aborted for reader in readers] == [True, True, False, True, True, False]
    for reader in readers:
        bodies.remove(shared, reader)  # as the requests that were aborted end
    bodies.add(second, readers[2])
    assert not readers[5].aborted


async def test_failed_requests_are_not_in_flight() -> None:
    of = state(FakeProber())
    async with exporter(of) as client:
        for path in ("/probe", "/nothing", "/probe?target=three"):
            async with client.get(path) as response:
                assert response.status in (400, 404)
    assert of.traffic.requests_in_flight == 0
    assert not of.traffic.busy


async def test_connection_of_client_that_does_not_read_is_aborted(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(limits, "SEND_TIMEOUT", 0.2)
    config = Config(tuple(Target(f"target-{number:05}", Address("127.0.0.1", 104)) for number in range(40_000)))
    of = state(FakeProber(config))
    async with exporter(of) as client:
        assert client._base_url is not None
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect((client._base_url.host, client._base_url.port))
            deaf.sendall(b"GET /sd HTTP/1.1\r\nHost: x:1\r\n\r\n" * 2)
            await until(lambda: of.traffic.requests_in_flight > 0)
            await until(lambda: of.traffic.requests_in_flight == 0)
            deaf.setblocking(False)
            received = 0
            with suppress(ConnectionError):
                async with asyncio.timeout(30):
                    while data := await asyncio.get_running_loop().sock_recv(deaf, 1 << 20):
                        received += len(data)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert received < 10_000_000  # of twice as much


async def test_chunked_response_equals_response_sent_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async with exporter() as client:
        whole = []
        for piece in (1 << 20, 100):
            monkeypatch.setattr(limits, "_CHUNK", piece)
            async with client.get("/sd", headers={"Host": "x:1"}) as response:
                headers = {name: value for name, value in response.headers.items() if name != "Date"}
                whole.append((response.status, headers, await response.read()))
            async with client.head("/sd", headers={"Host": "x:1"}) as response:
                assert int(response.headers["Content-Length"]) == len(whole[-1][2]) > 100
                assert await response.read() == b""
        assert whole[0] == whole[1]


async def test_health_is_answered_beyond_the_rate_limit(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    file.write_text("rate_limit: {interval: 1h, burst: 2}\n")
    external = replace(state(FakeProber()), external_url=parse_external_url("http://x:1/dicom/"))
    for of, prefix in ((state(FakeProber()), ""), (external, "/dicom")):
        async with exporter(of, web_config=LiveConfig(str(file))) as client:
            for path, statuses in (
                ("/-/ready", [200] * 4),  # takes nothing of the limit
                ("/sd", [200, 200, 429, 429]),
                ("/-/healthy", [200] * 4),
                ("/-/ready", [200] * 4),
                ("/-/ready/", [429] * 2),
            ):
                got = []
                for _ in statuses:
                    async with client.get(prefix + path) as response:
                        got.append(response.status)
                assert got == statuses
            async with client.post(f"{prefix}/-/healthy") as response:
                assert response.status == 429
