"""DICOMweb: an image is proved by its bytes, and refused by the server only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

from dicom_exporter.enums import UnknownReason, WebAnswer
from tests.testing.hostile import http
from tests.testing.hostile.http import Behaviour
from tests.testing.web_probing import dicomweb

pytestmark = pytest.mark.integration

JSON = {"Content-Type": "application/dicom+json"}


def _instances(body: bytes, content_type: str) -> Behaviour:
    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        if request.path.endswith("/series"):
            answer = http.answers(200, b'[{"0020000E":{"vr":"UI","Value":["2.25.2"]}}]')
        elif request.path.endswith("/series/2.25.2/instances"):
            answer = http.answers(200, b'[{"00080018":{"vr":"UI","Value":["2.25.3"]}}]')
        elif request.path == "/dicom-web/studies/2.25.0/series/2.25.2/instances/2.25.3":
            answer = http.floods(http.head(200, {"Content-Type": content_type}) + body, b"\0" * 65536)
        elif request.path == "/dicom-web/studies":
            answer = http.qido(1)
        else:
            answer = http.answers(404)
        await answer(request, writer)

    return behaviour


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"--x\r\nContent-Type: application/dicom\r\n\r\n" + bytes(128) + b"DICM", True),
        (bytes(128) + b"DICM", True),
        (b"<html>\r\n\r\n" + bytes(200), None),
    ],
)
async def test_dicomweb_image_is_proved_by_its_first_bytes(body: bytes, expected: bool | None) -> None:
    async with http.server(_instances(body, "multipart/related")) as server:
        found = await dicomweb(server.url, prove_download=True)
    assert found.image_received is expected
    assert found.doubts <= {UnknownReason.UNREADABLE, UnknownReason.LIMIT}


def _instance(answer: Callable[[http.Request], Behaviour], instances: Behaviour | None = None) -> Behaviour:
    """An archive of one study whose instance is answered as `answer` says."""
    one = {"0020000D": "2.25.0", "0020000E": "2.25.2", "00080018": "2.25.3"}
    entry = json.dumps([{tag: {"vr": "UI", "Value": [uid]} for tag, uid in one.items()}]).encode()

    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/dicom-web/studies":
            found = http.qido(1)
        elif request.path.endswith(("/instances", "/series")):
            found = instances or http.answers(200, entry, JSON)
        else:
            found = answer(request)
        await found(request, writer)

    return behaviour


FILE = http.answers(200, bytes(128) + b"DICM" + bytes(100), {"Content-Type": "application/dicom"})
PIXELS = http.answers(
    200, b"--b\r\nContent-Type: application/octet-stream\r\n\r\n\x00\x00", {"Content-Type": "multipart/related"}
)


@pytest.mark.parametrize(
    ("answer", "received", "doubts"),
    [
        (lambda request: FILE, True, set()),
        (lambda request: FILE if "transfer-syntax=*" in request.headers["Accept"] else http.answers(406), True, set()),
        (lambda request: FILE if request.headers["Accept"] == "application/dicom" else http.answers(406), True, set()),
        (lambda request: FILE if request.headers["Accept"] == "*/*" else http.answers(400), True, set()),
        (lambda request: PIXELS if "/frames/1" in request.path else http.answers(415), True, set()),
        (lambda request: http.answers(406), None, {"not_offered"}),
        (lambda request: http.answers(401), False, set()),
        (lambda request: http.answers(403), False, set()),
        (lambda request: http.answers(404), False, set()),
        (lambda request: http.answers(302, b"", {"Location": "/login"}), False, set()),
        (lambda request: http.answers(503), None, {"unavailable"}),
        (lambda request: http.answers(200, http.HTML, {"Content-Type": "text/html"}), False, set()),
        (lambda request: http.answers(200, b""), None, {"unreadable"}),
        (lambda request: http.silent, None, {"timeout"}),
    ],
)
async def test_dicomweb_image_is_refused_by_the_server_only(
    answer: Callable[[http.Request], Behaviour], received: bool | None, doubts: set[str]
) -> None:
    async with http.server(_instance(answer)) as server:
        found = await dicomweb(server.url, prove_download=True, timeout=1.5)
    assert (found.answer, found.image_received) == (WebAnswer.ENTRIES, received)
    assert {str(doubt) for doubt in found.doubts} == doubts


async def test_dicomweb_image_behind_redirect_to_another_host_is_proved() -> None:
    async with http.server(FILE) as store:
        there = http.answers(307, b"", {"Location": f"http://localhost:{store.port}/signed/2.25.3"})
        async with http.server(_instance(lambda request: there)) as server:
            assert (await dicomweb(server.url, prove_download=True)).image_received is True


async def test_dicomweb_image_of_study_is_asked_for_where_instances_may_not_be_searched() -> None:
    async with http.server(_instance(lambda request: FILE, http.answers(403))) as server:
        found = await dicomweb(server.url, prove_download=True)
        assert server.requests[-1].path == "/dicom-web/studies/2.25.0"
    assert found.image_received is True
