"""The pages for a person, fetched over HTTP and read as a browser would."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import quote

from aiohttp import ClientSession

from dicom_exporter.config import Config, Target
from dicom_exporter.pages.history import History
from tests import builders
from tests.testing.in_process import FakeProber, exporter, state


class Page(HTMLParser):
    """The text, the links and the elements of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.elements: list[str] = []
        self.text = ""
        self.feed(html)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action")]
        assert not [name for name, _ in attrs if name == "style" or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


@asynccontextmanager
async def pages(
    config: Config = builders.CONFIG, history: History | None = None
) -> AsyncIterator[tuple[ClientSession, FakeProber]]:
    prober = FakeProber(config)
    async with exporter(replace(state(prober), history=history or builders.history())) as client:
        yield client, prober


async def get(client: ClientSession, path: str, status: int = 200) -> Page:
    async with client.get(path, headers={"Accept": "text/html"}) as response:
        text = await response.text()
        assert response.status == status
        assert response.content_type == "text/html"
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert response.headers["X-Frame-Options"] == "DENY"
    assert "<script>alert" not in text
    assert "\x1b" not in text
    return Page(text)


def target_path(target: Target) -> str:
    return f"/targets/{quote(target.name, safe='')}"
