"""Clients that are too many, say nothing, or do not read."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.server import connections, limits, shared_scrapes
from dicom_exporter.server.limits import RETRY_AFTER, Traffic
from dicom_exporter.webconfig import LiveConfig
from tests.server.test_probe_endpoints import HEADER, series
from tests.testing.in_process import CONFIG, FakeProber, exporter, state

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"


async def until(condition: Callable[[], bool]) -> None:
    """Turn the loop until `condition` is true."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing tells when a request has come in
            await asyncio.sleep(0.001)


async def connect(client: ClientSession) -> Connection:
    """A connection of one's own."""
    assert client._base_url is not None
    return await asyncio.open_connection(client._base_url.host, client._base_url.port)


async def status(connection: Connection, request: bytes) -> int:
    """Send `request`, and read the status of the answer."""
    reader, writer = connection
    writer.write(request)
    async with asyncio.timeout(30):
        return int((await reader.readline()).split()[1])


async def ended(connection: Connection) -> bytes:
    """What comes until the other side closes the connection."""
    reader, writer = connection
    async with asyncio.timeout(30):
        try:
            return await reader.read()
        except ConnectionError:
            return b""
        finally:
            writer.close()


async def test_beyond_the_limit_requests_are_told_to_come_again() -> None:
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


async def test_zero_is_no_limit() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(replace(state(prober), traffic=Traffic(max_requests=0))) as client:
        under_way = [asyncio.create_task(client.get("/probe?target=one")) for _ in range(200)]
        await until(lambda: len(prober.asked) == 200)
        await prober.close()
        assert {(await task).status for task in under_way} == {200}


async def test_requests_that_fail_are_over_too() -> None:
    of = state(FakeProber())
    async with exporter(of) as client:
        for path in ("/probe", "/nothing", "/probe?target=three"):
            async with client.get(path) as response:
                assert response.status in (400, 404)
    assert of.traffic.requests_in_flight == 0
    assert not of.traffic.busy


async def test_scrapes_that_come_together_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_scrapes, "JOIN_WITHIN", math.inf)
    prober = FakeProber(go=asyncio.Event())
    of = state(prober)
    async with exporter(of) as client:
        scrapes = [asyncio.create_task(client.get("/metrics")) for _ in range(200)]
        await until(lambda: of.traffic.requests_in_flight == 200)
        await prober.close()
        bodies = {await (await scrape).read() for scrape in scrapes}
    assert len(prober.asked) == 1
    assert len(bodies) == 1


async def test_each_who_joins_gets_the_format_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_scrapes, "JOIN_WITHIN", math.inf)
    prober = FakeProber(go=asyncio.Event())
    of = state(prober)
    accepts = ["text/plain;version=0.0.4", "application/openmetrics-text;version=1.0.0"]
    async with exporter(of) as client:
        scrapes = [
            asyncio.create_task(client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": encoding}))
            for accept in accepts
            for encoding in ("identity", "gzip")
        ]
        await until(lambda: of.traffic.requests_in_flight == len(scrapes))
        await prober.close()
        answers = [await scrape for scrape in scrapes]
    assert len(prober.asked) == 1
    formats = {(answer.content_type, answer.headers.get("Content-Encoding")) for answer in answers}
    assert len(formats) == 4


async def test_a_scrape_is_joined_only_where_it_ends_in_time_and_is_by_the_running_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_scrapes, "JOIN_WITHIN", math.inf)
    prober = FakeProber(go=asyncio.Event())
    of = state(prober)
    async with exporter(of) as client:
        scrapes = []
        for timeouts in (None, "30", "10", "20", None, "9"):
            headers = {} if timeouts is None else {HEADER: timeouts}
            scrapes.append(asyncio.create_task(client.get("/metrics", headers=headers)))
            await until(lambda: of.traffic.requests_in_flight == len(scrapes))
        await until(lambda: len(prober.asked) == 4)
        assert [timeout for _, timeout, _ in prober.asked] == [None, 29.5, 9.5, 8.5]
        prober.reconfigure(Config(CONFIG.targets[:1]))
        scrapes.append(asyncio.create_task(client.get("/metrics")))
        await until(lambda: len(prober.asked) == 5)
        await prober.close()
        texts = [await (await scrape).text() for scrape in scrapes]
    targets = [{target for _, target in series(text) if target} for text in texts]
    assert targets == [{"one", "two"}] * 6 + [{"one"}]


async def test_a_scrape_that_began_a_while_ago_is_joined_only_where_there_are_enough(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_scrapes, "JOIN_WITHIN", -1.0)
    prober = FakeProber(go=asyncio.Event())
    of = state(prober)
    async with exporter(of) as client:
        scrapes = [asyncio.create_task(client.get("/metrics")) for _ in range(50)]
        await until(lambda: of.traffic.requests_in_flight == len(scrapes))
        await prober.close()
        assert {(await scrape).status for scrape in scrapes} == {200}
    assert len(prober.asked) == shared_scrapes.JOIN_ANY_FROM


async def test_there_are_at_most_so_many_scrapes_of_all_targets() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        timeouts = [str(30 - number) for number in range(shared_scrapes.MAX_SCRAPES)]
        scrapes = []
        for timeout in timeouts:
            scrapes.append(asyncio.create_task(client.get("/metrics", headers={HEADER: timeout})))
            await until(lambda: len(prober.asked) == len(scrapes))
        async with client.get("/metrics", headers={HEADER: "1"}) as response:
            assert response.status == 503
            assert "Too many scrapes" in await response.text()
        async with client.get("/metrics?probe=false") as response:
            assert 'requests_refused_total{reason="scrapes"} 1.0' in await response.text()
        await prober.close()
        assert {(await scrape).status for scrape in scrapes} == {200}


async def test_the_longest_idle_connection_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_of_many_that_come_at_once_some_are_refused_and_none_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "_FIRST_REQUEST", 60.0)
    async with exporter(FakeProber(), max_connections=10) as client:
        opened = await asyncio.gather(*(connect(client) for _ in range(30)))
        for _, writer in opened:
            writer.write(HEALTHY)
        answers = [await asyncio.wait_for(reader.readline(), 30) for reader, _ in opened]
        for _, writer in opened:
            writer.close()
    assert Counter(answer.split()[1] for answer in answers) == {b"200": 10, b"503": 20}


async def test_where_all_connections_are_busy_a_new_one_is_refused() -> None:
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


async def test_who_says_nothing_or_not_enough_is_hung_up_on() -> None:
    async with exporter(FakeProber(), idle=0.2) as client:
        silent, slow = await connect(client), await connect(client)
        slow[1].write(b"GET / HTTP/1.1\r\nX-")
        assert await ended(silent) == b""
        assert await ended(slow) == b""


async def test_who_does_not_read_its_answer_is_hung_up_on(
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


@pytest.mark.parametrize("method", ["POST", "PUT"])
async def test_a_body_that_nobody_asked_for_is_not_read(method: str) -> None:
    async with exporter(FakeProber()) as client:
        reader, writer = await connect(client)
        head = f"{method} /-/reload HTTP/1.1\r\nHost: x\r\nContent-Length: {1 << 40}\r\n\r\n"
        writer.write(head.encode() + b"x" * 1000)
        assert (await asyncio.wait_for(reader.readline(), 30)).split()[1] in (b"200", b"405")
        await ended((reader, writer))


async def test_a_long_answer_is_as_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_with_a_web_configuration_too_no_more_are_let_in_than_may(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
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
