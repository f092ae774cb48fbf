"""What a DICOMweb server says that it offers, asked as a stranger."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.testing.web_probing import PATIENCE, dicomweb

pytestmark = pytest.mark.loopback

REFLECTED = "the origin of the request"
LISTED: tuple[int, str] = (200, "[]")


class Archive:
    """A DICOMweb root whose answers to GET and OPTIONS have those headers."""

    def __init__(
        self,
        get: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        *,
        listing: tuple[int, str] = LISTED,
        options_status: int = 200,
    ) -> None:
        self.methods: list[str] = []
        self.origins: list[str] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self._get, self._options = get or {}, options or {}
        self._listing, self._options_status = listing, options_status

    async def answer(self, request: web.Request) -> web.Response:
        self.methods.append(request.method)
        origin = request.headers.get("Origin", "")
        if request.method == "OPTIONS":
            await self.may_answer.wait()
            return web.Response(status=self._options_status, headers=self._options)
        headers = {name: origin if value == REFLECTED else value for name, value in self._get.items()}
        if origin:
            self.origins.append(origin)
        else:
            headers = {}
        status, body = self._listing
        return web.Response(status=status, text=body, content_type="application/dicom+json", headers=headers)


async def asked(
    archive: Archive, *, surface: bool = True, timeout: float = PATIENCE
) -> tuple[bool | None, bool | None]:
    """Whether storing is on offer, and whether other sites may use a login."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", archive.answer)
    async with TestServer(app) as server:
        found = await dicomweb(str(server.make_url("/dicom-web")), surface=surface, timeout=timeout)
        archive.may_answer.set()
    return found.stow_offered, found.cors_with_credentials


@pytest.mark.parametrize(
    ("status", "allow", "expected"),
    [
        (200, "GET, POST, OPTIONS", True),
        (204, "get,post", True),
        (200, "GET, HEAD", False),
        (200, "COMPOST", False),
        (200, "", None),
        (401, "GET, POST", None),
        (404, "", None),
        (405, "GET, POST", None),
        (503, "GET, POST", None),
    ],
)
async def test_storing_is_on_offer_if_the_server_allows_post(status: int, allow: str, expected: bool | None) -> None:
    archive = Archive(options={"Allow": allow} if allow else {}, options_status=status)
    assert (await asked(archive))[0] is expected
    assert set(archive.methods) == {"GET", "OPTIONS"}


@pytest.mark.parametrize(
    ("listing", "origin", "credentials", "expected"),
    [
        (LISTED, REFLECTED, "true", True),
        (LISTED, "*", "True", True),
        ((401, ""), REFLECTED, "true", True),
        (LISTED, REFLECTED, "", False),
        (LISTED, "*", "false", False),
        (LISTED, "https://viewer.example", "true", False),
        (LISTED, "null", "true", False),
        (LISTED, "", "true", False),
        ((401, ""), "", "", None),
        ((404, ""), "https://viewer.example", "true", None),
        ((502, ""), REFLECTED, "true", None),
        ((302, ""), "", "", None),
    ],
)
async def test_cors_is_open_if_nobodys_origin_gets_credentials(
    listing: tuple[int, str], origin: str, credentials: str, expected: bool | None
) -> None:
    headers = {"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Credentials": credentials}
    archive = Archive({name: value for name, value in headers.items() if value}, listing=listing)
    assert (await asked(archive))[1] is expected
    (sent,) = archive.origins
    assert sent.startswith("https://")
    assert sent.endswith(".invalid")


async def test_silence_to_options_leaves_time_for_the_other_question() -> None:
    archive = Archive(
        {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Credentials": "true"}, {"Allow": "POST"}
    )
    archive.may_answer.clear()
    assert await asked(archive, timeout=5.0) == (None, True)


async def test_only_gets_without_surface() -> None:
    archive = Archive({"Access-Control-Allow-Origin": "*"}, {"Allow": "POST"})
    assert await asked(archive, surface=False) == (None, None)
    assert (set(archive.methods), archive.origins) == ({"GET"}, [])
