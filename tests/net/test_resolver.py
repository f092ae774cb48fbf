"""Where to connect, as event loops and sockets take it."""

from __future__ import annotations

import socket

import pytest

from dicom_exporter.net.resolver import SocketAddress, literal


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1"])
def test_an_ip_address_is_given_as_it_is(host: str) -> None:
    address = literal(host, 104)
    assert address is not None
    assert (address.host, address.port) == (host, 104)


def test_a_link_local_address_keeps_its_interface() -> None:
    """The system's resolver gives the interface as a number; without it the address leads nowhere."""
    address = SocketAddress(socket.AF_INET6, "fe80::1", 104, scope_id=1)
    ((*_, sockaddr),) = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )
    assert sockaddr == address.sockaddr
