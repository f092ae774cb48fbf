"""DICOMweb: redirects are followed within bounds, and where we stop it is in doubt."""

from __future__ import annotations

import asyncio
import socket

import pytest

from dicom_exporter.enums import UnknownReason, WebAnswer
from tests.testing.hostile import http
from tests.testing.hostile.http import Behaviour
from tests.testing.web_probing import dicomweb

pytestmark = pytest.mark.integration

PASSWORD = "made-up"


def _redirects(times: int, status: int = 301, to: str = "") -> Behaviour:
    """`times` redirects, each to the next path, and then a list of two studies; `to` comes before each path."""

    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        first, _, rest = request.target.lstrip("/").partition("/")
        number = int(first.removeprefix("hop")) if first.startswith("hop") else 0
        there = f"{to}/hop{number + 1}/{rest if number else request.target.lstrip('/')}"
        answer = http.answers(status, b"", {"Location": there}) if number < times else http.qido(2)
        await answer(request, writer)

    return behaviour


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_dicomweb_redirects_within_host_are_followed(status: int) -> None:
    async with http.server(_redirects(2, status)) as server:
        for password in (None, PASSWORD):
            found = await dicomweb(server.url, password=password)
            assert (found.answer, found.studies, found.complete) == (WebAnswer.ENTRIES, 2, True)
            assert found.doubts == frozenset()


async def test_dicomweb_sixth_redirect_is_not_followed() -> None:
    async with http.server(_redirects(5)) as server:
        assert (await dicomweb(server.url)).answer is WebAnswer.ENTRIES
    async with http.server(_redirects(6)) as server:
        found = await dicomweb(server.url)
    assert (found.answer, found.doubts) == (WebAnswer.OTHER, frozenset({UnknownReason.REDIRECT}))


async def test_dicomweb_redirect_loop_ends_in_doubt() -> None:
    table = {
        "/dicom-web/studies": http.answers(302, b"", {"Location": "/b"}),
        "/b": http.answers(302, b"", {"Location": "/dicom-web/studies"}),
    }
    async with http.server(http.routes(table, http.answers(404))) as server:
        found = await dicomweb(server.url)
        assert len(server.requests) < 10
    assert (found.answer, found.doubts) == (WebAnswer.OTHER, frozenset({UnknownReason.REDIRECT}))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "localhost"])
async def test_dicomweb_redirect_to_another_origin_is_followed_without_credentials_only(host: str) -> None:
    async with http.server(http.qido(1)) as elsewhere:
        target = f"http://{host}:{elsewhere.port}"

        async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
            await http.answers(307, b"", {"Location": target + request.target})(request, writer)

        async with http.server(behaviour) as server:
            found = await dicomweb(server.url, password=PASSWORD)
            assert server.requests[0].headers["Authorization"].startswith("Basic ")
            assert (found.answer, found.doubts) == (WebAnswer.OTHER, frozenset({UnknownReason.REDIRECT}))
            assert elsewhere.requests == []
            if host != "127.0.0.2":  # where nothing listens
                found = await dicomweb(server.url)
                assert (found.answer, found.studies) == (WebAnswer.ENTRIES, 1)
                assert all("Authorization" not in request.headers for request in elsewhere.requests)


async def test_dicomweb_redirect_to_closed_port_leaves_the_server_open() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        there = f"http://127.0.0.1:{free.getsockname()[1]}/dicom-web/studies"
        async with http.server(http.answers(302, b"", {"Location": there})) as server:
            found = await dicomweb(server.url)
    assert (found.answer, found.status) == (WebAnswer.OTHER, 302)


async def test_dicomweb_redirect_to_link_local_address_is_not_followed() -> None:
    there = "http://169.254.169.254/latest/meta-data/"
    async with http.server(http.answers(302, b"", {"Location": there})) as server:
        found = await dicomweb(server.url)
    assert (found.answer, found.doubts) == (WebAnswer.OTHER, frozenset({UnknownReason.REDIRECT}))


async def test_dicomweb_moved_to_path_that_only_sounds_like_login_is_followed() -> None:
    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        moved = http.answers(301, b"", {"Location": request.target.replace("/dicom-web", "/author/dicom-web")})
        await (moved if request.path.startswith("/dicom-web") else http.qido(2))(request, writer)

    async with http.server(behaviour) as server:
        assert (await dicomweb(server.url)).answer is WebAnswer.ENTRIES


async def test_dicomweb_redirect_to_password_field_is_denied() -> None:
    table = {"/dicom-web/studies": http.answers(302, b"", {"Location": "/welcome"})}
    async with http.server(http.routes(table, http.answers(200, http.LOGIN))) as server:
        assert (await dicomweb(server.url)).answer is WebAnswer.DENIED
