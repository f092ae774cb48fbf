"""Scrapes of all targets at about the same time are one scrape."""

from __future__ import annotations

import asyncio
import math
import socket

import pytest

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.server import shared_scrapes
from tests.testing.connections import until
from tests.testing.in_process import CONFIG, HEADER, FakeProber, exporter, series, state

pytestmark = pytest.mark.loopback


async def test_concurrent_requests_share_one_scrape(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_shared_scrape_is_encoded_in_the_format_of_each_request(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_scrape_is_joined_only_if_it_ends_in_time_was_given_as_much_and_has_running_configuration(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_scrapes, "JOIN_WITHIN", math.inf)
    prober = FakeProber(go=asyncio.Event())
    of = state(prober)
    async with exporter(of) as client:
        scrapes = []
        for timeouts in (None, "30", "10", "20", None, "9", "10"):
            headers = {} if timeouts is None else {HEADER: timeouts}
            scrapes.append(asyncio.create_task(client.get("/metrics", headers=headers)))
            await until(lambda: of.traffic.requests_in_flight == len(scrapes))
        await until(lambda: len(prober.asked) == 5)
        assert [timeout for _, timeout, _ in prober.asked] == [None, 29.5, 9.5, 19.5, 8.5]
        prober.reconfigure(Config(CONFIG.targets[:1]))
        scrapes.append(asyncio.create_task(client.get("/metrics")))
        await until(lambda: len(prober.asked) == 6)
        await prober.close()
        texts = [await (await scrape).text() for scrape in scrapes]
    targets = [{target for _, target in series(text) if target} for text in texts]
    assert targets == [{"one", "two"}] * 7 + [{"one"}]


async def test_scrape_keeps_the_time_that_the_last_ones_took_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the deadline on, if the probes went on beyond it; never less than the offset, nor more than half."""
    seconds = iter([1.0, 0.0, 0.0, 0.0, 100.0, 0.0])
    prober = FakeProber()

    async def encode(*_: object) -> bytes:
        loop = asyncio.get_running_loop()
        now = loop.time() + next(seconds)
        monkeypatch.setattr(loop, "time", lambda: now)
        return b""

    monkeypatch.setattr(shared_scrapes, "encode", encode)
    async with exporter(state(prober)) as client:
        for _ in range(6):
            await (await client.get("/metrics", headers={HEADER: "10"})).read()
            monkeypatch.undo()
            monkeypatch.setattr(shared_scrapes, "encode", encode)
    times = [timeout for _, timeout, _ in prober.asked]
    assert times == pytest.approx([9.5, 8.0, 9.0, 9.5, 9.5, 5.0], abs=0.2)


async def test_first_scrape_of_many_targets_keeps_time_to_write_them() -> None:
    """Nothing is known yet of this machine, which may be busy."""
    prober = FakeProber(Config(tuple(Target(f"target-{number}", Address("127.0.0.1", 104)) for number in range(2000))))
    async with exporter(state(prober)) as client:
        await (await client.get("/metrics", headers={HEADER: "10"})).read()
    ((_, timeout, _),) = prober.asked
    assert timeout == pytest.approx(8.0)


async def test_older_scrape_is_joined_only_when_several_are_in_flight(
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


async def test_scrapes_in_flight_are_limited() -> None:
    prober = FakeProber(go=asyncio.Event())
    of = state(prober)
    async with exporter(of) as client:
        timeouts = [str(30 - number) for number in range(shared_scrapes.MAX_SCRAPES)]
        scrapes = []
        for timeout in timeouts:
            scrapes.append(asyncio.create_task(client.get("/metrics", headers={HEADER: timeout})))
            await until(lambda: len(prober.asked) == len(scrapes))
        shorter = asyncio.create_task(client.get("/metrics", headers={HEADER: "1"}))
        async with await scrapes[0] as response:  # the one that would end last
            assert response.status == 503
            assert "Too many scrapes" in await response.text()
        async with client.get("/metrics?probe=false") as response:
            assert 'requests_refused_total{reason="scrapes"} 1.0' in await response.text()
        longer = asyncio.create_task(client.get("/metrics", headers={HEADER: "60"}))  # joins one that has less time
        await until(lambda: of.traffic.requests_in_flight == shared_scrapes.MAX_SCRAPES + 1)
        await prober.close()
        assert {(await scrape).status for scrape in (*scrapes[1:], shorter, longer)} == {200}
    assert len(prober.asked) == shared_scrapes.MAX_SCRAPES + 1


async def test_scrapes_of_one_client_do_not_keep_another_out() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client:
        assert client._base_url is not None
        where = (client._base_url.host, client._base_url.port)
        greedy = []
        for number in range(shared_scrapes.MAX_SCRAPES):
            greedy.append(await asyncio.open_connection(*where, local_addr=("127.0.0.2", 0)))
            greedy[-1][1].write(f"GET /metrics HTTP/1.1\r\nHost: x\r\n{HEADER}: {9 - number}\r\n\r\n".encode())
            await until(lambda: len(prober.asked) == len(greedy))
        other = asyncio.create_task(client.get("/metrics", headers={HEADER: "10"}))
        assert (await greedy[0][0].readline()).split()[1] == b"503"
        await prober.close()
        assert (await other).status == 200
        assert prober.asked[-1][1] == 9.5
        for _, writer in greedy:
            writer.close()


async def test_client_that_does_not_read_holds_no_scrape() -> None:
    labels = {"note": "x" * 2000}  # more than the buffers of a connection hold
    config = Config(
        tuple(Target(f"target-{number:05}", Address("127.0.0.1", 104), labels=labels) for number in range(3000))
    )
    of = state(FakeProber(config))
    async with exporter(of) as client:
        assert client._base_url is not None
        deaf = []
        for number in range(shared_scrapes.MAX_SCRAPES + 2):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect((client._base_url.host, client._base_url.port))
            sock.sendall(f"GET /metrics HTTP/1.1\r\nHost: x\r\n{HEADER}: {90 - number}\r\n\r\n".encode())
            deaf.append(sock)
            await until(lambda: not of.shared_scrapes._in_flight and of.traffic.requests_in_flight == len(deaf))
        async with client.get("/metrics", headers={HEADER: "10"}) as response:
            assert response.status == 200
            assert len(await response.read()) > 1_000_000
        for sock in deaf:
            sock.close()
