"""Names to addresses, off the event loop.

`getaddrinfo` blocks for as long as a dead DNS server makes it, so it runs on a few daemon threads: they hold up
neither a target that is given by address, nor the loop, nor the end of the process.
"""

from __future__ import annotations

import asyncio
import queue
import socket
import threading
from collections.abc import Callable
from typing import Any

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.net.errors import NameNotResolved

_THREADS = 4
_FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


_Key = tuple[str, int | None]
_Found = tuple[int, str, int]


class Resolver:
    """Looks each name up once for as long as it is kept: the prober keeps one for the length of a scrape."""

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


class LookupThreads:
    """A few daemon threads that call `getaddrinfo`; tests hand in a function of their own.

    Lookups of one name are shared, so the queue is no longer than the number of names.
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
        """Look `key` up, or join the lookup under way. The future ends in an address or in `NameNotResolved`."""
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
