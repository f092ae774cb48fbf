"""The sockets that the exporter listens on, bound before anything else starts: a port in use is reported at once."""

import errno
import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

_BACKLOG = 1024
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors of an address that this machine does not have, such as one of IPv6 where that is switched off."""


class CannotListen(Exception):
    """An address cannot be listened on; `str()` is one line that names it and the reason."""


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """`host` is a name or an IP address, or empty for all interfaces; `port` 0 takes any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_listen_address(text: str) -> ListenAddress:
    """Read ``:10104``, ``127.0.0.1:10104``, ``localhost:10104`` or ``[::1]:10104``. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        raise ValueError(f"{text!r}: an IPv6 address must be in brackets, like [::1]:10104")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ValueError(f"{text!r} is not an address like :10104, 127.0.0.1:10104 or [::1]:10104")
    return ListenAddress(host, int(port))


def listen(addresses: Sequence[ListenAddress]) -> list[socket.socket]:
    """Listen on all of `addresses`, or on none: raises CannotListen for the first that fails."""
    sockets: list[socket.socket] = []
    with ExitStack() as opened:
        for address in addresses:
            try:
                created = _host(address) if address.host else _all_interfaces(address)
                sockets += [opened.enter_context(sock) for sock in created]
            except (OSError, UnicodeError) as error:  # UnicodeError: a name that IDNA refuses
                raise CannotListen(f"cannot listen on {address}: {_reason(error)}") from None
        opened.pop_all()
    return sockets


def _all_interfaces(address: ListenAddress) -> Iterator[socket.socket]:
    """One socket for IPv4 and IPv6; for IPv4 alone if this machine has no IPv6."""
    if socket.has_dualstack_ipv6():
        where = ("::", address.port)
        try:
            yield socket.create_server(where, family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG)
            return
        except OSError as error:
            if error.errno not in _NOT_HERE:  # IPv6 is compiled in, and disabled
                raise
    yield socket.create_server(("0.0.0.0", address.port), backlog=_BACKLOG)


def _host(address: ListenAddress) -> Iterator[socket.socket]:
    """One socket for each address of the host that this machine has: `localhost` has two, or one without IPv6."""
    found = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    missing: OSError | None = None
    listening = False
    for family, _, _, _, where in dict.fromkeys(found):
        try:
            sock = socket.create_server(where, family=family, backlog=_BACKLOG)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            missing = error
        else:
            listening = True
            yield sock
    if missing is not None and not listening:
        raise missing


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, socket.gaierror | UnicodeError):
        return "there is no such host"
    return os.strerror(error.errno).lower() if error.errno else str(error)
