"""Lookups of names: as many at once as there are, bounded, and none that costs another name its own."""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from typing import Any

import pytest

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.enums import UnknownReason
from dicom_exporter.net import resolver as module
from dicom_exporter.net.errors import NameNotResolved, Overloaded
from dicom_exporter.net.resolver import MAX_ADDRESSES, LookupThreads, Resolved, Resolver
from tests.testing.context import lookup_threads

LATER = 30.0
"""Seconds: a deadline that does not come."""


class Names:
    """A DNS of our own. Names that begin with `slow` are answered once `release` is set."""

    def __init__(self, *ips: str) -> None:
        self.ips = ips or ("192.0.2.7",)
        self.error: Exception | None = None
        self.release = threading.Event()
        self.hangs = False
        self.asked: list[str] = []
        self.began = threading.Semaphore(0)
        """Released by each lookup that begins."""

    def getaddrinfo(self, host: str, *_: Any, family: int = 0, **__: Any) -> list[Any]:
        self.asked.append(host)
        self.began.release()
        if host.startswith("slow") or self.hangs:
            assert self.release.wait(30)
        if self.error is not None:
            raise self.error
        found = [_entry(ip) for ip in self.ips]
        return [entry for entry in found if family in (0, entry[0])]

    async def all_began(self, count: int) -> None:
        for _ in range(count):
            await asyncio.to_thread(self.began.acquire)


def _entry(ip: str) -> tuple[Any, ...]:
    if ":" in ip:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (ip, 0, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 0))


async def resolve(lookups: LookupThreads, host: str, seconds: float = LATER, ip_version: int | None = None) -> Resolved:
    deadline = asyncio.get_running_loop().time() + seconds
    return await Resolver(lookups).resolve(host, 104, ip_version, deadline)


def ips(found: Resolved) -> list[str]:
    return [address.ip for address in found.addresses]


def test_socket_address_link_local_host_has_the_interface() -> None:
    """The system's resolver gives the interface as a number; without it the address leads nowhere."""
    address = SocketAddress(socket.AF_INET6, "fe80::1", 104, scope_id=1)
    ((*_, sockaddr),) = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )
    assert sockaddr == address.sockaddr


async def test_resolver_all_addresses_in_the_order_of_the_system_each_once() -> None:
    names = Names("2001:db8::1", "192.0.2.7", "192.0.2.8", "192.0.2.7")
    with lookup_threads(names.getaddrinfo) as lookups:
        found = await resolve(lookups, "pacs.example")
        narrowed = await resolve(lookups, "pacs.example", ip_version=4)
    assert (ips(found), found.total, found.doubt) == (["2001:db8::1", "192.0.2.7", "192.0.2.8"], 3, None)
    assert ips(narrowed) == ["192.0.2.7", "192.0.2.8"]


async def test_resolver_addresses_beyond_the_limit_are_counted_only() -> None:
    names = Names(*(f"192.0.2.{number}" for number in range(1, 41)))
    with lookup_threads(names.getaddrinfo) as lookups:
        found = await resolve(lookups, "pacs.example")
    assert (len(found.addresses), found.total) == (MAX_ADDRESSES, 40)


@pytest.mark.parametrize("slow", [4, 40])
async def test_resolver_names_that_hang_cost_no_other_name_its_lookup(slow: int) -> None:
    names = Names()
    with lookup_threads(names.getaddrinfo) as lookups:
        hanging = [asyncio.create_task(resolve(lookups, f"slow{number}")) for number in range(slow)]
        await names.all_began(slow)
        assert ips(await resolve(lookups, "quick.example")) == ["192.0.2.7"]
        names.release.set()
        await asyncio.gather(*hanging)


async def test_resolver_lookup_that_began_and_is_not_answered_is_dns_failure() -> None:
    names = Names()
    with lookup_threads(names.getaddrinfo) as lookups:
        hanging = asyncio.create_task(resolve(lookups, "slow.example"))
        await names.all_began(1)
        with pytest.raises(NameNotResolved):
            await resolve(lookups, "slow.example", 0.0)
        names.release.set()
        await hanging
    assert names.asked == ["slow.example"], "the second joins the lookup of the first"


async def test_resolver_lookup_that_never_began_is_overload() -> None:
    names = Names()
    lookups = LookupThreads(names.getaddrinfo, max_threads=2)
    hanging = [asyncio.create_task(resolve(lookups, f"slow{number}")) for number in range(2)]
    await names.all_began(2)
    with pytest.raises(Overloaded):
        await resolve(lookups, "quick.example", 0.01)
    names.release.set()
    await asyncio.gather(*hanging)
    lookups.close()


async def test_resolver_lookup_that_began_late_is_overload() -> None:
    names = Names()
    lookups = LookupThreads(names.getaddrinfo, max_threads=1)
    lookup = lookups.submit(("slow.example", None))
    await names.all_began(1)
    assert lookup.began is not None
    long_ago, just_now = lookup.began - 30, lookup.began
    assert isinstance(lookup.why_not_ended(long_ago, late=False), Overloaded)
    assert isinstance(lookup.why_not_ended(just_now, late=False), NameNotResolved)
    assert isinstance(lookup.why_not_ended(just_now, late=True), Overloaded)
    names.release.set()
    await lookup.future
    lookups.close()


async def test_resolver_last_answer_is_used_where_the_lookup_does_not_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    names = Names()
    with lookup_threads(names.getaddrinfo) as lookups:
        assert (await resolve(lookups, "pacs.example")).doubt is None
        names.hangs = True
        found = await resolve(lookups, "pacs.example")
        assert ips(found) == ["192.0.2.7"]
        assert found.doubt in (UnknownReason.DNS_FAILURE, UnknownReason.OVERLOAD)
        names.release.set()


async def test_resolver_last_answer_is_used_where_no_thread_is_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE", 0.01)
    names = Names()
    lookups = LookupThreads(names.getaddrinfo, max_threads=1)
    await resolve(lookups, "pacs.example")
    await names.all_began(1)
    hanging = asyncio.create_task(resolve(lookups, "slow.example"))
    await names.all_began(1)
    assert (await resolve(lookups, "pacs.example")).doubt is UnknownReason.OVERLOAD
    names.release.set()
    await hanging
    lookups.close()


async def test_resolver_last_answer_stands_in_for_a_name_server_that_does_not_answer() -> None:
    names = Names()
    with lookup_threads(names.getaddrinfo) as lookups:
        await resolve(lookups, "pacs.example")
        names.error = socket.gaierror(socket.EAI_AGAIN, "no answer")
        assert (await resolve(lookups, "pacs.example")).doubt is UnknownReason.DNS_FAILURE
        with pytest.raises(NameNotResolved):
            await resolve(lookups, "other.example")


async def test_resolver_name_that_is_gone_is_dns_failure_and_forgotten() -> None:
    names = Names()
    with lookup_threads(names.getaddrinfo) as lookups:
        await resolve(lookups, "pacs.example")
        for error in (socket.EAI_NONAME, socket.EAI_AGAIN):
            names.error = socket.gaierror(error, "no such name")
            with pytest.raises(NameNotResolved):
                await resolve(lookups, "pacs.example")


async def test_resolver_last_answer_that_is_too_old_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    names = Names()
    with lookup_threads(names.getaddrinfo) as lookups:
        await resolve(lookups, "pacs.example")
        monkeypatch.setattr(module, "MAX_AGE", -1.0)
        names.error = socket.gaierror(socket.EAI_AGAIN, "no answer")
        with pytest.raises(NameNotResolved):
            await resolve(lookups, "pacs.example")


async def test_resolver_last_answers_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_ANSWERS", 2)
    with lookup_threads(Names().getaddrinfo) as lookups:
        for host in ("a.example", "b.example", "a.example", "c.example"):
            await resolve(lookups, host)
        assert [lookups.last((f"{host}.example", None)) is not None for host in "abc"] == [True, False, True]


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (socket.gaierror(socket.EAI_NONAME, "no such name"), NameNotResolved),
        (UnicodeError(), NameNotResolved),
        (OSError(errno.EMFILE, "too many open files"), Overloaded),
        (socket.gaierror(socket.EAI_MEMORY, "no memory"), Overloaded),
    ],
)
async def test_resolver_error_of_the_system_is_dns_failure_or_overload(
    error: Exception, expected: type[Exception]
) -> None:
    names = Names()
    names.error = error
    with lookup_threads(names.getaddrinfo) as lookups, pytest.raises(expected):
        await resolve(lookups, "pacs.example")


async def test_lookup_threads_idle_thread_is_used_again_and_ends_after_a_while() -> None:
    names = Names()
    lookups = LookupThreads(names.getaddrinfo, idle=0.0)
    for _ in range(5):
        await resolve(lookups, "pacs.example")
    for thread in threading.enumerate():
        if thread.name == "resolve":
            await asyncio.to_thread(thread.join, 30)
    assert lookups.running == 0
    assert ips(await resolve(lookups, "pacs.example")) == ["192.0.2.7"]
    lookups.close()


async def test_lookup_threads_no_more_threads_than_allowed() -> None:
    names = Names()
    lookups = LookupThreads(names.getaddrinfo, max_threads=3)
    hanging = [asyncio.create_task(resolve(lookups, f"slow{number}")) for number in range(20)]
    await names.all_began(3)
    assert (lookups.running, lookups.pending) == (3, 20)
    names.release.set()
    await asyncio.gather(*hanging)
    lookups.close()


async def test_lookup_threads_system_without_threads_is_overload(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with lookup_threads(Names().getaddrinfo) as lookups, pytest.raises(Overloaded):
        await resolve(lookups, "pacs.example", 0.01)
