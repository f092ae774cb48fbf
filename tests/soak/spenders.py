"""Peers that cost a client as much processor time as they can: `python -m tests.soak.spenders DIRECTORY PORT`.

They run in a process of their own, so that they do not delay the other peers. SIGTERM ends it.
"""

import contextlib
import itertools
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.testing.hostile import wire
from tests.testing.peers import make_certificates

OF_EACH = 5
"""Peers of each kind."""
_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_FRAGMENT = wire.p_data(wire.pdv(1, b"\0", command=True, last=False))
KINDS: Mapping[str, tuple[str, bytes, bytes]] = {
    "continue": ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "chunk-size": ("http", _HEAD, b"0" * 65536),
    "tickets": ("https", _HEAD, b"0" * 65536),
    "fragments": ("", wire.associate_ac({1: wire.ACCEPTED}), _FRAGMENT * 1000),
}
"""What a peer speaks (nothing: DICOM), what it sends first, and what without end."""


def address(kind: str, number: int) -> str:
    """The loopback address of peer `number` (from 0) of a kind."""
    return f"127.78.{list(KINDS).index(kind)}.{number + 1}"


def _flood(connection: socket.socket, first: bytes, then: bytes, tls: ssl.SSLContext | None) -> None:
    with contextlib.suppress(OSError):
        connection.settimeout(30.0)
        if tls is not None:
            connection = tls.wrap_socket(connection, server_side=True)
        connection.recv(65536)
        for data in itertools.chain([first], itertools.repeat(then)):
            connection.sendall(data)
    connection.close()


def _serve(listener: socket.socket, flood: Callable[[socket.socket], None]) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=flood, args=(connection,), daemon=True).start()


def _main(directory: Path, port: int) -> None:
    certificates = make_certificates(directory / "spenders")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server, certificates.server_key)
    context.num_tickets = 5000
    for kind, (speaks, first, then) in KINDS.items():
        tls = context if speaks == "https" else None

        def flood(
            connection: socket.socket, first: bytes = first, then: bytes = then, tls: ssl.SSLContext | None = tls
        ) -> None:
            _flood(connection, first, then, tls)

        for number in range(OF_EACH):
            listener = socket.create_server((address(kind, number), port), backlog=64)
            threading.Thread(target=_serve, args=(listener, flood), daemon=True).start()
    threading.Event().wait()


if __name__ == "__main__":
    _main(Path(sys.argv[1]), int(sys.argv[2]))
