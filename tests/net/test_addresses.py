"""Names with several addresses: the first that accepts for us, and all of them for a stranger. No socket is opened."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from typing import Any

import pytest

from dicom_exporter.config import Address
from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.enums import UnknownReason
from dicom_exporter.net.addresses import connect_to_first, judge_silence, probe_each
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import (
    ConnectionRefused,
    ConnectTimeout,
    NameNotResolved,
    NetworkUnreachable,
    Overloaded,
    ProbeEnded,
)
from tests.testing.context import lookup_threads, probe_context

NAME = Address("pacs.example", 104)
REFUSED, SILENT, NO_ROUTE = ConnectionRefused("refused"), ConnectTimeout("silent"), NetworkUnreachable("no route")
BUSY = Overloaded("no descriptor")


def dns(*ips: str) -> Any:
    def getaddrinfo(*_: Any, **__: Any) -> list[Any]:
        if not ips:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [
            (socket.AF_INET6, 1, 6, "", (ip, 0, 0, 0)) if ":" in ip else (socket.AF_INET, 1, 6, "", (ip, 0))
            for ip in ips
        ]

    return getaddrinfo


class Network:
    """Addresses and how a connection to each ends; the others accept."""

    def __init__(self, ends: Mapping[str, ProbeEnded]) -> None:
        self.ends = ends
        self.tried: list[str] = []

    async def connect(self, address: SocketAddress, until: float) -> str:
        assert until > asyncio.get_running_loop().time()
        self.tried.append(address.ip)
        if address.ip in self.ends:
            raise self.ends[address.ip]
        return address.ip


@pytest.mark.parametrize("end", [REFUSED, SILENT, NO_ROUTE, BUSY])
async def test_connect_to_first_goes_on_where_an_address_accepts_no_connection(end: ProbeEnded) -> None:
    network = Network({"2001:db8::1": end})
    with lookup_threads(dns("2001:db8::1", "192.0.2.2", "192.0.2.3")) as lookups:
        context = probe_context(lookups)
        assert await connect_to_first(NAME, context, network.connect) == "192.0.2.2"
        assert await connect_to_first(NAME, context, network.connect) == "192.0.2.2"
    assert network.tried == ["2001:db8::1", "192.0.2.2", "192.0.2.2"], "the rest of the probe stays there"
    record = context.notes.names["pacs.example", 104]
    assert (record.total, len(record.failed)) == (3, 0 if end is BUSY else 1)


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ((NO_ROUTE, REFUSED), ConnectionRefused),
        ((SILENT, NO_ROUTE), ConnectTimeout),
        ((NO_ROUTE, NO_ROUTE), NetworkUnreachable),
        ((REFUSED, BUSY), Overloaded),
        ((REFUSED, SILENT), ConnectionRefused),
    ],
)
async def test_connect_to_first_without_any_connection_ends_as_what_says_most(
    ends: tuple[ProbeEnded, ...], expected: type[ProbeEnded]
) -> None:
    ips = ("192.0.2.1", "192.0.2.2")
    with lookup_threads(dns(*ips)) as lookups, pytest.raises(expected):
        await connect_to_first(NAME, probe_context(lookups), Network(dict(zip(ips, ends, strict=True))).connect)


async def test_connect_to_first_single_address_is_not_recorded() -> None:
    with lookup_threads(dns("192.0.2.1")) as lookups:
        context = probe_context(lookups)
        await connect_to_first(NAME, context, Network({}).connect)
    assert not context.notes.names


async def test_connect_to_first_past_the_deadline_is_overload_for_the_rest() -> None:
    async def slow(address: SocketAddress, until: float) -> None:
        await asyncio.sleep(until - asyncio.get_running_loop().time())
        raise ConnectTimeout("silent")

    with lookup_threads(dns("192.0.2.1", "192.0.2.2")) as lookups:
        context = probe_context(lookups, seconds=0.05)
        with pytest.raises((Overloaded, ConnectTimeout)):
            await connect_to_first(NAME, context, slow)


async def each(context: ProbeContext, *furthest: str, at_least: float = 0.0) -> tuple[list[str], frozenset[Any]]:
    """The addresses that `probe_each` tried, each of which is its own result."""

    async def probe(own: ProbeContext) -> str:
        resolved = await own.resolve(NAME)
        assert len(resolved.addresses) == 1
        return resolved.addresses[0].ip

    found = await probe_each(NAME, context, probe, at_least=at_least, is_furthest=lambda ip: ip in furthest)
    return [result for _, result in found.results], found.doubts


async def test_probe_each_tries_all_addresses_in_order() -> None:
    with lookup_threads(dns("192.0.2.2", "2001:db8::1", "192.0.2.1")) as lookups:
        found = await each(probe_context(lookups))
    assert found == (["192.0.2.2", "2001:db8::1", "192.0.2.1"], frozenset())


async def test_probe_each_stops_where_nobody_gets_further() -> None:
    with lookup_threads(dns(*(f"192.0.2.{number}" for number in range(1, 41)))) as lookups:
        found = await each(probe_context(lookups), "192.0.2.2")
    assert found == (["192.0.2.1", "192.0.2.2"], frozenset())


async def test_probe_each_addresses_beyond_the_limit_are_in_doubt() -> None:
    with lookup_threads(dns(*(f"192.0.2.{number}" for number in range(1, 41)))) as lookups:
        tried, doubts = await each(probe_context(lookups))
    assert len(tried) == 16
    assert doubts == {UnknownReason.ADDRESS_NOT_TRIED}


async def test_probe_each_without_time_the_rest_is_in_doubt() -> None:
    with lookup_threads(dns("192.0.2.1", "192.0.2.2")) as lookups:
        context = probe_context(lookups)
        await context.resolve(NAME)
        late = context.until(0.0)
        assert await each(late) == (["192.0.2.1"], frozenset({UnknownReason.ADDRESS_NOT_TRIED}))


@pytest.mark.parametrize(("at_least", "share"), [(0.0, 50.0), (80.0, 80.0), (500.0, 100.0)])
async def test_probe_each_time_of_an_address_is_an_even_share_or_what_it_needs(at_least: float, share: float) -> None:
    shares: list[float] = []

    async def probe(own: ProbeContext) -> None:
        shares.append(own.deadline - asyncio.get_running_loop().time())

    with lookup_threads(dns("192.0.2.1", "192.0.2.2")) as lookups:
        context = probe_context(lookups, seconds=100.0)
        await probe_each(NAME, context, probe, at_least=at_least, is_furthest=lambda _: False)
    assert shares[0] == pytest.approx(share, abs=5.0)


async def test_probe_each_name_that_does_not_resolve_is_left_to_the_probe() -> None:
    with lookup_threads(dns()) as lookups, pytest.raises(NameNotResolved):
        await each(probe_context(lookups))


async def test_probe_each_some_addresses_not_allowed_are_in_doubt() -> None:
    only = SocketAddress(socket.AF_INET, "192.0.2.1", 104)
    address = Address("pacs.example", 104, (only,), incomplete=True)

    async def probe(own: ProbeContext) -> int:
        return len((await own.resolve(address)).addresses)

    with lookup_threads(dns()) as lookups:
        found = await probe_each(address, probe_context(lookups), probe, at_least=0.0, is_furthest=lambda _: False)
    assert found.doubts == {UnknownReason.ADDRESS_NOT_TRIED}


@pytest.mark.parametrize(("waited", "doubts"), [(3.0, set()), (2.9, {UnknownReason.TIMEOUT})])
async def test_silence_proves_nothing_if_it_was_cut_short(waited: float, doubts: set[UnknownReason]) -> None:
    with lookup_threads() as lookups:
        context = probe_context(lookups, connect_timeout=3.0)
        judged = judge_silence(SILENT, waited, NAME, context)
    assert (judged is SILENT) is (not doubts)
    assert isinstance(judged, Overloaded) is bool(doubts)
    assert context.notes.doubts == doubts


async def test_connect_to_first_refusal_does_not_hide_that_another_address_had_too_little_time() -> None:
    with lookup_threads(dns("192.0.2.1", "192.0.2.2")) as lookups:
        context = probe_context(lookups)

        async def connect(address: SocketAddress, until: float) -> None:
            raise REFUSED if address.ip == "192.0.2.1" else judge_silence(SILENT, 0.1, NAME, context)

        with pytest.raises(Overloaded):
            await connect_to_first(NAME, context, connect)
