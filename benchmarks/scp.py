"""A fast SCP, so that a benchmark of clients measures the clients: canned answers from one epoll loop.

A process of its own: ``python -m benchmarks.scp`` prints its ports as JSON, one line, and serves until its standard
input ends, on every address of 127.0.0.0/8. It answers C-ECHO, C-FIND and release, and checks nothing; it is for
clients that speak DICOM properly. Beside those that answer (`LISTENERS` of them, as one has room for 4,096 connections
that nobody has accepted yet) there is a port for each way to be dead.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks import answers
from benchmarks.files import raise_file_limit
from tests.testing.hostile import messages, wire

LISTENERS = 4
_BACKLOG = 4096
_ANY_LOOPBACK = "0.0.0.0"
"""Bound to all, as 127.0.0.0/8 has no name of its own; the benchmarks connect to loopback alone."""
_READ = 65536


@dataclass(slots=True)
class Client:
    """One connection, and what of it is half done."""

    sock: socket.socket
    answer: Callable[[Client, bytes], bytes | None]
    """Takes whole PDUs; returns what to send, None to close."""
    kept: bytes = b""
    session: answers.Session = field(default_factory=answers.Session)
    blocks: Iterator[bytes] | None = None
    """What a C-FIND still has to bring."""
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))


def serve_pdu(client: Client, pdu: bytes) -> bytes | None:
    """Answer one PDU as a good SCP does."""
    kind = pdu[0]
    if kind == wire.P_DATA:
        response = answers.echo_response(pdu)
        if response is not None:
            return response
        for request in client.session.messages.feed(pdu[6:]):
            if request.kind == messages.C_FIND_RQ:
                client.blocks = answers.find_responses(request, client.session.matches)
            elif request.kind == messages.C_ECHO_RQ:
                return messages.message(request.context_id, messages.echo_rsp(request.message_id))
        return b""
    if kind == wire.ASSOCIATE_RQ:
        client.session.matches = answers.matches_wanted(pdu)
        return answers.accept(pdu)
    return _RELEASE_RP if kind == wire.RELEASE_RQ else None


_RELEASE_RP = wire.release_rp()
DEAD: dict[str, Callable[[Client, bytes], bytes | None]] = {
    "silent": lambda client, pdu: b"",
    "rejects": lambda client, pdu: wire.associate_rj(1, 1, 3),
    "busy": lambda client, pdu: wire.associate_rj(2, 3, 2),
    "aborts": lambda client, pdu: wire.abort(),
    "not_dicom": lambda client, pdu: b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "half_a_pdu": lambda client, pdu: wire.associate_ac({1: wire.ACCEPTED})[:40],
    "closes": lambda client, pdu: None,
}
"""Ways to be dead that a port can have; `filtered` and `closed` are the kernel's."""


class Server:
    """The loop. `run` returns when standard input ends."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._listeners: dict[int, tuple[socket.socket, Callable[[Client, bytes], bytes | None]]] = {}
        self._held: list[socket.socket] = []

    def listen(self, answer: Callable[[Client, bytes], bytes | None], backlog: int = _BACKLOG) -> int:
        """Serve `answer` on a port of its own, which is returned."""
        sock = socket.create_server((_ANY_LOOPBACK, 0), backlog=backlog)
        sock.setblocking(False)
        self._listeners[sock.fileno()] = (sock, answer)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        port: int = sock.getsockname()[1]
        return port

    def filtered(self) -> int:
        """A port whose queue is full, so that the kernel drops each SYN: what a firewall does, without being root."""
        sock = socket.create_server((_ANY_LOOPBACK, 0), backlog=0)
        port: int = sock.getsockname()[1]
        self._held.append(sock)
        for _ in range(2):  # more than the queue takes; the last of them stays in the middle of its handshake
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            self._held.append(filler)
        return port

    def closed(self) -> int:
        """A port that nobody listens on, and that nobody else can have while we live: bound, never listened on."""
        sock = socket.socket()
        sock.bind((_ANY_LOOPBACK, 0))
        self._held.append(sock)
        port: int = sock.getsockname()[1]
        return port

    def run(self) -> None:
        """Serve until standard input ends."""
        stdin = sys.stdin.fileno()
        self._epoll.register(stdin, select.EPOLLIN | select.EPOLLHUP)
        clients, listeners, poll = self._clients, self._listeners, self._epoll.poll
        while True:
            for fd, events in poll():
                client = clients.get(fd)
                if client is not None:
                    if events & select.EPOLLOUT:
                        self._flush(client)
                    if events & ~select.EPOLLOUT:
                        self._read(client)
                elif fd in listeners:
                    self._accept(*listeners[fd])
                elif fd == stdin and not os.read(stdin, 1024):
                    return

    def _accept(self, listener: socket.socket, answer: Callable[[Client, bytes], bytes | None]) -> None:
        for _ in range(64):
            try:
                sock, _ = listener.accept()
            except OSError:  # nobody is waiting any more, or no file descriptor is left
                return
            sock.setblocking(False)
            self._clients[sock.fileno()] = Client(sock, answer)
            self._epoll.register(sock.fileno(), select.EPOLLIN)

    def _read(self, client: Client) -> None:
        try:
            data = client.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._close(client)
            return
        if client.kept:
            data = client.kept + data
        position = 0
        while len(data) - position >= 6:
            end = position + 6 + int.from_bytes(data[position + 2 : position + 6], "big")
            if end > len(data):
                break
            answer = client.answer(client, data[position:end])
            position = end
            if answer is None:
                self._close(client)
                return
            if answer and not client.unsent:
                with contextlib.suppress(OSError):
                    client.sock.send(answer)  # small, and the peer waits for it: there is room
        client.kept = data[position:]
        if client.blocks is not None:
            self._flush(client)

    def _flush(self, client: Client) -> None:
        """Send what a C-FIND brings, as long as the client takes it."""
        try:
            while client.blocks is not None:
                if not client.unsent:
                    client.unsent = memoryview(next(client.blocks, b""))
                    if not client.unsent:
                        client.blocks = None
                        self._epoll.modify(client.sock.fileno(), select.EPOLLIN)
                        return
                client.unsent = client.unsent[client.sock.send(client.unsent) :]
        except BlockingIOError:
            self._epoll.modify(client.sock.fileno(), select.EPOLLIN | select.EPOLLOUT)
        except OSError:
            self._close(client)

    def _close(self, client: Client) -> None:
        if self._clients.pop(client.sock.fileno(), None) is not None:
            client.sock.close()


def main() -> None:
    """Print the ports, and serve."""
    raise_file_limit()
    server = Server()
    ports: dict[str, list[int]] = {"good": [server.listen(serve_pdu) for _ in range(LISTENERS)]}
    ports |= {name: [server.listen(answer)] for name, answer in DEAD.items()}
    ports |= {"filtered": [server.filtered()], "closed": [server.closed()]}
    sys.stdout.write(json.dumps(ports) + "\n")
    sys.stdout.flush()
    gc.freeze()
    gc.disable()  # connections make no cycles, and a pause here would count against a client
    server.run()


if __name__ == "__main__":
    main()
