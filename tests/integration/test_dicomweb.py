"""DICOMweb and web pages of Orthanc: open, closed, and the counts."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import pytest

from dicom_exporter.enums import LoginScheme, WebAnswer
from tests.testing.peers import Certificates, Orthanc, synthetic
from tests.testing.web_probing import dicomweb, tls_front, web

pytestmark = pytest.mark.integration

LONG_LISTS = 90.0
"""Seconds: Orthanc 1.12.7 and 1.13.0 take 5 or 10 for a list of more than fifty studies."""
USERS = {"AuthenticationEnabled": True, "RegisteredUsers": {"monitor": "made-up"}}


def _root(archive: Orthanc) -> str:
    return f"http://127.0.0.1:{archive.http.port}/dicom-web"


async def test_dicomweb_open_archive_is_proved_and_left_unchanged(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True)
    archive.upload(synthetic.studies(120))
    before = archive.statistics(), len(archive.changes())
    found = await dicomweb(_root(archive), prove_identity=True, prove_download=True, timeout=LONG_LISTS)
    assert found.answer is WebAnswer.ENTRIES
    assert (found.queryable, found.lists_studies, found.identity_seen, found.image_received) == (True,) * 4
    assert (found.studies, found.complete, found.status, found.over_tls) == (120, True, 200, False)
    assert {"connect", "first_byte", "transfer"} <= set(found.phases)
    assert (archive.statistics(), len(archive.changes())) == before


async def test_dicomweb_proves_only_what_is_configured(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True)
    archive.upload(synthetic.studies(2))
    found = await dicomweb(_root(archive))
    assert (found.identity_seen, found.image_received) == (None, None)


async def test_dicomweb_count_at_page_size_is_confirmed(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True)
    archive.upload(synthetic.studies(100))
    found = await dicomweb(_root(archive), timeout=LONG_LISTS)
    assert (found.studies, found.complete) == (100, True)


async def test_dicomweb_counts_up_to_the_bound(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True)
    archive.upload(synthetic.studies(20))
    found = await dicomweb(_root(archive), max_studies=7)
    assert (found.studies, found.complete) == (7, False)


async def test_dicomweb_empty_archive_is_queryable(orthanc: Callable[..., Orthanc]) -> None:
    found = await dicomweb(_root(orthanc(dicomweb=True)), prove_identity=True, prove_download=True)
    assert (found.answer, found.queryable, found.lists_studies) == (WebAnswer.EMPTY, True, False)
    assert (found.studies, found.complete) == (0, True)
    assert (found.identity_seen, found.image_received) == (None, None)


async def test_dicomweb_with_authentication_denies_strangers_only(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True, **USERS)
    stranger = await dicomweb(_root(archive))
    assert (stranger.answer, stranger.queryable, stranger.status) == (WebAnswer.DENIED, False, 401)
    assert (stranger.studies, stranger.login) == (None, (LoginScheme.BASIC,))
    ours = await dicomweb(_root(archive), password="made-up")
    assert (ours.answer, ours.studies) == (WebAnswer.EMPTY, 0)
    wrong = await dicomweb(_root(archive), password="guess")
    assert wrong.answer is WebAnswer.DENIED


async def test_dicomweb_without_plugin_is_other(orthanc: Callable[..., Orthanc]) -> None:
    found = await dicomweb(_root(orthanc()))
    assert (found.answer, found.status, found.queryable) == (WebAnswer.OTHER, 404, False)


# Over TLS with a proxy in front: the Orthanc that Debian 12 has crashes at the first HTTPS request, curl's too.


def _server_tls(certificates: Certificates) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    return context


async def test_dicomweb_over_tls_has_certificate_facts(
    orthanc: Callable[..., Orthanc], certificates: Certificates
) -> None:
    archive = orthanc(dicomweb=True)
    archive.upload(synthetic.studies(2))
    async with tls_front(archive.http.port, _server_tls(certificates)) as port:
        url = f"https://127.0.0.1:{port}/dicom-web"
        stranger = await dicomweb(url, prove_download=True)
        trusting = ssl.create_default_context(cafile=str(certificates.authority))
        ours = await dicomweb(url, tls=trusting)
    assert (stranger.answer, stranger.over_tls, stranger.image_received) == (WebAnswer.ENTRIES, True, True)
    assert stranger.tls is not None
    assert stranger.tls.certificate_expiry == certificates.server_expiry.timestamp()
    assert "tls" in stranger.phases
    assert (ours.answer, ours.studies) == (WebAnswer.ENTRIES, 2)
    assert ours.tls is not None
    assert ours.tls.certificate_trusted is True


async def test_dicomweb_untrusted_certificate_has_expiry_and_no_request(
    orthanc: Callable[..., Orthanc], certificates: Certificates
) -> None:
    await _meet_an_untrusted_certificate(orthanc(dicomweb=True), certificates)


def test_dicomweb_on_uvloop_gives_the_same(orthanc: Callable[..., Orthanc], certificates: Certificates) -> None:
    """The transports of uvloop are not of asyncio's classes, and handle their sockets differently."""
    uvloop = pytest.importorskip("uvloop")
    archive = orthanc(dicomweb=True)
    uvloop.run(_meet_an_untrusted_certificate(archive, certificates))
    archive.upload(synthetic.studies(2))
    found = uvloop.run(dicomweb(_root(archive), prove_identity=True, prove_download=True))
    assert (found.studies, found.identity_seen, found.image_received) == (2, True, True)


async def _meet_an_untrusted_certificate(archive: Orthanc, certificates: Certificates) -> None:
    async with tls_front(archive.http.port, _server_tls(certificates)) as port:
        found = await dicomweb(
            f"https://127.0.0.1:{port}/dicom-web",
            tls=ssl.create_default_context(),
            password="made-up",
        )
    assert (found.answer, found.status) == (WebAnswer.NOT_HTTP, None)
    assert found.tls is not None
    assert found.tls.certificate_trusted is False
    assert found.tls.certificate_expiry == certificates.server_expiry.timestamp()
    assert "GET /dicom-web" not in archive.log


@pytest.mark.parametrize("page", ["", "/app/explorer.html", "/studies"])
async def test_web_orthanc_rest_root_lists_studies(orthanc: Callable[..., Orthanc], page: str) -> None:
    archive = orthanc()
    archive.upload(synthetic.studies(3))
    found = await web(f"http://127.0.0.1:{archive.http.port}{page}")
    assert (found.answer, found.lists_studies, found.studies) == (WebAnswer.ENTRIES, True, 3)


async def test_web_orthanc_without_studies_is_queryable(orthanc: Callable[..., Orthanc]) -> None:
    found = await web(f"http://127.0.0.1:{orthanc().http.port}/")
    assert (found.answer, found.queryable, found.lists_studies, found.studies) == (WebAnswer.EMPTY, True, False, 0)


async def test_web_orthanc_with_authentication_denies(orthanc: Callable[..., Orthanc]) -> None:
    found = await web(f"http://127.0.0.1:{orthanc(**USERS).http.port}/", product="DCMTK")
    assert (found.answer, found.queryable) == (WebAnswer.DENIED, False)
