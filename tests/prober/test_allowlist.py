"""Which addresses beside those of the configuration may be probed."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from dicom_exporter.config import ProbeSettings, parse_address
from dicom_exporter.config.values.network import parse_network
from dicom_exporter.net.errors import Overloaded
from dicom_exporter.net.resolver import LookupThreads, SocketAddress
from dicom_exporter.prober.allowlist import Admission, NotAllowed

ALLOW = ProbeSettings(tuple(parse_network(text) for text in ("10.0.0.0/8", "192.0.2.7", "2001:db8:1::/48")))


class Names:
    """A DNS of our own, which counts how often it is asked."""

    def __init__(self, **addresses: str) -> None:
        self.addresses = {name.replace("_", "."): address for name, address in addresses.items()}
        self.asked: list[str] = []
        self.wait: threading.Event | None = None

    def getaddrinfo(self, host: str, *_: Any, **__: Any) -> list[Any]:
        self.asked.append(host)
        if self.wait is not None:
            self.wait.wait(30)
        if host not in self.addresses:
            raise socket.gaierror("no such name")
        address = self.addresses[host]
        if ":" in address:
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", (address, 0, 0, 0))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]


@pytest.fixture
def names() -> Names:
    return Names(inside_example="10.1.2.3", outside_example="198.51.100.1", mapped_example="::ffff:10.1.2.3")


@pytest.fixture
def admission(names: Names) -> Iterator[Admission]:
    admission = Admission(LookupThreads(names.getaddrinfo, threads=1))
    yield admission
    admission.close()


async def admit(admission: Admission, text: str, settings: ProbeSettings = ALLOW) -> SocketAddress:
    """What would be connected to."""
    deadline = asyncio.get_running_loop().time() + 30
    address, resolver = await admission.admit(parse_address(text), settings, deadline)
    return await resolver.resolve(address.host, address.port)


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
async def test_what_is_allowed_is_asked_at_the_address_that_was_checked(
    admission: Admission, text: str, ip: str
) -> None:
    found = await admit(admission, text)
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
async def test_what_is_not_is_denied_in_one_way(admission: Admission, text: str) -> None:
    with pytest.raises(NotAllowed) as raised:
        await admit(admission, text)
    assert str(raised.value) == ""


async def test_nothing_is_allowed_where_nothing_is_said(admission: Admission) -> None:
    with pytest.raises(NotAllowed):
        await admit(admission, "10.1.2.3:104", ProbeSettings())


async def test_a_name_is_looked_up_once(admission: Admission, names: Names) -> None:
    """What a second lookup would say does not matter (DNS rebinding)."""
    deadline = asyncio.get_running_loop().time() + 30
    address, resolver = await admission.admit(parse_address("inside.example:104"), ALLOW, deadline)
    names.addresses["inside.example"] = "127.0.0.1"
    for _ in range(2):
        assert (await resolver.resolve(address.host, address.port)).ip == "10.1.2.3"
    assert names.asked == ["inside.example"]


async def test_a_lookup_that_takes_too_long_is_a_denial(admission: Admission, names: Names) -> None:
    names.wait = threading.Event()
    with pytest.raises(NotAllowed):
        await admission.admit(parse_address("inside.example:104"), ALLOW, asyncio.get_running_loop().time())
    names.wait.set()


async def test_names_do_not_pile_up(admission: Admission, names: Names) -> None:
    names.wait = threading.Event()
    waiting = [asyncio.create_task(admit(admission, f"name-{number}:104")) for number in range(64)]
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await admit(admission, "one-more:104")
    assert (await admit(admission, "10.1.2.3:104")).ip == "10.1.2.3"  # needs no lookup
    names.wait.set()
    assert {type(denied) for denied in await asyncio.gather(*waiting, return_exceptions=True)} == {NotAllowed}
