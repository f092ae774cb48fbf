"""Targets that are seen through a proxy: in another network, and with proxies that fail in each way that they can."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dicom_exporter.config import Address, Exposure, Module, Target, Vantage
from dicom_exporter.config.values.network import ProxyURL
from dicom_exporter.enums import LadderLevel, Outcome, UnknownReason, WebAnswer
from dicom_exporter.probes.addresses import probe_dicomweb_everywhere, probe_exposure_everywhere
from dicom_exporter.probes.session import probe_session
from dicom_exporter.results import SessionResult
from dicom_exporter.verdict.findings import Kind, assess
from dicom_exporter.verdict.ladder import judge
from tests.testing.context import MONITOR, STRANGER, lookup_threads, probe_context
from tests.testing.exporting import Exposition, exporter, parsed
from tests.testing.hostile import honest, http, plain
from tests.testing.hostile.server import Behaviour, server
from tests.testing.peers.requirements import program

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs" / "vantages.md"


# -- in another network ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Exposition:
    """What the exporter shows of the targets in `tests.testing.elsewhere`."""
    for name, package in {"ip": "iproute2", "microsocks": "microsocks", "tinyproxy": "tinyproxy"}.items():
        program(name, package)
    namespaces = ("unshare", "--map-root-user", "--net", "--mount")
    if subprocess.run([*namespaces, "true"], check=False, capture_output=True).returncode:
        pytest.skip("needs network namespaces: run as root, or allow them to users")
    argv = (*namespaces, sys.executable, "-m", "tests.testing.elsewhere", str(tmp_path_factory.mktemp("elsewhere")))
    return parsed(subprocess.run(argv, check=True, capture_output=True, text=True, timeout=120).stdout)


REASONS = {
    "archive@no-login": {"vantage_refused"},
    "archive@wrong-login": {"vantage_refused"},
    "archive@dead": {"vantage"},
    "archive@dead-connect": {"vantage"},
    "archive@unnamed": {"vantage"},
    "nothing@connect": {"vantage"},  # HTTP has no word for a connection that was refused
    "name of nothing": {"address_not_tried"},
    "no name": {"address_not_tried", "vantage"},
}


@pytest.mark.parametrize(
    ("target", "level"),
    [
        ("here", 0),
        ("archive@socks", 5),
        ("archive@connect", 5),
        ("archive@login", 5),
        ("nothing@socks", 0),
        ("off@socks", 0),
        ("off@connect", 0),
        ("name@socks", 5),
        ("name@connect", 5),
        ("control@socks", 5),
        *[(target, None) for target in REASONS],
    ],
)
def test_exposure_is_that_of_the_vantage(seen: Exposition, target: str, level: int | None) -> None:
    assert seen.value("dicom_exposure_level", target=target, protocol="dimse") == level
    assert seen.value("dicom_exposure_known", target=target, protocol="dimse") == float(level is not None)
    reasons = {each.labels["reason"] for each in seen.samples if each.name == "dicom_exposure_unknown_reason"
               and each.labels["target"] == target}  # fmt: skip
    assert reasons == REASONS.get(target, set())


def test_exposure_series_and_target_info_name_the_vantage(seen: Exposition) -> None:
    for name in ("dicom_exposure_known", "dicom_target_info"):
        vantages = {each.labels["target"]: each.labels.get("vantage") for each in seen.samples if each.name == name}
        assert vantages["here"] is None
        assert vantages["archive@socks"] == "socks"
        assert vantages["archive@dead"] == "dead"


@pytest.mark.parametrize(
    ("target", "outcome"),
    [
        ("ours@socks", "success"),
        ("ours@connect", "success"),
        ("ours@dead", "proxy_failure"),
        ("ours, nothing@socks", "refused"),
        ("ours, nothing@connect", "proxy_failure"),
        ("verified@socks", "success"),
        ("verified@connect", "success"),
        ("other name@socks", "tls_failure"),
        ("other name@connect", "tls_failure"),
    ],
)
def test_outcome_of_our_own_probe_through_a_proxy(seen: Exposition, target: str, outcome: str) -> None:
    assert seen.outcome(target) == outcome


@pytest.mark.parametrize("vantage", ["socks", "connect"])
def test_certificate_is_verified_by_the_name_of_the_target(seen: Exposition, vantage: str) -> None:
    assert seen.value("dicomweb_success", target=f"verified@{vantage}") == 1
    for name in ("dicom_tls_failure", "dicomweb_tls_failure"):
        assert seen.value(name, target=f"other name@{vantage}", reason="name") == 1


@pytest.mark.parametrize(("vantage", "level"), [("socks", 5), ("connect", 5), ("dead", None)])
def test_dicomweb_and_pages_through_a_proxy(seen: Exposition, vantage: str, level: int | None) -> None:
    for protocol in ("dicomweb", "web"):
        assert seen.value("dicom_exposure_level", target=f"pages@{vantage}", protocol=protocol) == level
    assert (seen.value("dicomweb_success", target=f"pages@{vantage}") is None) is (level is None)


# -- proxies that fail -------------------------------------------------------------------------------------------------

Proxy = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
NO_LOGIN = b"\x05\x00"
UNBOUND = b"\x05\x00\x00\x01" + bytes(6)
BOUND = b"\x05\x00\x00\x01\x7f\x00\x00\x01\xc0\x00"


@contextlib.asynccontextmanager
async def proxy(behaviour: Proxy, scheme: str = "socks5") -> AsyncIterator[Vantage]:
    """A proxy on loopback, and the vantage that has it."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(OSError, asyncio.CancelledError):
            await behaviour(reader, writer)
        await close(writer)
        tasks.discard(task)

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield Vantage(ProxyURL(scheme, "127.0.0.1", listener.sockets[0].getsockname()[1]))
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def connects(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """HTTP CONNECT with a user name, by whatever address to the target's port."""
    head = await reader.readuntil(b"\r\n\r\n")
    found = re.match(rb"CONNECT \S+:([0-9]+) HTTP/1.1\r\n", head)
    assert found is not None
    assert b"\r\nProxy-Authorization: Basic bW9uaXRvcjptYWRlLXVw\r\n" in head
    writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
    await pass_on(int(found[1]), reader, writer)


async def close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


def says(*answers: bytes, then: str = "hangs") -> Proxy:
    """One of `answers` to each thing that it is told; then it hangs, closes, or passes on to the target."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = b""
        for answer in answers:
            request = await reader.read(4096)
            writer.write(answer)
            await writer.drain()
        if then == "hangs":
            await asyncio.Event().wait()
        if then == "connects":  # as some do that have said so before
            await pass_on(int.from_bytes(request[-2:], "big"), reader, writer)

    return behaviour


async def pass_on(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    there, to_there = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
            sink.write_eof()

    try:
        await asyncio.gather(copy(there, writer), copy(reader, to_there))
    finally:
        await close(to_there)


def hangs_at(port: int) -> Proxy:
    """An honest proxy, behind which packets for `port` get lost."""

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(NO_LOGIN)
        asked = int.from_bytes((await reader.read(4096))[-2:], "big")
        if asked == port:
            await asyncio.Event().wait()
        writer.write(b"\x05\x05\x00\x01" + bytes(6))

    return behaviour


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


async def stranger(vantage: Vantage, port: int, host: str = "127.0.0.1") -> SessionResult:
    module = Module("module", identity=STRANGER.name, echo=False, exposure=Exposure())
    with lookup_threads() as lookups:
        context = probe_context(lookups, STRANGER, seconds=8.0, connect_timeout=0.5)
        return await probe_exposure_everywhere(
            Target("t", Address(host, port)), module, replace(context, vantage=vantage)
        )


async def ours(vantage: Vantage, port: int) -> SessionResult:
    with lookup_threads() as lookups:
        context = probe_context(lookups, MONITOR, seconds=4.0, connect_timeout=0.5)
        target = Target("t", Address("127.0.0.1", port))
        return await probe_session(target, Module("m", identity="monitor"), replace(context, vantage=vantage))


async def dicomweb(vantage: Vantage, url: str) -> tuple[WebAnswer, frozenset[UnknownReason]]:
    target = Target("t", Address("127.0.0.1", 104), dicomweb=url)
    module = Module("module", identity=STRANGER.name, echo=False, exposure=Exposure())
    with lookup_threads() as lookups:
        context = probe_context(lookups, STRANGER, seconds=4.0, connect_timeout=0.5)
        result = await probe_dicomweb_everywhere(target, module, replace(context, vantage=vantage))
    return result.answer, result.doubts


def level_and_reasons(session: SessionResult) -> tuple[LadderLevel | None, set[str]]:
    verdict = judge([session])
    assert verdict is not None
    (level,), (reasons,) = verdict.levels.values(), verdict.reasons.values()
    return level, {reason.value for reason in reasons}


SOCKS_FAILURES: list[tuple[Proxy, str]] = [
    (says(), "vantage"),
    (says(then="closes"), "vantage"),
    (says(NO_LOGIN), "vantage"),
    (says(NO_LOGIN, then="closes"), "vantage"),
    (says(b"\x05\xff"), "vantage_refused"),
    (says(NO_LOGIN, b"\x05\x01\x00\x01" + bytes(6)), "vantage"),
    (says(NO_LOGIN, b"\x05\x02\x00\x01" + bytes(6)), "vantage_refused"),
    (says(NO_LOGIN, b"\x05\x03\x00\x01" + bytes(6)), "vantage_unreachable"),
    (says(NO_LOGIN, b"\x05\x04\x00\x01" + bytes(6)), "vantage_unreachable"),
    (says(NO_LOGIN, UNBOUND, then="closes"), "vantage"),
    (says(NO_LOGIN, UNBOUND), "vantage"),
]
CONNECT_FAILURES: list[tuple[Proxy, str]] = [
    (says(), "vantage"),
    (says(b"HTTP/1.1 403 no\r\n\r\n"), "vantage_refused"),
    (says(b"HTTP/1.1 407 no\r\n\r\n"), "vantage_refused"),
    (says(b"HTTP/1.1 502 no\r\n\r\n"), "vantage"),
    (says(b"HTTP/1.1 503 no\r\n\r\n"), "vantage"),
    (says(b"HTTP/1.1 504 no\r\n\r\n"), "vantage"),
]
FAILURES = [("socks5", *each) for each in SOCKS_FAILURES] + [("http", *each) for each in CONNECT_FAILURES]


@pytest.mark.parametrize(("scheme", "behaviour", "reason"), FAILURES)
async def test_failure_of_the_proxy_is_neither_closed_nor_down(scheme: str, behaviour: Proxy, reason: str) -> None:
    async with proxy(behaviour, scheme) as vantage, asyncio.timeout(60):
        assert level_and_reasons(await stranger(vantage, 104)) == (None, {reason})
        session = await ours(vantage, 104)
        assert session.association is Outcome.PROXY_FAILURE
        _, (finding,) = assess(Target("t", Address("127.0.0.1", 104)), [session])
        assert finding.kind is Kind.UNKNOWN
        assert finding.alert == "DicomTargetUnknown"
        answer, doubts = await dicomweb(vantage, "http://127.0.0.1:104/dicom-web")
        assert answer is WebAnswer.UNKNOWN
        assert {doubt.value for doubt in doubts} == {reason}
        answer, doubts = await dicomweb(vantage, "https://127.0.0.1:104/dicom-web")
        assert answer is WebAnswer.UNKNOWN
        assert {doubt.value for doubt in doubts} == {reason}


async def test_silence_is_the_targets_if_the_proxy_answers_others_meanwhile() -> None:
    async with proxy(hangs_at(104)) as vantage, asyncio.timeout(30):
        assert level_and_reasons(await stranger(vantage, 104)) == (LadderLevel.CLOSED, set())
        assert (await ours(vantage, 104)).association is Outcome.CONNECT_TIMEOUT


async def test_connection_refused_is_the_targets_doing() -> None:
    async with proxy(says(NO_LOGIN, b"\x05\x05\x00\x01" + bytes(6), then="closes")) as vantage:
        assert level_and_reasons(await stranger(vantage, 104)) == (LadderLevel.CLOSED, set())
        assert level_and_reasons(await stranger(vantage, 104, "pacs.example")) == (None, {"address_not_tried"})
        assert (await ours(vantage, 104)).association is Outcome.REFUSED
        assert await dicomweb(vantage, "http://127.0.0.1/") == (WebAnswer.CLOSED, frozenset())
        _, doubts = await dicomweb(vantage, "http://pacs.example/")
        assert doubts == {UnknownReason.ADDRESS_NOT_TRIED}


@pytest.mark.parametrize(
    ("behaviour", "level", "reasons"),
    [
        (honest.honest(2), LadderLevel.LISTS_STUDIES, set()),
        (plain.greets(b"SSH-2.0-synthetic\r\n"), LadderLevel.OPEN_PORT, set()),
        (plain.silent, None, {"vantage"}),  # as if there were no connection
    ],
)
async def test_proxy_that_connects_after_it_said_so_proves_what_the_target_sends(
    behaviour: Behaviour, level: LadderLevel | None, reasons: set[str]
) -> None:
    async with (
        server(behaviour) as target,
        proxy(says(NO_LOGIN, UNBOUND, then="connects")) as vantage,
        asyncio.timeout(30),
    ):
        assert level_and_reasons(await stranger(vantage, target.port)) == (level, reasons)


async def test_proxy_that_shows_its_connection_proves_an_open_port() -> None:
    async with proxy(says(NO_LOGIN, BOUND, then="closes")) as vantage:
        assert level_and_reasons(await stranger(vantage, 104)) == (LadderLevel.OPEN_PORT, set())


def dies(first: Proxy) -> Proxy:
    """A proxy whose first client is served by `first`; all others find that it does not work any more."""
    served = []

    async def behaviour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        served.append(writer)
        if len(served) == 1:
            await first(reader, writer)

    return behaviour


async def test_proxy_that_dies_after_it_connected_is_neither_an_open_port_nor_down() -> None:
    connected = says(NO_LOGIN, BOUND, then="closes")
    async with proxy(dies(connected)) as vantage:
        assert (await ours(vantage, 104)).association is Outcome.PROXY_FAILURE
    async with proxy(dies(connected)) as vantage:
        assert level_and_reasons(await stranger(vantage, 104)) == (None, {"vantage"})
    for scheme in ("http", "https"):
        async with proxy(dies(connected)) as vantage:
            found = await dicomweb(vantage, f"{scheme}://127.0.0.1:104/")
            assert found == (WebAnswer.UNKNOWN, frozenset({UnknownReason.VANTAGE}))


async def test_proxy_by_a_name_that_leads_to_a_dead_address_too() -> None:
    def dns(*_: object, **__: object) -> list[object]:
        return [(socket.AF_INET, 1, 6, "", (ip, 0)) for ip in ("127.0.0.2", "127.0.0.1")]

    async with server(honest.honest()) as target, proxy(says(NO_LOGIN, BOUND, then="connects")) as found:
        vantage = Vantage(ProxyURL("socks5", "proxy.example", found.proxy.port))
        with lookup_threads(dns) as lookups:
            context = replace(probe_context(lookups), vantage=vantage)
            session = await probe_session(
                Target("t", Address("127.0.0.1", target.port)), Module("m", identity="monitor"), context
            )
    assert session.association is Outcome.SUCCESS


async def test_redirect_to_a_name_that_only_the_proxy_knows_is_not_followed() -> None:
    async with (
        http.server(http.answers(302, headers={"Location": "http://metadata.example/"})) as web,
        proxy(says(NO_LOGIN, BOUND, then="connects")) as vantage,
    ):
        _, doubts = await dicomweb(vantage, web.url)
    assert UnknownReason.REDIRECT in doubts


async def test_configuration_of_the_docs(tmp_path: Path) -> None:
    """That of docs/vantages.md, for other proxies and ports: behind these, each address is the same open archive."""
    (text,) = re.findall(r"```yaml\n(vantages:.*?)```", DOCS.read_text(), re.S)
    (tmp_path / "proxy-password").write_text("made-up\n")
    async with (
        server(honest.honest(2)) as archive,
        proxy(says(NO_LOGIN, BOUND, then="connects")) as socks,
        proxy(connects, "http") as connect,
    ):
        text = text.replace("socks5://127.0.0.1:1080", str(socks.proxy)).replace("10.1.2.3:104", archive.address)
        text = text.replace("http://proxy.hospital.example:3128", str(connect.proxy))
        text = re.sub(r":(104|11112)$", f":{archive.port}", text, flags=re.M)
        document = yaml.safe_load(text)
        async with exporter(tmp_path, document.pop("targets"), **document) as running:
            page = await running.get(timeout=15)
    levels = {
        each.labels["target"]: (each.labels.get("vantage"), each.value)
        for each in page.samples
        if each.name == "dicom_exposure_level"
    }
    assert page.outcome("north-pacs") == "success"
    assert levels == {
        "north-pacs-public": ("internet", 5),
        "viewer-public@internet": ("internet", 5),
        "viewer-public@provider-b": ("provider-b", 5),
        "control@internet": ("internet", 5),
        "control@provider-b": ("provider-b", 5),
    }
