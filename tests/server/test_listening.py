"""Where the exporter listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from dicom_exporter.server.listening import CannotListen, ListenAddress, listen, parse_listen_address

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of 127.0.0.1 where somebody listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as sock:
        yield sock.getsockname()[1]


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":10104", "", 10104),
        ("127.0.0.1:9", "127.0.0.1", 9),
        ("[::1]:9", "::1", 9),
        ("[::]:9", "::", 9),
        ("localhost:0", "localhost", 0),
    ],
)
def test_listen_address_is_parsed(text: str, host: str, port: int) -> None:
    address = parse_listen_address(text)
    assert address == ListenAddress(host, port)
    assert str(address) == text


@pytest.mark.parametrize("text", ["", "10104", "localhost", "localhost:", ":x", ":65536", ":-1", "::1:9", ":\u0663"])
def test_invalid_listen_address_is_error(text: str) -> None:
    with pytest.raises(ValueError, match="like"):
        parse_listen_address(text)


def accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=5).close()
    except OSError:
        return False
    return True


@pytest.mark.loopback
@needs_ipv6
def test_listen_without_host_accepts_ipv4_and_ipv6() -> None:
    (sock,) = listen([ListenAddress("", 0)])
    with closing(sock):
        port = sock.getsockname()[1]
        assert accepts("127.0.0.1", port)
        assert accepts("::1", port)


@pytest.mark.loopback
def test_listen_with_host_accepts_on_that_address_only() -> None:
    (sock,) = listen([ListenAddress("127.0.0.1", 0)])
    with closing(sock):
        port = sock.getsockname()[1]
        assert accepts("127.0.0.1", port)
        assert not accepts("127.0.0.2", port)


def listen_on_name(port: int, *hosts: str) -> list[socket.socket]:
    """Listen on a name that has the addresses `hosts`."""

    def getaddrinfo(_host: str, port: int, **_options: int) -> list[Any]:
        families = {host: socket.AF_INET6 if ":" in host else socket.AF_INET for host in hosts}
        return [(family, socket.SOCK_STREAM, 6, "", (host, port)) for host, family in families.items()]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", getaddrinfo)
        return listen([ListenAddress("name.test", port)])


NOT_OURS = ("192.0.2.1", "2001:db8::1")
"""Addresses for documentation (RFC 5737, RFC 3849), which no machine has."""


@pytest.mark.loopback
@pytest.mark.parametrize("hosts", [(NOT_OURS[1], "127.0.0.1"), ("127.0.0.1", NOT_OURS[1]), (NOT_OURS[0], "127.0.0.1")])
def test_listen_on_name_skips_addresses_that_are_not_here(hosts: tuple[str, ...]) -> None:
    (sock,) = listen_on_name(0, *hosts)
    with closing(sock):
        assert accepts("127.0.0.1", sock.getsockname()[1])


@pytest.mark.loopback
def test_listen_on_name_without_any_address_here_is_error() -> None:
    with pytest.raises(CannotListen, match=r"^cannot listen on name.test:0: (cannot assign|address family)"):
        listen_on_name(0, *NOT_OURS)


@pytest.mark.loopback
def test_listen_on_name_of_which_one_address_is_in_use_is_error(taken: int) -> None:
    with pytest.raises(CannotListen, match="address already in use"):
        listen_on_name(taken, "127.0.0.2", "127.0.0.1")
    assert not accepts("127.0.0.2", taken)


@pytest.mark.loopback
def test_listen_on_port_in_use_names_address_and_reason(taken: int) -> None:
    with pytest.raises(CannotListen, match=f"^cannot listen on 127.0.0.1:{taken}: address already in use$"):
        listen([ListenAddress("127.0.0.1", taken)])


@pytest.mark.loopback
def test_listen_closes_all_sockets_if_one_fails(taken: int) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        free = other.getsockname()[1]
    with pytest.raises(CannotListen):
        listen([ListenAddress("127.0.0.1", free), ListenAddress("127.0.0.1", taken)])
    assert not accepts("127.0.0.1", free)


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_listen_on_unknown_host_is_error(host: str) -> None:
    with pytest.raises(CannotListen, match="there is no such host"):
        listen([ListenAddress(host, 0)])
