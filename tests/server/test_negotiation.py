"""Formats and encodings, as clients ask for them."""

from __future__ import annotations

import gzip

import pytest
from aiohttp import web

from dicom_exporter.metrics.families import Family, Group
from dicom_exporter.server.negotiation import Exposition, Format, Text, accepts_gzip, choose_format, small_response
from tests.testing.in_process import exporter

pytestmark = pytest.mark.loopback

PROMETHEUS_2 = (
    "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
    "text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
)
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
    "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,"
    "text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
)


@pytest.mark.parametrize("path", ["/metrics", "/probe?target=one"])
@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "text/plain; version=0.0.4; charset=utf-8"),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/html", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=0.0.4", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=1.0.0", "text/plain; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (PROMETHEUS_2, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        (PROMETHEUS_3, "application/openmetrics-text; version=1.0.0; charset=utf-8"),
        ("application/openmetrics-text;version=none", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text;version=2.0.0", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=9<script>", "text/plain; version=0.0.4; charset=utf-8"),
        ("text/plain;version=", "text/plain; version=0.0.4; charset=utf-8"),
        (";,;=,", "text/plain; version=0.0.4; charset=utf-8"),
    ],
)
async def test_format_follows_accept_header(path: str, accept: str | None, content_type: str) -> None:
    headers = {} if accept is None else {"Accept": accept}
    async with exporter() as client, client.get(path, headers=headers, skip_auto_headers=["Accept"]) as response:
        text = await response.text()
    assert response.status == 200
    assert response.headers["Content-Type"].startswith(content_type)
    assert "\ndicom_echo_success{" in text
    assert text.endswith("# EOF\n") == content_type.startswith("application/openmetrics-text")


@pytest.mark.parametrize("accept", ["gzip", "gzip, deflate", "deflate;q=0.5, GZIP;q=0.1", "*"])
async def test_gzip_if_accepted(accept: str) -> None:
    async with exporter() as client, client.get("/metrics", headers={"Accept-Encoding": accept}) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert b"\ndicom_echo_success{" in gzip.decompress(await response.read())


@pytest.mark.parametrize(
    "accept", ["", "identity", "gzip;q=0", "gzip;q=0.000, *", "*;q=0, identity", "deflate", "x-gzip-not"]
)
async def test_negotiation_no_gzip_if_not_accepted(accept: str) -> None:
    async with exporter() as client, client.get("/metrics", headers={"Accept-Encoding": accept}) as response:
        assert "Content-Encoding" not in response.headers
        assert b"\ndicom_echo_success{" in await response.read()


@pytest.mark.parametrize(("text", "compressed"), [("x" * 100, False), ("x" * 100_000, True)], ids=["short", "long"])
def test_metrics_of_one_target_are_compressed_only_if_that_saves_a_round_trip(text: str, compressed: bool) -> None:
    family: Family[str] = Family("dicom_text", "Some text.", lambda subject: [({"text": subject}, 1.0)])
    exposition = Exposition((), [Group((family,), [({}, text)])])
    response = small_response(exposition, Format(Text.PROMETHEUS, "text/plain", zipped=True))
    assert response.headers.get("Content-Encoding") == ("gzip" if compressed else None)
    assert response.headers["Vary"] == "Accept, Accept-Encoding"
    assert isinstance(response.body, bytes)
    body = gzip.decompress(response.body) if compressed else response.body
    assert f'dicom_text{{text="{text}"}} 1.0' in body.decode()


async def test_short_metrics_are_compressed_for_a_client_that_refuses_plain_text() -> None:
    headers = {"Accept-Encoding": "gzip, identity;q=0"}
    async with exporter() as client, client.get("/probe?target=one", headers=headers) as response:
        assert response.headers["Content-Encoding"] == "gzip"
        assert b"\ndicom_echo_success{" in gzip.decompress(await response.read())


async def test_vary_names_accept_and_accept_encoding() -> None:
    async with exporter() as client, client.get("/metrics") as response:
        assert response.headers["Vary"] == "Accept, Accept-Encoding"
        assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("header", "allowed"),
    [
        ("gzip;q=1.0", True),
        ("gzip ; q=0.001", True),
        ("*;q=0, gzip", True),
        ("X-GZIP", True),
        ("gzip;Q=0", False),
        ("gzip;q=0.3, identity;q=0.9", False),
        ("identity;q=0.3, gzip;q=0.9", True),
        ("gzip;q=0, *;q=1", False),
        ("identity;q=0, *", True),
        ("gzip;q=much", False),
    ],
)
def test_accepts_gzip_reads_quality_values(header: str, allowed: bool) -> None:
    assert accepts_gzip([header]) is allowed


OPENMETRICS, PLAIN = "application/openmetrics-text", "text/plain"


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        ([f"{PLAIN};version=0.0.4;q=0.6,{OPENMETRICS};version=1.0.0;q=0.5,*/*;q=0.4"], PLAIN),
        ([f"{OPENMETRICS};q=0.5", f"{PLAIN};q=0.4"], OPENMETRICS),
        ([f"{OPENMETRICS};version=1.0.0;q=0"], PLAIN),
        ([f"{OPENMETRICS};q=0,*/*"], PLAIN),
        ([f"{PLAIN};q=0,*/*;q=0.1"], OPENMETRICS),
        ([f"{PLAIN};q=0"], OPENMETRICS),
        (["text/*;q=0.9,*/*;q=0.1"], PLAIN),
        (["application/*"], OPENMETRICS),
        (["APPLICATION/OpenMetrics-Text;VERSION=1.0.0;Q=1,text/plain;q=0.9"], OPENMETRICS),
        ([f'{OPENMETRICS}; version="1.0.0" ;q=0.9, {PLAIN};q=0.8'], OPENMETRICS),
        ([f"{OPENMETRICS};version=0.0.1,{PLAIN};version=0.0.4;q=0.5,*/*;q=0.1"], OPENMETRICS),
        ([f"{OPENMETRICS};version=1.0.0;escaping=dots;q=0.2,{PLAIN};version=1.0.0;escaping=values;q=0.4"], PLAIN),
        ([f"{PLAIN},{OPENMETRICS}"], PLAIN),
        ([f"{OPENMETRICS},{PLAIN}"], OPENMETRICS),
        (["application/vnd.google.protobuf;q=0.7,text/plain;version=0.0.4;q=0.3,*/*;q=0.1"], PLAIN),
        (["text/html, *; q=.2, */*; q=.2"], PLAIN),
        ([f"{OPENMETRICS};version=7;q=1,*/*;q=0"], None),
        (["*/*;q=0.000"], None),
        (["text/*;q=0,*/*;q=0.1"], OPENMETRICS),
    ],
)
def test_choose_format_follows_quality_and_specificity(lines: list[str], wanted: str | None) -> None:
    if wanted is None:
        with pytest.raises(web.HTTPNotAcceptable):
            choose_format(lines)
    else:
        assert choose_format(lines)[1].startswith(wanted)


@pytest.mark.parametrize("header", ["gzip;q=0,identity;q=0", "*;q=0", "identity;q=0"])
def test_accepts_gzip_refused_with_plain_text_is_not_acceptable(header: str) -> None:
    with pytest.raises(web.HTTPNotAcceptable):
        accepts_gzip([header])
