"""Which TLS is accepted: `openssl s_server` with old versions and suites, servers that just hang up, and mocks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from dicom_exporter.config import Address as TargetAddress
from dicom_exporter.config import Exposure, Module, Target, WebEntry
from dicom_exporter.enums import LadderService, SecureProfile, SuiteClass, TLSVersion
from dicom_exporter.net import tls_suites
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.probes import tls_posture
from dicom_exporter.probes.tls_posture import Postures, probe_tls
from dicom_exporter.results import TLSPosture
from dicom_exporter.verdict.tls_profile import judge_posture
from tests.testing.context import STRANGER, lookup_threads, probe_context
from tests.testing.exporting import exporter
from tests.testing.peers import Certificates, dcmtk, make_certificates
from tests.testing.peers.process import HOST, process, reserved_address
from tests.testing.peers.requirements import program
from tests.testing.readme import blocks

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs" / "tls.md"
DIMSE, DICOMWEB, WEB = LadderService.DIMSE, LadderService.DICOMWEB, LadderService.WEB
REFUSED = bytes.fromhex("15030300020228")
"""A fatal handshake_failure."""
NEW = {TLSVersion.TLS_1_2, TLSVersion.TLS_1_3}


@contextlib.contextmanager
def s_server(certificates: Certificates, directory: Path, *arguments: str) -> Iterator[int]:
    """The port of an `openssl s_server`."""
    keys = ("-cert", str(certificates.server), "-key", str(certificates.server_key))
    command = [program("openssl", "openssl"), "s_server", *keys, "-quiet", *arguments]
    with (
        reserved_address() as address,
        process([*command, "-accept", str(address)], directory, "s_server") as running,
    ):
        running.wait_for_port(address)
        yield address.port


async def postures(
    port: int, *, dicomweb: str | None = None, web: tuple[str, ...] = (), seconds: float = 30.0, pause: float = 0.0
) -> Postures:
    target = Target("target", TargetAddress(HOST, port), dicomweb=dicomweb, web=tuple(WebEntry(page) for page in web))
    module = Module("module", identity=STRANGER.name, echo=False, exposure=Exposure(tls=True))
    with lookup_threads() as lookups:
        context = probe_context(lookups, STRANGER, seconds=seconds)
        limits = ConnectionLimits(pause=pause)
        return await probe_tls(target, module, replace(context, limits=limits))


async def posture(port: int, **options: Any) -> TLSPosture:
    ((found,),) = (await postures(port, **options)).values()
    return found


def accepted(found: TLSPosture) -> set[TLSVersion | SuiteClass]:
    return {each for held in (found.versions, found.suites) for each, is_accepted in held.items() if is_accepted}


async def test_posture_of_a_server_with_good_settings(certificates: Certificates, tmp_path: Path) -> None:
    with s_server(certificates, tmp_path, "-cipher", "ECDHE+AESGCM") as port:
        found = await posture(port)
    assert accepted(found) == NEW
    assert found.versions.keys() == set(TLSVersion)
    assert found.suites.keys() == set(SuiteClass)
    assert found.dh_bits == 0
    assert found.certificate is not None
    assert (found.certificate.kind, found.certificate.bits, found.certificate.hash) == ("ec", 256, "sha256")


@pytest.mark.parametrize(
    ("arguments", "versions", "suites"),
    [
        (("-cipher", "ALL:eNULL:@SECLEVEL=0"), {*NEW, TLSVersion.TLS_1_0, TLSVersion.TLS_1_1},
         {SuiteClass.NULL, SuiteClass.ANONYMOUS, SuiteClass.CBC, SuiteClass.OTHER}),
        (("-tls1", "-cipher", "ALL:@SECLEVEL=0"), {TLSVersion.TLS_1_0}, {SuiteClass.ANONYMOUS, SuiteClass.CBC}),
        (("-tls1_1", "-cipher", "ECDHE:!eNULL:@SECLEVEL=0"), {TLSVersion.TLS_1_1}, {SuiteClass.CBC}),
        (("-tls1_2", "-cipher", "NULL:@SECLEVEL=0"), {TLSVersion.TLS_1_2}, {SuiteClass.NULL}),
        (("-tls1_3",), {TLSVersion.TLS_1_3}, set()),
    ],
)  # fmt: skip
async def test_posture_names_what_openssl_accepts(
    certificates: Certificates,
    tmp_path: Path,
    arguments: tuple[str, ...],
    versions: set[TLSVersion],
    suites: set[SuiteClass],
) -> None:
    with s_server(certificates, tmp_path, *arguments) as port:
        found = await posture(port)
    assert accepted(found) == versions | suites
    assert found.versions.keys() == set(TLSVersion)
    assert found.suites.keys() == set(SuiteClass)


@pytest.mark.parametrize(
    ("profile", "bcp195", "modified"),
    [((), True, True), (("+pa",), False, False), (("+pn",), False, False)],
    ids=["its default", "the retired AES profile", "without encryption"],
)
async def test_posture_of_storescp_is_that_of_its_profile(
    storescp: Callable[..., dcmtk.Server], tmp_path: Path, profile: tuple[str, ...], bcp195: bool, modified: bool
) -> None:
    """The suites of DCMTK 3.6.7 need a key of RSA."""
    server = storescp(tls=make_certificates(tmp_path / "rsa", rsa=True), options=profile)
    found = await posture(server.dicom.port)
    kept = {profile: judged.value for profile, judged in judge_posture(found, None).items()}
    assert kept == {SecureProfile.BCP195: bcp195, SecureProfile.MODIFIED: modified}
    assert found.suites[SuiteClass.NULL] is (profile == ("+pn",))


async def test_posture_of_a_server_that_demands_a_certificate(certificates: Certificates, tmp_path: Path) -> None:
    demands = ("-Verify", "1", "-verify_return_error", "-CAfile", str(certificates.authority), "-tls1_2")
    with s_server(certificates, tmp_path, *demands, "-cipher", "ECDHE+AESGCM") as port:
        found = await posture(port)
    assert accepted(found) == {TLSVersion.TLS_1_2}
    assert found.certificate is not None


def hello(version: int, suite: int) -> bytes:
    body = version.to_bytes(2, "big") + bytes(32) + b"\0" + suite.to_bytes(2, "big") + b"\0"
    content = b"\2" + len(body).to_bytes(3, "big") + body
    return b"\x16\x03\x03" + len(content).to_bytes(2, "big") + content + b"\x16\x03\x03\0\4\x0e\0\0\0"


class Offer:
    """A ClientHello, as far as a mock needs it."""

    def __init__(self, record: bytes) -> None:
        self.record = record
        body = record[9:]
        self.version = int.from_bytes(body[:2], "big")
        session = 35 + body[34]
        length = int.from_bytes(body[session : session + 2], "big")
        codes = body[session + 2 : session + 2 + length]
        self.suites = [int.from_bytes(codes[i : i + 2], "big") for i in range(0, length, 2)]
        self.is_newest = 0x1301 in self.suites


Answering = Callable[[Offer], bytes | None]
"""The answer to a ClientHello; nothing: it hangs up; None: it is silent."""


@contextlib.asynccontextmanager
async def mock(answer: Answering) -> AsyncIterator[tuple[int, list[Offer]]]:
    """A server that answers each ClientHello with some bytes: its port, and what it was offered."""
    offers: list[Offer] = []
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            head = await reader.readexactly(5)
            offers.append(Offer(head + await reader.readexactly(int.from_bytes(head[3:], "big"))))
            data = answer(offers[-1])
            if data is None:
                await reader.read()
            else:
                writer.write(data)
                await writer.drain()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    listener = await asyncio.start_server(serve, HOST, 0)
    try:
        yield listener.sockets[0].getsockname()[1], offers
    finally:
        listener.close()
        await asyncio.gather(*serving)


def old(*classes: SuiteClass, version: int = 0x0301, refusal: bytes | None = REFUSED) -> Answering:
    """A server with suites of these classes alone, up to `version`."""
    known = {code for each in classes for code in tls_suites.WEAK[each]}

    def answer(offer: Offer) -> bytes | None:
        suite = next((code for code in offer.suites if code in known), None)
        return refusal if suite is None or offer.is_newest else hello(min(version, offer.version), suite)

    return answer


@pytest.mark.parametrize("suites", SuiteClass)
async def test_posture_finds_each_class_of_suites(suites: SuiteClass) -> None:
    async with mock(old(suites)) as (port, _):
        found = await posture(port)
    assert found.suites == {each: each is suites for each in SuiteClass}


async def test_posture_finds_ssl_3() -> None:
    async with mock(old(SuiteClass.RC4, version=0x0300)) as (port, _):
        found = await posture(port)
    assert {version for version, is_accepted in found.versions.items() if is_accepted} == {TLSVersion.SSL_3}


async def test_posture_has_a_bound_of_handshakes() -> None:
    async with mock(old(*SuiteClass)) as (port, offers):
        found = await posture(port)
    assert found.suites == dict.fromkeys(SuiteClass, True)
    assert len(offers) <= 17


async def test_posture_of_a_server_that_hangs_up_where_it_refuses() -> None:
    async with mock(old(SuiteClass.CBC, version=0x0303, refusal=b"")) as (port, _):
        found = await posture(port)
    assert found.suites == {each: each is SuiteClass.CBC for each in SuiteClass}
    assert found.versions[TLSVersion.TLS_1_3] is False


async def test_posture_is_not_known_where_a_server_hangs_up_and_answers_no_more() -> None:
    answered = 0

    def twice(offer: Offer) -> bytes:
        nonlocal answered
        answered += 1
        return hello(0x0303, 0xC02F) if 0xC02F in offer.suites and answered <= 2 else b""

    async with mock(twice) as (port, _):
        found = await posture(port)
    assert found.versions.get(TLSVersion.TLS_1_2) is True
    assert found.suites == {}
    assert TLSVersion.TLS_1_0 not in found.versions


async def test_posture_is_not_known_of_what_was_answered_with_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent_to_old(offer: Offer) -> bytes | None:
        return hello(0x0303, 0xC02F) if 0xC02F in offer.suites and offer.version == 0x0303 else None

    monkeypatch.setattr(tls_posture, "_SECONDS", 0.5)
    async with mock(silent_to_old) as (port, offers):
        found = await posture(port)
    assert found.versions == {TLSVersion.TLS_1_2: True}
    assert found.suites == {}
    assert len(offers) == 3


async def test_posture_is_not_known_after_an_alert_that_refuses_nothing() -> None:
    internal_error = bytes.fromhex("15030300020250")
    async with mock(old(SuiteClass.CBC, version=0x0303, refusal=internal_error)) as (port, _):
        found = await posture(port)
    assert found.suites == {SuiteClass.CBC: True}


async def test_posture_is_asked_for_under_a_name_that_the_server_knows(
    certificates: Certificates, tmp_path: Path
) -> None:
    named = ("-servername", "pacs.example", "-servername_fatal", "-cert2", str(certificates.server))
    with s_server(certificates, tmp_path, *named, "-key2", str(certificates.server_key)) as port:
        target = Target("target", TargetAddress(HOST, port))
        module = Module("module", identity=STRANGER.name, echo=False, exposure=Exposure(tls=True))
        with lookup_threads() as lookups:
            context = probe_context(lookups, STRANGER, seconds=30.0)
            names = ("other.example", "pacs.example")
            found = await probe_tls(target, module, replace(context, server_names=names))
    assert found[DIMSE][0].versions[TLSVersion.TLS_1_2] is True


def hello_of(offer: Offer) -> bytes:
    return hello(0x0303, 0xC02F) if 0xC02F in offer.suites else REFUSED


@pytest.mark.parametrize("refusal", [REFUSED, b""])
async def test_posture_is_asked_for_under_a_name_that_is_answered(refusal: bytes) -> None:
    """A gateway that goes by the name may refuse another one as if it knew no version or suite."""
    async with mock(lambda offer: hello_of(offer) if b"pacs.example" in offer.record else refusal) as (port, _):
        target = Target("target", TargetAddress(HOST, port))
        module = Module("module", identity=STRANGER.name, echo=False, exposure=Exposure(tls=True))
        with lookup_threads() as lookups:
            context = probe_context(lookups, STRANGER, seconds=30.0)
            names = ("other.example", "pacs.example")
            found = await probe_tls(target, module, replace(context, server_names=names))
    assert accepted(found[DIMSE][0]) == {TLSVersion.TLS_1_2}
    assert found[DIMSE][0].suites == dict.fromkeys(SuiteClass, False)


async def test_posture_of_a_server_that_refuses_everything_is_none() -> None:
    async with mock(lambda offer: REFUSED) as (port, _):
        assert await postures(port) == {}


async def test_refusals_of_a_server_that_answers_no_more_are_not_known() -> None:
    offered = 0

    def soon_tired(offer: Offer) -> bytes:
        nonlocal offered
        offered += 1
        return hello_of(offer) if offered <= 2 else REFUSED

    async with mock(soon_tired) as (port, _):
        found = await posture(port)
    assert found.versions == {TLSVersion.TLS_1_2: True}
    assert found.suites == {}


async def test_posture_of_plain_dicom_is_none_after_two_connections(storescp: Callable[..., dcmtk.Server]) -> None:
    assert await postures(storescp().dicom.port) == {}


async def test_posture_of_a_port_that_hangs_up_is_none() -> None:
    async with mock(lambda offer: b"") as (port, offers):
        assert await postures(port) == {}
    assert len(offers) == 2


async def test_posture_of_https_is_asked_for_once_a_server(certificates: Certificates, tmp_path: Path) -> None:
    with reserved_address() as closed:
        async with mock(old(SuiteClass.CBC, version=0x0303)) as (port, offers):
            url = f"https://{HOST}:{port}"
            found = await postures(closed.port, dicomweb=f"{url}/dicom-web", web=(f"{url}/a", f"{url}/b"))
    assert found.keys() == {DICOMWEB, WEB}
    assert found[DICOMWEB] == found[WEB]
    assert len(offers) <= 9


async def test_posture_pauses_between_handshakes(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def at_once(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(0)

    monkeypatch.setattr(asyncio, "sleep", at_once)
    async with mock(hello_of) as (port, offers):
        await postures(port, pause=3600.0)
    assert len([each for each in pauses if each > 3000]) == len(offers) - 1 > 5


async def test_posture_of_the_documentation(certificates: Certificates, tmp_path: Path) -> None:
    (text,) = blocks("yaml", DOCS)
    sections = yaml.safe_load(text)
    with s_server(certificates, tmp_path, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0") as port:
        sections["targets"][0] |= {"address": f"{HOST}:{port}", "modules": ["exposure-tls"]}
        del sections["targets"][0]["dicomweb"]
        async with exporter(tmp_path, **sections) as exporting:
            shown = await exporting.get()
    assert shown.value("dicom_tls_profile_kept", protocol="dimse", profile="bcp195") == 0
    assert shown.value("dicom_tls_version_accepted", protocol="dimse", version="TLSv1.1") == 1
    assert shown.value("dicom_tls_profile_required", profile="bcp195") == 1
    assert shown.value("dicom_exposure_check", check="tls_below_profile") == 1
