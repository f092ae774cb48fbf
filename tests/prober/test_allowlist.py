"""Which addresses that the configuration does not name may be probed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dicom_exporter.config import ProbeSettings, parse_address
from dicom_exporter.config.values.network import SocketAddress, parse_network
from dicom_exporter.net.errors import Overloaded
from dicom_exporter.net.resolver import LookupThreads
from dicom_exporter.prober.allowlist import Allowlist, NotAllowed
from tests.testing.context import lookup_threads, probe_context

ALLOW = ProbeSettings(tuple(parse_network(text) for text in ("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48")))


class Names:
    """A DNS of our own, which counts how often it is asked."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = {name.replace("_", "."): address for name, address in addresses.items()}
        self.asked: list[str] = []
        self.began = threading.Semaphore(0)
        self.wait: threading.Event | None = None

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        self.began.release()
        if self.wait is not None:
            self.wait.wait(30)
        if host not in self.addresses:
            raise socket.gaierror("no such name")
        return [_entry(address) for address in self.addresses[host].split()]


def _entry(address: str) -> tuple[Any, ...]:
    if ":" in address:
        return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))
    return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))


@pytest.fixture
def names() -> Names:
    return Names(
        inside_example="10.1.2.3",
        outside_example="198.51.100.1",
        mapped_example="::ffff:10.1.2.3",
        several_example="198.51.100.1 10.1.2.4 ::ffff:10.1.2.3",
    )


@pytest.fixture
def allowlist(names: Names) -> Iterator[Allowlist]:
    allowlist = Allowlist(LookupThreads(names.getaddrinfo, max_threads=1))
    yield allowlist
    allowlist.close()


async def check(allowlist: Allowlist, text: str, settings: ProbeSettings = ALLOW) -> SocketAddress:
    """What would be connected to."""
    deadline = asyncio.get_running_loop().time() + 30
    address = await allowlist.check(parse_address(text), settings, deadline)
    return address.socket_addresses[0]


@pytest.mark.parametrize(
    ("text", "ip"),
    [
        ("10.1.2.3:104", "10.1.2.3"),
        ("192.0.2.7:104", "192.0.2.7"),
        ("[2001:db8:1::5]:104", "2001:db8:1::5"),
        ("[::ffff:10.1.2.3]:104", "10.1.2.3"),
        ("[::ffff:a01:203]:104", "10.1.2.3"),
        ("inside.example:104", "10.1.2.3"),
        ("INSIDE.example:104", "10.1.2.3"),
        ("mapped.example:104", "10.1.2.3"),
    ],
)
async def test_allowlist_address_inside_is_allowed_in_any_spelling(allowlist: Allowlist, text: str, ip: str) -> None:
    found = await check(allowlist, text)
    assert (found.ip, found.port) == (ip, 104)
    assert found.family == (socket.AF_INET6 if ":" in ip else socket.AF_INET)


@pytest.mark.parametrize(
    "text",
    [
        "192.0.2.8:104",
        "127.0.0.1:104",
        "0.0.0.0:104",
        "[::1]:104",
        "[::]:104",
        "[2001:db8:2::5]:104",
        "[::ffff:127.0.0.1]:104",
        "[::ffff:192.0.2.8]:104",
        "[::10.1.2.3]:104",  # the deprecated IPv4-compatible form goes elsewhere
        "outside.example:104",
        "nowhere.example:104",
    ],
)
async def test_allowlist_address_outside_or_unknown_is_denied_alike(allowlist: Allowlist, text: str) -> None:
    with pytest.raises(NotAllowed) as raised:
        await check(allowlist, text)
    assert str(raised.value) == ""


async def test_allowlist_empty_denies_everything(allowlist: Allowlist) -> None:
    with pytest.raises(NotAllowed):
        await check(allowlist, "10.1.2.3:104", ProbeSettings())


async def test_allowlist_name_is_connected_to_at_the_address_that_was_checked(
    allowlist: Allowlist, names: Names
) -> None:
    """A second lookup could lead elsewhere (DNS rebinding), so there is none."""
    deadline = asyncio.get_running_loop().time() + 30
    address = await allowlist.check(parse_address("inside.example:104"), ALLOW, deadline)
    names.addresses["inside.example"] = "127.0.0.1"
    with lookup_threads(names.getaddrinfo) as lookups:
        assert (await probe_context(lookups).resolve(address)).addresses[0].ip == "10.1.2.3"
    assert str(address) == "inside.example:104"
    assert names.asked == ["inside.example"]


async def test_allowlist_lookup_past_the_deadline_is_denied(allowlist: Allowlist, names: Names) -> None:
    names.wait = threading.Event()
    first = asyncio.create_task(check(allowlist, "inside.example:104"))
    await asyncio.to_thread(names.began.acquire)
    with pytest.raises(NotAllowed):
        await allowlist.check(parse_address("inside.example:104"), ALLOW, asyncio.get_running_loop().time())
    names.wait.set()
    await first


async def test_allowlist_lookup_that_never_began_is_overload(allowlist: Allowlist, names: Names) -> None:
    names.wait = threading.Event()
    first = asyncio.create_task(check(allowlist, "inside.example:104"))
    await asyncio.to_thread(names.began.acquire)
    with pytest.raises(Overloaded):
        await allowlist.check(parse_address("outside.example:104"), ALLOW, asyncio.get_running_loop().time())
    names.wait.set()
    await first


async def test_allowlist_name_with_several_addresses_keeps_those_that_are_allowed(
    allowlist: Allowlist, names: Names
) -> None:
    deadline = asyncio.get_running_loop().time() + 30
    address = await allowlist.check(parse_address("several.example:104"), ALLOW, deadline)
    assert [each.ip for each in address.socket_addresses] == ["10.1.2.4", "10.1.2.3"]
    assert address.incomplete
    address = await allowlist.check(parse_address("inside.example:104"), ALLOW, deadline)
    assert not address.incomplete


async def test_allowlist_lookups_are_bounded(allowlist: Allowlist, names: Names) -> None:
    names.wait = threading.Event()
    waiting = [asyncio.create_task(check(allowlist, f"name-{number}:104")) for number in range(64)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await check(allowlist, "one-more:104")
    assert (await check(allowlist, "10.1.2.3:104")).ip == "10.1.2.3"  # needs no lookup
    names.wait.set()
    assert {type(denied) for denied in await asyncio.gather(*waiting, return_exceptions=True)} == {NotAllowed}
