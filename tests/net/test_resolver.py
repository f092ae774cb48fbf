"""Where to connect, as event loops and sockets take it."""

from __future__ import annotations

import socket

from dicom_exporter.config.values.network import SocketAddress


def test_socket_address_link_local_host_has_the_interface() -> None:
    """The system's resolver gives the interface as a number; without it the address leads nowhere."""
    address = SocketAddress(socket.AF_INET6, "fe80::1", 104, scope_id=1)
    ((*_, sockaddr),) = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST
    )
    assert sockaddr == address.sockaddr
