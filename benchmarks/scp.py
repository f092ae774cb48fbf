"""A fast SCP, so that a benchmark of clients is not limited by the server: cached responses from one epoll loop.

It is a separate process: ``python -m benchmarks.scp`` prints its ports as one line of JSON, and serves on all addresses
of 127.0.0.0/8 until its standard input is closed. It answers C-ECHO, C-FIND and release without any checks, so it is
only for clients that follow the standard. There are `LISTENERS` ports that answer, because the backlog of each is 4,096
connections, and one port for each way to fail.
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
"""Binds to all addresses, because 127.0.0.0/8 cannot be bound as a whole. The benchmarks connect to loopback only."""
_READ = 65536


@dataclass(slots=True)
class Client:
    """One connection, with the data that is not yet read or sent."""

    sock: socket.socket
    answer: Callable[[Client, bytes], bytes | None]
    """Takes a complete PDU; returns the bytes to send, or None to close the connection."""
    kept: bytes = b""
    session: answers.Session = field(default_factory=answers.Session)
    blocks: Iterator[bytes] | None = None
    """The C-FIND responses that are still to be sent."""
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))


def serve_pdu(client: Client, pdu: bytes) -> bytes | None:
    """Answer one PDU correctly."""
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
"""Failures that a port can simulate. The kernel does `filtered` and `closed`."""


class Server:
    """The event loop. `run` returns when standard input is closed."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._clients: dict[int, Client] = {}
        self._listeners: dict[int, tuple[socket.socket, Callable[[Client, bytes], bytes | None]]] = {}
        self._held: list[socket.socket] = []

    def listen(self, answer: Callable[[Client, bytes], bytes | None], backlog: int = _BACKLOG) -> int:
        """Open a new port that answers with `answer`, and return it."""
        sock = socket.create_server((_ANY_LOOPBACK, 0), backlog=backlog)
        sock.setblocking(False)
        self._listeners[sock.fileno()] = (sock, answer)
        self._epoll.register(sock.fileno(), select.EPOLLIN)
        port: int = sock.getsockname()[1]
        return port

    def filtered(self) -> int:
        """A port with a full backlog, so that the kernel drops each SYN, as a firewall does. Does not need root."""
        sock = socket.create_server((_ANY_LOOPBACK, 0), backlog=0)
        port: int = sock.getsockname()[1]
        self._held.append(sock)
        for _ in range(2):  # more than the backlog; the last one stays in its handshake
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            self._held.append(filler)
        return port

    def closed(self) -> int:
        """A port without a listener, which no other process can use: it is bound, but `listen` is not called."""
        sock = socket.socket()
        sock.bind((_ANY_LOOPBACK, 0))
        self._held.append(sock)
        port: int = sock.getsockname()[1]
        return port

    def run(self) -> None:
        """Serve until standard input is closed."""
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
            except OSError:  # no more connections, or no file descriptor left
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
                    client.sock.send(answer)  # small, and the peer waits for it: the send buffer has room
        client.kept = data[position:]
        if client.blocks is not None:
            self._flush(client)

    def _flush(self, client: Client) -> None:
        """Send C-FIND responses until the send buffer is full."""
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
    gc.disable()  # connections create no reference cycles, and a pause would count against a client
    server.run()


if __name__ == "__main__":
    main()
