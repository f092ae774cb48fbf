"""Sockets that can be reached from this machine only: on 127.0.0.1, or on all of 127.0.0.0/8 at once."""

import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager

HOST = "127.0.0.1"


def listening_socket(port: int, *, whole_net: bool = False, backlog: int = 1024) -> socket.socket:
    """Listen on `port`, or on a free port if it is taken or 0. Raises OSError if the system cannot.

    `whole_net` answers on each address of 127.0.0.0/8, so that one server can be several hundred targets. That needs
    Linux 5.7 or newer: the socket is bound to the loopback device, whatever address a packet is for.
    """
    listener = socket.socket()
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bind(listener, port, whole_net=whole_net)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def has_whole_net() -> bool:
    """Whether this system can listen on all of 127.0.0.0/8 at once, and nowhere else."""
    with socket.socket() as tried:
        try:
            bind(tried, 0, whole_net=True)
        except OSError:
            return False
    return True


def bind(unbound: socket.socket, port: int, *, whole_net: bool = False) -> None:
    """Bind a socket as `listening_socket` does."""
    host = HOST
    if whole_net:
        if sys.platform != "linux":
            raise OSError("a whole net of loopback addresses is there on Linux only")
        unbound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")
        host = ""
    try:
        unbound.bind((host, port))
    except OSError:
        unbound.bind((host, 0))


@contextmanager
def closed_port(port: int) -> Iterator[int]:
    """A port where nothing listens: `port`, or a free one if it is taken. No other process can listen there then."""
    with socket.socket() as reserved:
        bind(reserved, port)
        yield int(reserved.getsockname()[1])
