"""Peers that cost a client as much processor time as they can: `python -m tests.soak.spenders DIRECTORY PORT`.

They run in a process of their own, so that they do not delay the other peers. SIGTERM ends it.
"""

import asyncio
import contextlib
import itertools
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from tests.testing.hostile import Behaviour, Peer, catalogue, openssl, wire
from tests.testing.peers import Certificates, make_certificates

OF_EACH = 2
"""Peers of each kind."""
_HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
_FRAGMENT = wire.p_data(wire.pdv(1, b"\0", command=True, last=False))
_FLOODS: Mapping[str, tuple[str, bytes, bytes]] = {
    "continue": ("http", b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "headers": ("http", b"HTTP/1.1 200 OK\r\n", b"X-More: x\r\n" * 1000),
    "chunk-size": ("http", _HEAD, b"0" * 65536),
    "drip": ("http", _HEAD, b"1\r\n \r\n" * 1000),
    "tickets": ("https", _HEAD, b"0" * 65536),
    "chain": ("https", b"HTTP/1.1 403 Forbidden\r\n\r\n", b""),
    "fragments": ("", wire.associate_ac({1: wire.ACCEPTED}), _FRAGMENT * 1000),
}
"""What a peer speaks (nothing: DICOM), what it sends first, and what without end."""
_TLS: Mapping[str, Callable[..., object]] = {
    "key-updates": openssl.key_updates,
    "tiny-records": partial(openssl.tiny_records, data=_HEAD + b"0"),
}
"""What Python's ssl cannot send."""
_BEHAVIOURS: Mapping[str, Behaviour] = {
    "matches": catalogue.ALL["find: endless matches"],
    "empty-fragments": catalogue.ALL["echo: endless empty fragments"],
    "after-release": catalogue.ALL["release: empty P-DATA-TF without end"],
}
"""Conversations over DICOM."""
KINDS: Mapping[str, str] = (
    {kind: speaks for kind, (speaks, _, _) in _FLOODS.items()}
    | dict.fromkeys(_TLS if openssl.NAME is not None else (), "https")
    | dict.fromkeys(_BEHAVIOURS, "")
)
"""What each kind speaks."""
_CHAIN = 100
"""Certificates in a chain, of 0.7 KB each: OpenSSL takes 100 KiB of them."""


def address(kind: str, number: int) -> str:
    """The loopback address of peer `number` (from 0) of a kind."""
    return f"127.78.{list(KINDS).index(kind)}.{number + 1}"


def _flood(connection: socket.socket, first: bytes, then: bytes, tls: ssl.SSLContext | None) -> None:
    connection.settimeout(30.0)
    if tls is not None:
        connection = tls.wrap_socket(connection, server_side=True)
    with connection:
        connection.recv(65536)
        for data in itertools.chain([first], itertools.repeat(then) if then else ()):
            connection.sendall(data)


def _serve(listener: socket.socket, talk: Callable[[socket.socket], object]) -> None:
    def one(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            talk(connection)

    while True:
        threading.Thread(target=one, args=(listener.accept()[0],), daemon=True).start()


async def _behave(listener: socket.socket, behaviour: Behaviour) -> None:
    loop = asyncio.get_running_loop()
    listener.setblocking(False)
    talks: set[asyncio.Task[None]] = set()
    while True:
        connection, _ = await loop.sock_accept(listener)
        connection.setblocking(False)
        peer = Peer(connection)
        talk = asyncio.create_task(peer.serve(behaviour))
        talks.add(talk)
        talk.add_done_callback(talks.discard)
        talk.add_done_callback(lambda _, peer=peer: peer.drop())  # type: ignore[misc]


def _server_context(certificates: Certificates, kind: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    chain = certificates.server
    if kind == "chain":
        chain = certificates.server.with_suffix(".chain")
        chain.write_bytes(certificates.server.read_bytes() + certificates.authority.read_bytes() * _CHAIN)
    if kind == "tickets":
        context.num_tickets = 5000
    context.load_cert_chain(chain, certificates.server_key)
    return context


async def _main(directory: Path, port: int) -> None:
    made = make_certificates(directory / "spenders")
    async with asyncio.TaskGroup() as group:
        for kind, number in itertools.product(KINDS, range(OF_EACH)):
            listener = socket.create_server((address(kind, number), port), backlog=64)
            if kind in _BEHAVIOURS:
                group.create_task(_behave(listener, _BEHAVIOURS[kind]))
                continue
            if kind in _TLS:
                talk: Callable[[socket.socket], object] = partial(
                    _TLS[kind], certificate=made.server, key=made.server_key
                )
            else:
                speaks, first, then = _FLOODS[kind]
                tls = _server_context(made, kind) if speaks == "https" else None
                talk = partial(_flood, first=first, then=then, tls=tls)
            threading.Thread(target=_serve, args=(listener, talk), daemon=True).start()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
