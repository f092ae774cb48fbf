"""Names to addresses, off the event loop.

`getaddrinfo` blocks for as long as a dead DNS server makes it, so it runs on a few daemon threads: they hold up
neither a target that is given by address, nor the loop, nor the end of the process.
"""

from __future__ import annotations

import asyncio
import ipaddress
import queue
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dicom_exporter.net.errors import NameNotResolved

_THREADS = 4
_FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


@dataclass(frozen=True, slots=True)
class SocketAddress:
    """Where to connect: an IP address of `family` and a port. Two names with one address are one place."""

    family: int
    ip: str
    port: int
    scope_id: int = 0

    @property
    def host(self) -> str:
        """As event loops take it: ``192.0.2.1``, ``2001:db8::1``, or ``fe80::1%2`` with the interface by number."""
        return f"{self.ip}%{self.scope_id}" if self.scope_id else self.ip

    @property
    def sockaddr(self) -> tuple[Any, ...]:
        """As the socket module takes it."""
        return (self.ip, self.port, 0, self.scope_id) if self.family == socket.AF_INET6 else (self.ip, self.port)


_Key = tuple[str, int | None]
_Found = tuple[int, str, int]


class Resolver:
    """Looks names up, each once for as long as it is kept: `scrape` keeps one for the length of a scrape.

    `lookup` has the signature of `socket.getaddrinfo`; tests hand in their own.
    """

    def __init__(self, threads: LookupThreads) -> None:
        self._threads = threads
        self._found: dict[_Key, asyncio.Future[_Found]] = {}

    async def resolve(self, host: str, port: int, ip_version: int | None = None) -> SocketAddress:
        """Return the address to connect to: IPv4 before IPv6 where `ip_version` does not say, then the system's first.

        Waits as long as the lookup takes: the caller has the deadline.

        Raises:
            NameNotResolved: it has no address, or none of that IP version.
        """
        key = (host, ip_version)
        future = self._found.get(key)
        if future is None:
            future = self._found[key] = self._threads.submit(key)
        family, ip, scope_id = await asyncio.shield(future)
        return SocketAddress(family, ip, port, scope_id)

    def pin(self, host: str, address: SocketAddress) -> None:
        """Have `host` be `address` for as long as this resolver is kept, whatever a second lookup would say."""
        future: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()
        future.set_result((address.family, address.ip, address.scope_id))
        self._found[host, None] = future


def literal(host: str, port: int) -> SocketAddress | None:
    """The address of a `host` that is an IP address and needs no lookup, else None."""
    try:
        socket.inet_pton(socket.AF_INET, host)
    except (OSError, ValueError):  # ValueError: a NUL in it
        pass
    else:  # most are, and the system reads them twenty times faster than `ipaddress`
        return SocketAddress(socket.AF_INET, host, port)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    if address.version == 4:  # inet_pton
        return SocketAddress(socket.AF_INET, host, port)
    if address.scope_id is not None:  # an interface name is the system's to number
        return None
    return SocketAddress(socket.AF_INET6, host, port)


class LookupThreads:
    """A few daemon threads in `getaddrinfo`. A name that is already being looked up is joined, so the queue is bounded
    by the number of names.
    """

    def __init__(self, getaddrinfo: Callable[..., list[Any]] = socket.getaddrinfo, threads: int = _THREADS) -> None:
        self._getaddrinfo = getaddrinfo
        self._jobs: queue.SimpleQueue[tuple[_Key, asyncio.Future[_Found]] | None] = queue.SimpleQueue()
        self._pending: dict[_Key, asyncio.Future[_Found]] = {}
        self._wanted = threads
        self._running = 0

    @property
    def pending(self) -> int:
        """Names that are being looked up or wait for it."""
        return len(self._pending)

    def submit(self, key: _Key) -> asyncio.Future[_Found]:
        """Begin to look `key` up, or join who does. The future ends in an address or in `NameNotResolved`."""
        future = self._pending.get(key)
        if future is not None:
            return future
        future = self._pending[key] = asyncio.get_running_loop().create_future()
        future.add_done_callback(lambda done: self._finish(key, done))
        if self._running < self._wanted:
            self._running += 1
            threading.Thread(target=self._work, name="resolve", daemon=True).start()
        self._jobs.put((key, future))
        return future

    def close(self) -> None:
        """Let the threads end once they are free. Does not wait: they may hang in a lookup."""
        for _ in range(self._running):
            self._jobs.put(None)
        self._running = 0

    def _finish(self, key: _Key, future: asyncio.Future[_Found]) -> None:
        self._pending.pop(key, None)
        if not future.cancelled():
            future.exception()  # nobody may be left to ask for it

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            (host, ip_version), future = job
            answer = self._look_up(host, ip_version)
            try:
                future.get_loop().call_soon_threadsafe(_settle, future, answer)
            except RuntimeError:  # the loop is closed: nobody waits
                return

    def _look_up(self, host: str, ip_version: int | None) -> _Found | NameNotResolved:
        try:
            found = self._getaddrinfo(host, None, family=_FAMILIES[ip_version], type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):  # UnicodeError: a label over 63 characters
            return NameNotResolved("the name does not resolve")
        usable = [entry for entry in found if entry[0] in (socket.AF_INET, socket.AF_INET6)]
        if not usable:
            return NameNotResolved("the name has no IP address")
        family, _, _, _, sockaddr = min(usable, key=lambda entry: entry[0] != socket.AF_INET)
        return int(family), str(sockaddr[0]), sockaddr[3] if family == socket.AF_INET6 else 0


def _settle(future: asyncio.Future[_Found], answer: _Found | NameNotResolved) -> None:
    if future.done():
        return
    if isinstance(answer, NameNotResolved):
        future.set_exception(answer)
    else:
        future.set_result(answer)
