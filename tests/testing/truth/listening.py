"""The servers of a description on sockets of loopback, for the exporter and for other clients."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any, cast

from tests.testing.truth.model import NAME, OTHER_NAME, Endpoint, Reach, Server
from tests.testing.truth.servers import Door, Ports, doors
from tests.testing.truth.session import Action, Close, HangsUp, Send, Session, Wait

_ON_LOOPBACK = {Reach.UNREACHABLE: Reach.REFUSES, Reach.NO_ROUTE: Reach.REFUSES, Reach.REFUSES_ONCE: Reach.ANSWERS}
"""What a socket cannot do -> what is done in its place."""
_next_host = itertools.count(1)


@dataclass(frozen=True)
class Listening:
    """A server that runs."""

    server: Server
    """With its addresses on loopback."""
    ports: Ports

    def getaddrinfo(self, host: str, port: Any, family: int = 0, type: int = 0, *_: Any) -> list[Any]:
        """In place of the system's: the names of the server lead to its addresses."""
        ips = [each.ip for each in self.server.endpoints] if host in (NAME, OTHER_NAME) else [host]
        found: list[Any] = []
        for ip in ips:
            with contextlib.suppress(socket.gaierror):
                found += socket.getaddrinfo(ip, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return found


@asynccontextmanager
async def listening(server: Server) -> AsyncIterator[Listening]:
    """Run `server` until the block ends."""
    there = on_loopback(server)
    with ExitStack() as stack:
        ports = Ports(*(_reserve(there) for _ in range(3)))
        running = Listening(there, ports)
        listeners, open_connections = [], set[_Connection]()
        for (ip, port), door in doors(there, ports).items():
            if door.reach is Reach.DROPS:
                stack.enter_context(_dropping(ip, port))
            elif door.reach is Reach.ANSWERS:
                listeners.append(await _listen(ip, port, door, open_connections))
        try:
            yield running
        finally:
            for listener in listeners:
                listener.close()
            for connection in list(open_connections):
                connection.abort()
            await asyncio.sleep(0)


def on_loopback(server: Server) -> Server:
    """`server` with addresses of 127.0.0.0/8 that no other has, its first IPv6 address ::1, and what sockets can do."""

    def moved(endpoint: Endpoint, v6: bool) -> Endpoint:
        number = next(_next_host)
        ip = "::1" if v6 else f"127.77.{number // 250 % 250}.{number % 250 + 1}"
        return replace(endpoint, ip=ip, reach=_ON_LOOPBACK.get(endpoint.reach, endpoint.reach))

    first_v6 = next((each for each in server.endpoints if ":" in each.ip), None)
    return replace(server, endpoints=tuple(moved(each, each is first_v6) for each in server.endpoints))


def _reserve(server: Server) -> int:
    """A port that is free on all addresses."""
    while True:
        with ExitStack() as sockets:
            port = 0
            try:
                for endpoint in server.endpoints:
                    sock = sockets.enter_context(_bound(endpoint.ip, port))
                    port = sock.getsockname()[1]
            except OSError:
                continue
            return port


def _bound(ip: str, port: int) -> socket.socket:
    sock = socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((ip, port))
    except OSError:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _dropping(ip: str, port: int) -> Iterator[None]:
    """Have SYNs dropped: the queue of a listener that nobody accepts from is full."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(_bound(ip, port))
        listener.listen(0)
        for _ in range(2):
            filler = sockets.enter_context(socket.socket(listener.family))
            filler.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                filler.connect((ip, port))
        yield


async def _listen(ip: str, port: int, door: Door, open_connections: set[_Connection]) -> asyncio.Server:
    loop = asyncio.get_running_loop()
    return await loop.create_server(lambda: _Connection(door.connected(), open_connections), sock=_bound(ip, port))


class _Connection(asyncio.Protocol):
    """Performs the actions of a session on a socket."""

    def __init__(self, session: Session, open_connections: set[_Connection]) -> None:
        self._session = session
        self._open = open_connections
        self._actions: deque[Action] = deque()
        self._waiting: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)
        if isinstance(self._session, HangsUp):
            self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._actions.extend(self._session.received(data))
        self._perform()

    def connection_lost(self, _: Exception | None) -> None:
        self._open.discard(self)
        self._transport = None
        if self._waiting is not None:
            self._waiting.cancel()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _perform(self) -> None:
        while self._actions and self._waiting is None and self._transport is not None:
            match self._actions.popleft():
                case Send(data):
                    self._transport.write(data)
                case Wait(seconds):
                    self._waiting = asyncio.get_running_loop().call_later(seconds, self._go_on)
                case Close():
                    self._transport.close()

    def _go_on(self) -> None:
        self._waiting = None
        self._perform()
