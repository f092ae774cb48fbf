"""The rule of tests/conftest.py: a test without a marker cannot use an Internet socket."""

from __future__ import annotations

import asyncio
import socket

import pytest

ADDRESS = ("127.0.0.1", 9)


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
@pytest.mark.parametrize("method", ["bind", "connect", "connect_ex"])
def test_socket_without_marker_fails_the_test(family: socket.AddressFamily, method: str) -> None:
    with socket.socket(family) as sock, pytest.raises(pytest.fail.Exception, match="marked `loopback`"):
        getattr(sock, method)(ADDRESS)


def test_datagram_without_marker_fails_the_test() -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(pytest.fail.Exception):
        sock.sendto(b"", ADDRESS)


async def test_connection_of_the_event_loop_without_marker_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception):
        await asyncio.open_connection(*ADDRESS)


def test_socket_pair_without_marker_is_allowed() -> None:
    one, other = socket.socketpair()
    with one, other:
        one.sendall(b"x")
        assert other.recv(1) == b"x"


@pytest.mark.loopback
def test_socket_with_marker_is_allowed() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
