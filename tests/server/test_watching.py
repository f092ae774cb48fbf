"""The page of a probe that a person starts: what is sent when, and what ends it."""

from __future__ import annotations

import asyncio
from ipaddress import ip_network

import pytest
from aiohttp import StreamReader

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.config.model import ProbeSettings
from dicom_exporter.enums import Phase
from dicom_exporter.prober.allowlist import NotAllowed
from tests.testing.in_process import FakeProber, exporter
from tests.testing.pages import get

pytestmark = pytest.mark.loopback

HTML = {"Accept": "text/html,*/*;q=0.8"}
PATH = "/probe?target=one&debug=true"


async def until(stream: StreamReader, text: str) -> str:
    """What `stream` brings, up to `text`."""
    read = b""
    while text.encode() not in read:
        piece = await stream.read(1)
        assert piece, read
        read += piece
    return read.decode()


async def test_steps_are_sent_as_they_end_and_then_the_result() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client, client.get(PATH, headers=HTML) as response:
        assert response.content_type == "text/html"
        reader = response.content
        head = await until(reader, '<ol class="steps">')
        assert 'href="./runbooks/"' in head
        assert "<h1>one</h1>" in head
        add = prober.watchers["one"]
        add("monitor", Phase.CONNECT, None)
        await until(reader, "<li>monitor: connect")
        add("monitor", Phase.CONNECT, 0.002)
        add("<b>", Phase.ECHO, 1.5)
        await until(reader, " 2.00 ms</li>\n<li>&lt;b&gt;: echo 1.5 s</li>")
        assert prober.go is not None
        prober.go.set()
        rest = (await reader.read()).decode()
        assert "Probed now" in rest
        assert "dicom_echo_success" in rest
        assert rest.rstrip().endswith("</html>")
    assert prober.watchers == {}


async def test_page_of_a_probe_has_links_that_resolve() -> None:
    async with exporter() as client:
        page = await get(client, PATH)
        assert "targets/one" in " ".join(page.links)
        assert "?target=one&debug=true" in page.links
        assert "script" not in page.elements  # it would probe again to stay up to date


async def test_client_that_goes_away_ends_the_page_before_the_probe() -> None:
    prober = FakeProber(go=asyncio.Event())
    async with exporter(prober) as client, asyncio.timeout(30):
        response = await client.get(PATH, headers=HTML)
        await until(response.content, '<ol class="steps">')
        response.close()
        await prober.left.wait()
        assert not prober.answered.is_set()


async def test_refused_address_has_its_status() -> None:
    config = Config((), probe=ProbeSettings((ip_network("127.0.0.0/8"),)))
    prober = FakeProber(config, denies=NotAllowed())
    async with (
        exporter(prober) as client,
        client.get("/probe?target=127.0.0.1:104&debug=true", headers=HTML) as response,
    ):
        assert response.status == 403


async def test_many_steps_are_cut() -> None:
    prober = FakeProber(Config((Target("one", Address("127.0.0.1", 104)),)), go=asyncio.Event())
    async with exporter(prober) as client, client.get(PATH, headers=HTML) as response:
        await prober.started.wait()
        for _ in range(5000):
            prober.watchers["one"]("monitor", Phase.ECHO, 0.001)
        assert prober.go is not None
        prober.go.set()
        assert (await response.text()).count("<li>monitor: echo") == 500
