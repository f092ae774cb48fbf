"""Names that lead to several addresses of loopback, some of them dead: what we find there, and what a stranger does."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from dicom_exporter.config import Address, Exposure, Module, Target, WebEntry
from dicom_exporter.enums import Outcome, UnknownReason, WebAnswer
from dicom_exporter.probes.addresses import (
    probe_dicomweb_everywhere,
    probe_exposure_everywhere,
    probe_web_everywhere,
)
from dicom_exporter.probes.session import probe_session
from dicom_exporter.results import SessionResult, StrangerResult, WebResult
from tests.testing.context import MONITOR, STRANGER, lookup_threads, probe_context
from tests.testing.hostile import honest, http, plain
from tests.testing.hostile.server import Behaviour, server
from tests.testing.peers.process import reserved_address

pytestmark = pytest.mark.integration

DEAD, OPEN, OTHER = "127.0.0.2", "127.0.0.3", "127.0.0.4"
NO_ROUTE = "2001:db8::1"
"""Documentation addresses: no route on a machine without IPv6, and else nobody answers (RFC 3849)."""


def dns(*ips: str, others: Mapping[str, tuple[str, ...]] | None = None) -> Any:
    """Names in `others` lead to those addresses, all others to `ips`."""

    def getaddrinfo(host: str, *_: Any, family: int = 0, **__: Any) -> list[Any]:
        found = [
            (socket.AF_INET6, 1, 6, "", (ip, 0, 0, 0)) if ":" in ip else (socket.AF_INET, 1, 6, "", (ip, 0))
            for ip in (others or {}).get(host, ips)
        ]
        return [entry for entry in found if family in (0, entry[0])]

    return getaddrinfo


@pytest.fixture
def closed_port() -> Iterator[int]:
    with reserved_address() as address:
        yield address.port


@contextlib.asynccontextmanager
async def servers(**behaviours: Behaviour) -> AsyncIterator[int]:
    """One port, served on each of the addresses as `_127_0_0_3=behaviour` says."""
    async with contextlib.AsyncExitStack() as stack:
        port = stack.enter_context(reserved_address()).port
        for name, behaviour in behaviours.items():
            host = "::1" if name == "loopback6" else name.removeprefix("at_").replace("_", ".")
            await stack.enter_async_context(server(behaviour, host, port))
        yield port


async def ours(port: int, *ips: str, connect_timeout: float = 3.0) -> SessionResult:
    """A C-ECHO as `monitor`."""
    target = Target("target", Address("pacs.example", port))
    with lookup_threads(dns(*ips)) as lookups:
        context = probe_context(lookups, MONITOR, connect_timeout=connect_timeout)
        session = await probe_session(target, Module("module", identity="monitor"), context)
        record = context.notes.names.get(("pacs.example", port))
    if record is not None:
        session = replace(session, addresses=record.total, addresses_failed=len(record.failed))
    return session


async def strangers(port: int, *ips: str, connect_timeout: float = 1.0, seconds: float = 8.0) -> StrangerResult:
    target = Target("target", Address("pacs.example", port))
    module = Module("module", identity=STRANGER.name, echo=False, exposure=Exposure())
    with lookup_threads(dns(*ips)) as lookups:
        context = probe_context(lookups, STRANGER, seconds=seconds, connect_timeout=connect_timeout)
        context = replace(context, connect_proof=connect_timeout)  # as the prober makes it
        session = await probe_exposure_everywhere(target, module, context)
    assert session.stranger is not None
    return session.stranger


def lists_studies(stranger: StrangerResult) -> bool:
    return any(query.matches for attempt in stranger.attempts for query in attempt.queries.values())


@pytest.mark.parametrize("ips", [(DEAD, OPEN), (NO_ROUTE, DEAD, OPEN), (OPEN, DEAD), (DEAD, "::1")])
async def test_monitor_first_address_that_accepts_is_the_archive(ips: tuple[str, ...]) -> None:
    async with servers(at_127_0_0_3=honest.honest(2), loopback6=honest.honest(2)) as port:
        session = await ours(port, *ips, connect_timeout=0.5)
    assert session.association is Outcome.SUCCESS
    assert session.addresses == len(ips)
    live = next(index for index, ip in enumerate(ips) if ip in (OPEN, "::1"))
    assert session.addresses_failed == live


async def test_monitor_stays_at_the_address_that_accepted_whatever_it_answers() -> None:
    async with servers(
        at_127_0_0_3=plain.greets(b"HTTP/1.1 400 Bad Request\r\n\r\n"), at_127_0_0_4=honest.honest()
    ) as port:
        session = await ours(port, OPEN, OTHER)
    assert session.association is Outcome.NOT_DICOM


async def test_monitor_no_address_accepts(closed_port: int) -> None:
    session = await ours(closed_port, DEAD, OPEN)
    assert (session.association, session.addresses, session.addresses_failed) == (Outcome.REFUSED, 2, 2)


@pytest.mark.parametrize(
    "ips",
    [
        (DEAD, OPEN),
        (OPEN, DEAD),
        (OTHER, OPEN),
        (NO_ROUTE, OPEN),
        (DEAD, "::1"),
        (*[f"127.0.1.{n}" for n in range(1, 13)], OPEN),
    ],
)
async def test_stranger_furthest_address_counts(ips: tuple[str, ...]) -> None:
    async with servers(
        at_127_0_0_3=honest.honest(2), at_127_0_0_4=plain.greets(b"HTTP/1.1 400 no\r\n\r\n"), loopback6=honest.honest(2)
    ) as port:
        found = await strangers(port, *ips)
    assert lists_studies(found)
    assert found.attempts[0].outcome is Outcome.SUCCESS, "the attempts of the furthest come first"


async def test_stranger_all_addresses_closed_is_closed_without_doubt(closed_port: int) -> None:
    found = await strangers(closed_port, DEAD, OPEN, "::1")
    assert [attempt.outcome for attempt in found.attempts] == [Outcome.REFUSED] * 3
    assert not found.doubts


async def test_stranger_address_without_route_is_in_doubt(closed_port: int) -> None:
    found = await strangers(closed_port, DEAD, NO_ROUTE)
    ends = {attempt.outcome for attempt in found.attempts}
    assert found.doubts <= {UnknownReason.UNREACHABLE, UnknownReason.IP_VERSION}
    assert bool(found.doubts) is (Outcome.UNREACHABLE in ends)


async def test_stranger_more_addresses_than_are_tried_is_in_doubt(closed_port: int) -> None:
    found = await strangers(closed_port, *(f"127.0.1.{number}" for number in range(1, 21)))
    assert len(found.attempts) == 16
    assert found.doubts == {UnknownReason.ADDRESS_NOT_TRIED}


async def test_stranger_connect_that_is_cut_short_is_in_doubt() -> None:
    """Listening and never accepting, with a full queue: our SYN is not answered."""
    with contextlib.ExitStack() as stack:
        full = stack.enter_context(socket.create_server((DEAD, 0), backlog=0))
        port = full.getsockname()[1]
        for _ in range(4):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((DEAD, port))
        await asyncio.sleep(0)
        found = await strangers(port, DEAD, OPEN, connect_timeout=20.0, seconds=1.0)
    assert UnknownReason.TIMEOUT in found.doubts


@pytest.mark.parametrize("ips", [("127.0.0.2", "127.0.0.1"), ("127.0.0.1", "127.0.0.2"), (NO_ROUTE, "127.0.0.1")])
async def test_dicomweb_and_pages_furthest_address_counts(ips: tuple[str, ...]) -> None:
    async with http.server(http.answers(401)) as web:
        dicomweb, (page,) = await everywhere(web.port, *ips)
    assert (dicomweb.answer, page.answer) == (WebAnswer.DENIED, WebAnswer.DENIED)


async def test_dicomweb_and_pages_all_addresses_closed_is_closed(closed_port: int) -> None:
    dicomweb, (page,) = await everywhere(closed_port, "127.0.0.1", "127.0.0.2")
    assert (dicomweb.answer, page.answer) == (WebAnswer.CLOSED, WebAnswer.CLOSED)
    assert not dicomweb.doubts | page.doubts


@pytest.mark.parametrize("ips", [("127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.1"), ("127.0.0.1",)])
async def test_dicomweb_redirect_to_a_host_with_several_addresses_tries_them_all(ips: tuple[str, ...]) -> None:
    """The host that the redirect leads to answers 401 at one address, and nothing listens at the other."""
    async with http.server(http.answers(401)) as other:
        location = f"http://elsewhere.example:{other.port}/dicom-web/studies"
        async with http.server(http.answers(302, headers={"Location": location})) as web:
            dicomweb, _ = await everywhere(web.port, "127.0.0.1", others={"elsewhere.example": ips})
    assert dicomweb.answer is WebAnswer.DENIED
    assert not dicomweb.doubts
    assert len(other.requests) >= 1


async def everywhere(
    port: int, *ips: str, others: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[WebResult, tuple[WebResult, ...]]:
    url = f"http://pacs.example:{port}/dicom-web"
    target = Target("target", Address("192.0.2.1", 104), dicomweb=url, web=(WebEntry(url),))
    module = Module("module", identity=STRANGER.name, exposure=Exposure())
    with lookup_threads(dns(*ips, others=others)) as lookups:
        context = probe_context(lookups, STRANGER, seconds=8.0, connect_timeout=1.0)
        return (
            await probe_dicomweb_everywhere(target, module, context),
            await probe_web_everywhere(target, module, context),
        )
