"""A simulated network: servers at addresses, and an event loop without sockets, with a clock of its own.

```
probes ──> Network.create_connection, sock_connect ──> the address: refuses, is silent, has no route, or answers
       ──> Transport.write ──> Session.received ──> actions, performed in order on the loop's clock
```

A wait takes no time. TLS is real: both sides run OpenSSL, on buffers in memory.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from tests.testing.truth.model import NAME, OTHER_NAME, Reach, Server
from tests.testing.truth.servers import Door, Ports, doors
from tests.testing.truth.session import Action, Close, HangsUp, Send, Session, Wait

T = TypeVar("T")

PORTS = Ports(104, 8080, 8042)
_MOST_TURNS = 200_000
"""Turns of the loop in one run. One that needs more is going in circles."""
_CLOSING = 2.0
"""Seconds after a run in which connections close in callbacks of their own, TLS with an exchange of close_notify."""
_LOOKUP_PATIENCE = 10.0
"""Real seconds for a lookup, which is on a thread."""


class Transport(asyncio.Transport):
    """The client's side of a connection."""

    def __init__(self, loop: Network, protocol: asyncio.BaseProtocol, session: Session, sock: Any) -> None:
        super().__init__()
        self._loop = loop
        self._protocol: Any = protocol
        self._session = session
        self._sock = sock
        self._closing = False
        self._paused = False
        self._actions: deque[Action] = deque()
        self._running = False
        if isinstance(session, HangsUp):
            loop.call_later(0.001, self._arrived, b"")  # the client knows of the connection by then

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._closing or not data:
            return
        self._loop.call_soon(self._arrived, bytes(data))

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        self.write(b"".join(list_of_data))

    def is_closing(self) -> bool:
        return self._closing

    def is_reading(self) -> bool:
        return not self._paused

    def pause_reading(self) -> None:
        self._paused = True

    def resume_reading(self) -> None:
        self._paused = False
        self._loop.call_soon(self._perform)

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol  # type: ignore[no-any-return]

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._protocol = protocol

    def close(self) -> None:
        self._end()

    def abort(self) -> None:
        self._end()

    def _force_close(self, _: object) -> None:
        self._end()

    def _arrived(self, data: bytes) -> None:
        """At the server, which may be gone or closed already."""
        self._actions.extend(self._session.received(data))
        self._perform()

    def _perform(self) -> None:
        while self._actions and not self._running and not self._paused and not self._closing:
            match self._actions.popleft():
                case Send(data):
                    self._deliver(data)
                case Wait(seconds):
                    self._running = True
                    self._loop.call_later(seconds, self._go_on)
                case Close():
                    self._protocol.eof_received()
                    self._end()

    def _go_on(self) -> None:
        self._running = False
        self._perform()

    def _deliver(self, data: bytes) -> None:
        if isinstance(self._protocol, asyncio.BufferedProtocol):
            while data:
                room = memoryview(self._protocol.get_buffer(len(data))).cast("B")
                taken = min(len(room), len(data))
                room[:taken] = data[:taken]
                self._protocol.buffer_updated(taken)
                data = data[taken:]
        else:
            self._protocol.data_received(data)

    def _end(self) -> None:
        if not self._closing:
            self._closing = True
            self._loop.call_soon(self._lost)

    def _lost(self) -> None:
        self._protocol.connection_lost(None)
        if self._sock is not None:
            self._sock.close()


class Network(asyncio.BaseEventLoop):
    """An event loop whose only peers are simulated. Used again and again, as making one costs a while."""

    def __init__(self) -> None:
        super().__init__()
        self._selector = self
        self._now = 0.0
        self._turns = 0
        self._woken = threading.Event()
        self.waiting_for_threads: Callable[[], bool] = lambda: False
        """Whether a thread will call back; set by who starts threads."""
        self._ports: Mapping[tuple[str, int], Door] = {}
        self._addresses: Mapping[str, list[str]] = {}
        self._connected: dict[int, tuple[str, int]] = {}
        """File descriptor of a socket that waits for its transport -> where it is connected."""
        self.errors: list[dict[str, Any]] = []
        """What would have been logged as a bug."""
        self.set_exception_handler(lambda _, context: self.errors.append(context))

    def run(self, server: Server, client: Callable[[], Awaitable[T]]) -> T:
        """Run `client` on a network that has only `server`, and return what it does, once every callback has run."""
        self._ports = doors(server, PORTS)
        addresses = [endpoint.ip for endpoint in server.endpoints]
        self._addresses = {NAME: addresses, OTHER_NAME: addresses}
        self._turns = 0
        self._connected.clear()
        self.errors.clear()
        result = self.run_until_complete(self._whole(client))
        assert not self.errors, self.errors
        return result

    def getaddrinfo_of(self, host: str, port: Any, family: int = 0, type: int = 0, *_: Any) -> list[Any]:
        """In place of the system's; called on threads."""
        found = [
            (kind, socket.SOCK_STREAM, 6, "", (ip, port or 0) if kind == socket.AF_INET else (ip, port or 0, 0, 0))
            for ip in self._addresses.get(host, [])
            if (kind := socket.AF_INET6 if ":" in ip else socket.AF_INET) and family in (0, kind)
        ]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return found

    async def _whole(self, client: Callable[[], Awaitable[T]]) -> T:
        try:
            return await client()
        finally:
            await asyncio.sleep(_CLOSING)
            assert asyncio.all_tasks() == {asyncio.current_task()}, "a task was left behind"

    def time(self) -> float:
        return self._now

    def select(self, timeout: float | None) -> list[Any]:
        """In place of a selector's: let time pass, but not while a thread works for us."""
        self._turns += 1
        assert self._turns < _MOST_TURNS, "going in circles"
        if timeout == 0:
            return []
        if self.waiting_for_threads():  # time stands still
            self._woken.wait(_LOOKUP_PATIENCE)
            self._woken.clear()
            return []
        assert timeout is not None, "waits for what will never come"
        self._now += timeout
        return []

    async def sock_connect(self, sock: Any, address: Any) -> None:
        there = (str(address[0]), int(address[1]))
        await self._reach(there)
        self._connected[sock.fileno()] = there

    async def create_connection(self, protocol_factory: Any, host: Any = None, port: Any = None, **kwargs: Any) -> Any:
        sock = kwargs.get("sock")
        if sock is None:
            there = (str(host), int(port))
            await self._reach(there)
        else:
            there = self._connected.pop(sock.fileno())
        session = self._ports[there].connected()
        protocol = protocol_factory()
        transport = Transport(self, protocol, session, sock)
        protocol.connection_made(transport)
        return transport, protocol

    async def _reach(self, there: tuple[str, int]) -> None:
        port = self._ports.get(there)
        reach = Reach.REFUSES if port is None else port.knock()
        await asyncio.sleep(0)
        match reach:
            case Reach.REFUSES:
                raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")
            case Reach.UNREACHABLE:
                raise OSError(errno.EHOSTUNREACH, "no route to host")
            case Reach.NO_ROUTE:
                raise OSError(errno.ENETUNREACH, "network is unreachable")
            case Reach.DROPS:
                await self.create_future()

    def _process_events(self, event_list: list[Any]) -> None:
        pass

    def _write_to_self(self) -> None:
        self._woken.set()
