"""Where the exporter listens."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

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
