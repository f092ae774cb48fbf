"""DICOMweb probes against servers that mislead, flood, stall and lie; every one ends with the right answer, in time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import ssl
import struct
import threading
import tracemalloc
import warnings
from collections.abc import Mapping
from typing import Any

import pytest
import uvloop

from dicom_exporter.enums import UnknownReason, WebAnswer
from tests.testing.hostile import http
from tests.testing.hostile.http import Behaviour
from tests.testing.peers import Certificates
from tests.testing.web_probing import SHORT, dicomweb, web

pytestmark = pytest.mark.integration

JSON = {"Content-Type": "application/dicom+json"}
PASSWORD = "made-up"
OPEN_ENTRY = b'[{"0020000D":{"vr":"UI","Value":["2.25.1"]'

ANSWERS: Mapping[str, tuple[Behaviour, WebAnswer]] = {
    "HTML for everything": (http.answers(200, http.HTML, {"Content-Type": "text/html"}), WebAnswer.OTHER),
    "HTML called DICOM JSON": (http.answers(200, http.HTML, JSON), WebAnswer.OTHER),
    "a login form without a redirect": (http.answers(200, http.LOGIN), WebAnswer.DENIED),
    "401": (http.answers(401, b"[]"), WebAnswer.DENIED),
    "403": (http.answers(403), WebAnswer.DENIED),
    "404": (http.answers(404), WebAnswer.OTHER),
    "413 to everything": (http.answers(413), WebAnswer.OTHER),
    "500": (http.answers(500, b"[]"), WebAnswer.UNKNOWN),
    "503": (http.answers(503), WebAnswer.UNKNOWN),
    "nginx without a client certificate": (
        http.answers(400, b"<center>No required SSL certificate was sent</center>"),
        WebAnswer.DENIED,
    ),
    "204": (http.answers(204), WebAnswer.EMPTY),
    "an empty body": (http.answers(200, b""), WebAnswer.EMPTY),
    "an empty list of the wrong type": (http.answers(200, b" [ ] ", {"Content-Type": "text/plain"}), WebAnswer.EMPTY),
    "an object": (http.answers(200, b'{"error": []}', JSON), WebAnswer.OTHER),
    "a list of something else": (http.answers(200, b'[{"id": 1}]', JSON), WebAnswer.OTHER),
    "a list of words": (http.answers(200, b"[INFO] ready []", JSON), WebAnswer.OTHER),
    "an unclosed list": (http.answers(200, b"[", JSON), WebAnswer.OTHER),
    "truncated in the entry": (
        http.answers(200, OPEN_ENTRY, {**JSON, "Content-Length": "99999"}),
        WebAnswer.ENTRIES,
    ),
    "brackets nested without end": (http.answers(200, b"[" * 100_000, JSON), WebAnswer.OTHER),
    "a coding nobody asked for": (
        http.answers(200, b"\x0b\x02\x80[]\x03", {"Content-Encoding": "br"}),
        WebAnswer.OTHER,
    ),
    "gzip that is none": (http.answers(200, b"[]", {"Content-Encoding": "gzip"}), WebAnswer.OTHER),
    "chunked garbage": (
        http.sends(http.head(200, {"Transfer-Encoding": "chunked"}) + b"zz\r\n" + http.GARBAGE),
        WebAnswer.OTHER,
    ),
    "huge headers": (http.answers(200, b"[]", {"X-Big": "x" * 100_000}), WebAnswer.OTHER),
    "headers without end": (http.floods(b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n" * 1000), WebAnswer.OTHER),
    "garbage": (http.sends(http.GARBAGE), WebAnswer.NOT_HTTP),
    "SSH": (http.sends(b"SSH-2.0-OpenSSH_9.2p1\r\n"), WebAnswer.NOT_HTTP),
    "hangs up": (http.sends(b""), WebAnswer.NOT_HTTP),
    "a redirect to nowhere": (http.answers(302, b"", {"Location": "http://[/"}), WebAnswer.OTHER),
    "a redirect without a location": (http.answers(302), WebAnswer.OTHER),
    "a redirect to itself": (http.answers(302, b"", {"Location": "/dicom-web/studies"}), WebAnswer.OTHER),
    "a redirect to a file": (http.answers(302, b"", {"Location": "file:///etc/passwd"}), WebAnswer.OTHER),
    "a redirect to another host": (http.answers(302, b"", {"Location": "http://127.0.0.2/x"}), WebAnswer.OTHER),
    "a redirect to a login": (http.answers(302, b"", {"Location": "/account/login?next=/"}), WebAnswer.DENIED),
    "a redirect to a login elsewhere": (
        http.answers(303, b"", {"Location": "https://keycloak.hospital.example/realms/x"}),
        WebAnswer.DENIED,
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
async def test_dicomweb_answer_is_classified(name: str) -> None:
    behaviour, expected = ANSWERS[name]
    async with http.server(behaviour) as server:
        found = await dicomweb(server.url, prove_identity=True, prove_download=True, timeout=SHORT * 5)
    assert found.answer is expected
    assert found.queryable is (expected is WebAnswer.EMPTY)
    assert found.lists_studies is (expected is WebAnswer.ENTRIES)
    assert found.image_received is not True


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_dicomweb_reset_closes_the_descriptor(scheme: str) -> None:
    """A file descriptor that is closed a second time, by garbage collection, may then be that of another connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def reset() -> None:
            with contextlib.suppress(OSError):  # closed: the test is over
                while True:
                    connection, _ = listener.accept()
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()

        threading.Thread(target=reset, daemon=True).start()
        url = f"{scheme}://127.0.0.1:{listener.getsockname()[1]}/dicom-web"
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", ResourceWarning)
            for _ in range(5):
                answer = uvloop.run(dicomweb(url)).answer
                assert answer in (WebAnswer.NOT_HTTP, WebAnswer.UNKNOWN)  # the latter if it resets our connecting
            gc.collect()
        listener.shutdown(socket.SHUT_RDWR)
    assert [str(warning.message) for warning in caught] == []


@pytest.mark.parametrize(
    ("behaviour", "expected"),
    [
        (http.silent, WebAnswer.UNKNOWN),
        (http.drips(b"", b"H"), WebAnswer.NOT_HTTP),
        (http.drips(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"), WebAnswer.UNKNOWN),
        (http.drips(http.head(200, JSON), b" "), WebAnswer.UNKNOWN),
        (http.drips(http.head(200, JSON) + b"[", b" "), WebAnswer.UNKNOWN),
        (http.drips(http.head(200, JSON) + OPEN_ENTRY, b" "), WebAnswer.ENTRIES),
        (http.drips(http.head(200) + http.HTML, b" "), WebAnswer.OTHER),
        (http.drips(b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"), WebAnswer.UNKNOWN),
    ],
    ids=["silent", "no HTTP", "headers", "body", "open list", "open entry", "page", "continue"],
)
async def test_dicomweb_slow_answer_ends_at_deadline(behaviour: Behaviour, expected: WebAnswer) -> None:
    async with http.server(behaviour) as server, asyncio.timeout(30):
        assert (await dicomweb(server.url, timeout=SHORT)).answer is expected


async def test_dicomweb_refused_connection_is_closed() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = await dicomweb(f"http://127.0.0.1:{free.getsockname()[1]}/dicom-web")
    assert (found.answer, found.status) == (WebAnswer.CLOSED, None)


async def test_dicomweb_connect_timeout_is_closed_and_deadline_is_unknown() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}/dicom-web"
        assert (await dicomweb(url, connect_timeout=SHORT)).answer is WebAnswer.CLOSED
        assert (await dicomweb(url, timeout=SHORT)).answer is WebAnswer.UNKNOWN


async def test_dicomweb_unresolved_name_is_unknown() -> None:
    def no_such_name(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror

    found = await dicomweb("http://pacs.hospital.example/dicom-web", getaddrinfo=no_such_name)
    assert found.answer is WebAnswer.UNKNOWN


async def test_dicomweb_name_is_looked_up_by_our_resolver() -> None:
    def here(*_: Any, **__: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    async with http.server(http.qido(3)) as server:
        url = f"http://pacs.hospital.example:{server.port}/dicom-web"
        found = await dicomweb(url, getaddrinfo=here)
        assert server.requests[0].headers["Host"] == f"pacs.hospital.example:{server.port}"
    assert (found.answer, found.studies) == (WebAnswer.ENTRIES, 3)
    assert "resolve" in found.phases


@pytest.mark.parametrize(
    ("behaviour", "studies", "complete"),
    [
        (http.qido(3), 3, True),
        (http.qido(3, compressed=True), 3, True),
        (http.qido(3, ignores_filter=True), 3, True),
        (http.qido(250, page=100), 250, True),
        (http.qido(300, page=12), 300, True),
        (http.qido(300, page=12, warning='299 x "Additional results can be requested."'), 300, True),
        (http.qido(300, page=12, warning='299 x "additional results", 199 y "z"', ignores_offset=True), 12, False),
        (http.qido(300, page=50, refuses_offset=True), 50, False),
        (http.qido(300, page=50, limit_before_offset=True), 50, False),
        (http.qido(300, max_limit=200, limit_before_offset=True), 200, False),
        (http.qido(300, ignores_limit=True), 300, True),
        (http.qido(300, ignores_limit=True, ignores_offset=True), 300, False),
        (http.qido(400, page=12), 348, False),
        (http.qido(150, max_limit=200), 150, True),
        (http.qido(450, max_limit=200, refusal=422), 450, True),
        (http.qido(150, max_limit=100, refusal=413, nothing=http.answers(404)), 150, True),
        (http.qido(60, max_limit=50, nothing=http.answers(200, b"")), 60, True),
        (http.qido(60, max_limit=25), 60, True),
        (http.qido(60, max_limit=5), None, None),
        (http.qido(1, nothing=http.answers(204)), 1, True),
        (http.qido(3, content_type="application/json; charset=utf-8"), 3, True),
        (http.qido(100, page=100), 100, True),
        (http.qido(100, ignores_offset=True), 100, False),
        (http.qido(1001), 1000, False),
        (http.qido(1000), 1000, True),
        (http.qido(7, refuses_wide=True), None, None),
    ],
)
async def test_dicomweb_counts_are_exact_or_marked_incomplete(
    behaviour: Behaviour, studies: int | None, complete: bool | None
) -> None:
    async with http.server(behaviour) as server:
        found = await dicomweb(server.url)
        assert len(server.requests) <= 35
    assert (found.answer, found.lists_studies) == (WebAnswer.ENTRIES, True)
    assert (found.studies, found.complete) == (studies, complete)


async def test_dicomweb_too_many_to_list_is_not_zero() -> None:
    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        answer = http.answers(200, b"[]") if "StudyInstanceUID" in request.query else http.answers(413)
        await answer(request, writer)

    async with http.server(behaviour) as server:
        found = await dicomweb(server.url)
    assert (found.answer, found.queryable, found.studies, found.complete) == (WebAnswer.EMPTY, True, None, None)
    assert found.doubts == {UnknownReason.NOT_OFFERED}


async def test_dicomweb_404_for_no_match_is_confirmed_by_listing() -> None:
    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        answer = http.answers(404) if "StudyInstanceUID" in request.query else http.qido(2)
        await answer(request, writer)

    async with http.server(behaviour) as server:
        found = await dicomweb(server.url)
    assert (found.answer, found.queryable, found.studies) == (WebAnswer.ENTRIES, False, 2)


async def test_dicomweb_endless_body_and_gzip_bomb_are_bounded_in_memory() -> None:
    tracemalloc.start()
    try:
        for behaviour in (
            http.gzip_bomb(500),
            http.gzip_bomb(500, b'[{"00100010":"', b"x"),
            http.floods(http.head(200, JSON) + b"[", b" " * 65536),
            http.floods(http.head(200, JSON) + b'[{"0020000D":"', b"x" * 65536),
            http.floods(http.head(200, JSON) + b'[{"', b"0" * 65536),
            http.floods(http.head(200) + http.HTML, http.HTML * 1000),
        ):
            async with http.server(behaviour) as server:
                tracemalloc.reset_peak()
                before = tracemalloc.get_traced_memory()[0]
                found = await dicomweb(server.url, timeout=SHORT * 5)
                assert found.answer in (WebAnswer.OTHER, WebAnswer.ENTRIES)
                assert found.complete is not True
                assert tracemalloc.get_traced_memory()[1] - before < 4 * 1024 * 1024
    finally:
        tracemalloc.stop()


_CHUNKED = http.head(200, {**JSON, "Transfer-Encoding": "chunked"})
FLOODS: Mapping[str, Behaviour] = {
    "100 Continue without end": http.floods(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "103 Early Hints without end": http.floods(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 1000),
    "a chunk size without end": http.floods(_CHUNKED, b"0" * 65536),
    "a chunk extension without end": http.floods(_CHUNKED + b"1;", b"x=y;" * 16384),
    "chunks of one byte of white space": http.floods(_CHUNKED, b"1\r\n \r\n" * 10000),
    "trailers without end": http.floods(_CHUNKED + b"0\r\n", b"X-More: x\r\n" * 1000),
}
"""Bytes that count against no limit of a body."""


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize("tls", [False, True], ids=["http", "https"])
async def test_dicomweb_flood_beside_the_body_is_cut_off(name: str, tls: bool, certificates: Certificates) -> None:
    theirs = _server_tls(certificates, demand=False, newest=ssl.TLSVersion.TLSv1_3) if tls else None
    async with http.server(FLOODS[name], theirs) as server:
        found = await dicomweb(server.url, timeout=60.0)
    assert not found.lists_studies
    assert found.doubts & {UnknownReason.LIMIT, UnknownReason.UNREADABLE}


async def test_dicomweb_unavailable_after_random_uid_leaves_a_doubt() -> None:
    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        answer = http.answers(200, b"[]") if "StudyInstanceUID" in request.query else http.answers(503)
        await answer(request, writer)

    async with http.server(behaviour) as server:
        found = await dicomweb(server.url)
    assert (found.answer, found.queryable, found.doubts) == (
        WebAnswer.EMPTY,
        True,
        frozenset({UnknownReason.UNAVAILABLE}),
    )


async def test_dicomweb_silence_to_random_uid_leaves_time_for_the_list() -> None:
    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        await (http.silent if "StudyInstanceUID" in request.query else http.qido(2))(request, writer)

    async with http.server(behaviour) as server:
        found = await dicomweb(server.url, timeout=2.0, connect_timeout=0.3)
    assert (found.answer, found.studies) == (WebAnswer.ENTRIES, 2)


@pytest.mark.parametrize("wanted", ["application/dicom+json", "application/json", "*/*"])
async def test_dicomweb_list_is_asked_for_as_each_media_type(wanted: str) -> None:
    async def behaviour(request: http.Request, writer: asyncio.StreamWriter) -> None:
        xml = http.answers(200, b"--b", {"Content-Type": "multipart/related; type=application/dicom+xml"})
        await (http.qido(2) if request.headers["Accept"] == wanted else xml)(request, writer)

    async with http.server(behaviour) as server:
        found = await dicomweb(server.url)
    assert (found.answer, found.studies, found.complete, found.doubts) == (WebAnswer.ENTRIES, 2, True, frozenset())


async def test_dicomweb_stranger_sends_no_credentials() -> None:
    async with http.server(http.answers(401, b"", {"WWW-Authenticate": "Basic", "Set-Cookie": "a=b"})) as server:
        await dicomweb(server.url.replace("//", "//monitor:made-up@"))
        assert [header for request in server.requests for header in request.headers if header == "Authorization"] == []


async def test_dicomweb_cookies_are_not_kept() -> None:
    async with http.server(http.answers(200, b"[]", {"Set-Cookie": "session=1; Path=/"})) as server:
        await dicomweb(server.url)
        assert len(server.requests) > 1
        assert all("Cookie" not in request.headers for request in server.requests)


async def test_dicomweb_proxy_of_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    async with http.server(http.answers(401)) as proxy, http.server(http.answers(204)) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        assert (await dicomweb(server.url)).answer is WebAnswer.EMPTY
        assert proxy.requests == []


def _server_tls(certificates: Certificates, *, demand: bool, newest: ssl.TLSVersion) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    context.load_verify_locations(certificates.authority)
    context.maximum_version = newest
    context.verify_mode = ssl.CERT_REQUIRED if demand else ssl.CERT_NONE
    return context


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_dicomweb_client_certificate_required_is_denied(
    certificates: Certificates, newest: ssl.TLSVersion
) -> None:
    tls = _server_tls(certificates, demand=True, newest=newest)
    async with http.server(http.answers(204), tls) as server:
        found = await dicomweb(server.url)
        assert (found.answer, found.client_certificate_required) == (WebAnswer.DENIED, True)
        ours = ssl.create_default_context(cafile=str(certificates.authority))
        ours.load_cert_chain(certificates.client, certificates.client_key)
        assert (await dicomweb(server.url, tls=ours)).answer is WebAnswer.EMPTY


async def test_dicomweb_scheme_other_than_the_servers_is_not_http(certificates: Certificates) -> None:
    async with http.server(http.answers(400), eager=True) as server:
        assert (await dicomweb(server.url.replace("http:", "https:"))).answer is WebAnswer.NOT_HTTP
    tls = _server_tls(certificates, demand=False, newest=ssl.TLSVersion.TLSv1_2)
    async with http.server(http.answers(204), tls) as server:
        found = await dicomweb(server.url)
        assert (found.answer, found.over_tls) == (WebAnswer.EMPTY, True)
        assert found.tls is not None
        assert found.tls.version == "TLSv1.2"
        plain = await dicomweb(server.url.replace("https:", "http:"))
        assert plain.answer is WebAnswer.NOT_HTTP


async def test_dicomweb_identity_seen_only_where_present() -> None:
    for name, patient_id, expected in (
        ("SECRET^PHI", "", True),
        ("", "PHI12345", True),
        ("", "", False),
        ("^ ^", "", False),
    ):
        async with http.server(http.qido(2, name=name, patient_id=patient_id)) as server:
            assert (await dicomweb(server.url, prove_identity=True)).identity_seen is expected


async def test_dicomweb_result_has_no_identifier(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    text = b'[{"00100010":{"vr":"PN","Value":[{"Alphabetic":"SECRET^PHI"}]},"00100020":{"vr":"LO","Value":["PHI12345"]}'
    behaviours: list[Behaviour] = [
        http.qido(3, name="SECRET^PHI", patient_id="PHI12345"),
        http.answers(200, text, {**JSON, "Content-Length": "99999"}),
        http.answers(200, text + b"}]]]]", JSON),
        http.answers(200, b'{"PatientName":"SECRET^PHI"}', JSON),
        http.sends(b"SECRET^PHI PHI12345\r\n\r\n"),
        http.sends(b"HTTP/1.1 200 SECRET^PHI\r\nPHI12345\r\n\r\n"),
        http.sends(http.head(200, {"Transfer-Encoding": "chunked"}) + b"SECRET^PHI\r\n"),
        http.answers(302, b"", {"Location": "http://elsewhere.example/SECRET^PHI/PHI12345"}),
        http.answers(500, text),
        http.drips(http.head(200, JSON) + text, b" "),
    ]
    asyncio.get_running_loop().set_debug(True)
    for behaviour in behaviours:
        async with http.server(behaviour) as server:
            found = [
                await dicomweb(server.url, prove_identity=True, prove_download=True, timeout=SHORT),
                await web(server.url, timeout=SHORT, product="DCMTK"),
            ]
        seen = repr(found) + caplog.text
        assert "SECRET" not in seen
        assert "PHI12345" not in seen
