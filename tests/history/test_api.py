"""What answers at the URL of Prometheus: every bad answer is one sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from dicom_exporter.history import api
from dicom_exporter.history.api import AnswerTooLargeError, ApiError, connected

pytestmark = pytest.mark.loopback

SERIES = '{"metric": {"target": "main"}, "values": [[60, "1"], [120.5, "7"]]}'


@asynccontextmanager
async def answering(body: str, status: int = 200, **headers: str) -> AsyncIterator[URL]:
    """A server whose answer is always the same."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=body, status=status, headers=headers)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    async with TestServer(app) as server:
        yield server.make_url("/prefix")


async def said(url: URL) -> str:
    async with connected(url) as prometheus:
        with pytest.raises(ApiError) as caught:
            await prometheus.query("query_range", {"query": "up"})
    return str(caught.value).replace(str(url), "URL")


async def test_series_are_labels_and_points() -> None:
    async with (
        answering(f'{{"status": "success", "data": {{"result": [{SERIES}]}}}}') as url,
        connected(url) as prometheus,
    ):
        assert await prometheus.query("query_range", {"query": "up"}) == [({"target": "main"}, [(60, 1), (120.5, 7)])]


async def test_error_of_prometheus_is_repeated_on_one_line() -> None:
    body = '{"status": "error", "errorType": "timeout", "error": "query timed out\\nin expression"}'
    async with answering(body, 503) as url:
        assert await said(url) == r"URL cannot answer: 'query timed out\nin expression'"


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "1",
        "{}",
        '{"status": "success"}',
        '{"status": "success", "data": {"result": [1]}}',
        '{"status": "success", "data": {"result": [{"metric": 1, "values": []}]}}',
        '{"status": "success", "data": {"result": [{"metric": {}, "values": [[1, "x"]]}]}}',
        '{"status": "success", "data": {"result": [{"metric": {}, "values": [[1]]}]}}',
        '{"status": "success", "data": {"result": [{"metric": {}}]}}',
    ],
)
async def test_other_json_is_not_prometheus(body: str) -> None:
    async with answering(body) as url:
        assert await said(url) == "URL does not answer as Prometheus does"


@pytest.mark.parametrize("body", ["<html>", "", "[" * 100_000, "\x00"])
async def test_no_json_is_said_with_the_status(body: str) -> None:
    async with answering(body, 502) as url:
        assert await said(url) == "URL does not answer with JSON, but with HTTP status 502"


async def test_redirect_is_not_followed() -> None:
    async with answering("", 302, Location="http://127.0.0.1:1/") as url:
        assert await said(url) == "URL does not answer with JSON, but with HTTP status 302"


async def test_answer_is_read_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "MAX_BYTES", 1000)
    async with answering("x" * 1001) as url, connected(url) as prometheus:
        with pytest.raises(AnswerTooLargeError, match="more than 1,000 bytes"):
            await prometheus.query("query_range", {})


async def test_nothing_listens() -> None:
    async with answering("") as url:
        pass
    assert await said(url) == "URL does not answer: connection refused"


async def test_password_is_not_in_the_name() -> None:
    async with connected(URL("http://user:secret@prometheus.example:9090/")) as prometheus:
        assert prometheus.name == "http://prometheus.example:9090/"
