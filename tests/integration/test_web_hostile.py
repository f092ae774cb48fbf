"""Probes of web pages with simulated servers: what is recognised, and wrong claims that are not believed."""

from __future__ import annotations

import json

import pytest

from dicom_exporter.enums import WebAnswer
from tests.testing.hostile import http
from tests.testing.hostile.http import Behaviour
from tests.testing.web_probing import SHORT, web

pytestmark = pytest.mark.integration

SYSTEM = http.answers(200, json.dumps({"ApiVersion": 16, "DicomAet": "ORTHANC", "Name": "SYNTHETIC"}).encode())
STUDIES = http.answers(200, b'["0a1b2c3d-0a1b2c3d"]')
PAGE = http.answers(200, b"<html><title>Orthanc Explorer</title></html>")


@pytest.mark.parametrize(
    ("statistics", "studies", "complete"),
    [
        (http.answers(200, b'{"CountStudies": 12}'), 12, True),
        (http.answers(403), 1, False),
        (http.answers(200, b'{"CountStudies": "many"}'), 1, False),
        (http.answers(200, b"[" * 10000), 1, False),
        (http.answers(200, b'{"CountStudies": ' + b"9" * 60000 + b"}"), 1, False),
        (http.silent, 1, False),
    ],
)
async def test_web_orthanc_studies_are_counted(statistics: Behaviour, studies: int, complete: bool) -> None:
    table = {"/dicom-web/system": SYSTEM, "/dicom-web/studies": STUDIES, "/dicom-web/statistics": statistics}
    async with http.server(http.routes(table, PAGE)) as server:
        found = await web(server.url, timeout=SHORT * 3)
    assert (found.answer, found.lists_studies) == (WebAnswer.ENTRIES, True)
    assert (found.studies, found.complete) == (studies, complete)


@pytest.mark.parametrize(
    ("said", "version"),
    [
        ("1.12.10", "1.12.10"),
        ("mainline", "mainline"),
        ("SECRET^PHI", None),
        ("1" * 100, None),
        (["1.2.3"], None),
        ("", None),
    ],
)
async def test_web_orthanc_version_is_read_and_nothing_else(said: object, version: str | None) -> None:
    about = {"ApiVersion": 16, "DicomAet": "ORTHANC", "Name": "SYNTHETIC", "Version": said}
    table = {
        "/dicom-web/system": http.answers(200, json.dumps(about).encode()),
        "/dicom-web/studies": http.answers(403),
    }
    async with http.server(http.routes(table, PAGE)) as server:
        found = await web(server.url, timeout=SHORT * 3)
    assert found.version == version


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ({}, WebAnswer.OTHER),
        ({"/dicom-web/studies": STUDIES}, WebAnswer.OTHER),
        ({"/dicom-web/system": http.answers(401)}, WebAnswer.DENIED),
        ({"/dicom-web/system": SYSTEM, "/dicom-web/studies": http.answers(403)}, WebAnswer.DENIED),
        ({"/dicom-web/system": SYSTEM, "/dicom-web/studies": http.silent}, WebAnswer.UNKNOWN),
        ({"/dicom-web/system": SYSTEM, "/dicom-web/studies": http.answers(200, b"[]")}, WebAnswer.EMPTY),
        ({"/dicom-web/system": http.silent}, WebAnswer.UNKNOWN),
    ],
)
async def test_web_only_orthanc_rest_root_with_studies_lists_studies(
    table: dict[str, Behaviour], expected: WebAnswer
) -> None:
    async with http.server(http.routes(table, PAGE)) as server:
        assert (await web(server.url, timeout=SHORT * 2)).answer is expected


@pytest.mark.parametrize(
    ("behaviour", "expected", "doubts"),
    [
        (http.answers(503, http.HTML), WebAnswer.UNKNOWN, {"unavailable"}),
        (http.answers(429), WebAnswer.UNKNOWN, {"unavailable"}),
        (http.answers(404), WebAnswer.OTHER, set()),
        (http.answers(400), WebAnswer.OTHER, set()),
        (http.answers(200, b"\x0b", {"Content-Encoding": "br"}), WebAnswer.OTHER, {"unreadable"}),
        (http.answers(200, http.HTML * 2000), WebAnswer.OTHER, set()),
        (http.answers(302, b"", {"Location": "/dicom-web"}), WebAnswer.OTHER, {"redirect"}),
        (http.silent, WebAnswer.UNKNOWN, {"timeout"}),
    ],
)
async def test_web_page_is_known_or_in_doubt(behaviour: Behaviour, expected: WebAnswer, doubts: set[str]) -> None:
    async with http.server(behaviour) as server:
        found = await web(server.url, timeout=SHORT * 2)
    assert found.answer is expected
    assert {str(doubt) for doubt in found.doubts} == doubts


async def test_web_unknown_page_is_not_asked_further() -> None:
    async with http.server(http.answers(200, http.HTML)) as server:
        assert (await web(server.url)).answer is WebAnswer.OTHER
        assert len(server.requests) == 1


async def test_web_rest_root_behind_guarded_page_is_tried_for_orthanc() -> None:
    table = {"/dicom-web": http.answers(401), "/dicom-web/system": SYSTEM, "/dicom-web/studies": STUDIES}
    async with http.server(http.routes(table, http.answers(404))) as server:
        assert (await web(server.url)).answer is WebAnswer.DENIED
        assert (await web(server.url, product="DCMTK")).answer is WebAnswer.ENTRIES


async def test_web_dcm4chee_login_of_its_interface_is_denied() -> None:
    login = http.answers(302, b"", {"Location": "/auth/realms/dcm4che/protocol/openid-connect/auth"})
    async with http.server(http.routes({"/dcm4chee-arc/ui2/": login}, http.answers(404))) as server:
        assert (await web(server.url, product="dcm4che")).answer is WebAnswer.DENIED
        assert (await web(server.url)).answer is WebAnswer.OTHER
