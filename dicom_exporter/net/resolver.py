"""Names to addresses, off the event loop.

```
Resolver (one for each scrape) ─> LookupThreads ─> getaddrinfo      a thread for each lookup that does not answer
        │                               │
        │                               └─ the last answers of names, of the last minutes
        └─ no answer in time: the last answer, or dns_failure; or overload if the lookup never began
```

`getaddrinfo` blocks for as long as a silent DNS server makes it, so it runs on daemon threads: they hold up neither a
target that is given by address, nor the loop, nor the end of the process. A thread is started whenever none is idle, up
to a limit: a name that hangs costs no other name its lookup.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.enums import UnknownReason
from dicom_exporter.net.errors import NameNotResolved, Overloaded, ProbeEnded
from dicom_exporter.net.tcp import LATE

MAX_LOOKUPS = 256
"""Lookups at once. A scrape with more names that hang leaves some lookups unbegun, which is overload."""
MAX_ADDRESSES = 16
"""Addresses of one name that are kept, the system's first: a name can have hundreds."""
MAX_AGE = 600.0
"""Seconds for which the last answer of a name may stand in for one that does not come."""
PATIENCE = 2.0
"""Seconds to wait for a lookup before the last answer is used, or half of the time left if that is less. RFC 8767 5
has 1.8 seconds for that."""
_MAX_ANSWERS = 16_384
"""Names whose last answer is kept: more than one process has targets."""
_IDLE = 10.0
"""Seconds after which a thread ends that has nothing to do."""
_FAMILIES = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}
_OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, socket.EAI_MEMORY})

_Key = tuple[str, int | None]
"""Host, and IP version or None for both."""
_Found = tuple[tuple[int, str, int], ...]
"""Family, IP address, interface number of each address."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The addresses to connect to, in the order in which to try them (RFC 6724, as the system has it)."""

    addresses: tuple[SocketAddress, ...]
    """At least one."""
    total: int
    """How many the name has; more than `addresses` if we keep no more."""
    doubt: UnknownReason | None = None
    """Why these may not be the current addresses, where they are those of an earlier lookup: this one did not end."""


class Resolver:
    """Looks each name up once for as long as it is kept: the prober keeps one for the length of a scrape."""

    def __init__(self, threads: LookupThreads) -> None:
        self._threads = threads
        self._lookups: dict[_Key, Lookup] = {}
        self._given_up: set[_Key] = set()
        """Names whose last answer was used, and is from then on without waiting again."""

    async def resolve(self, host: str, port: int, ip_version: int | None, deadline: float) -> Resolved:
        """Return the addresses of `host`, looked up before `deadline` (loop time).

        Where the lookup takes longer than `PATIENCE`, or the DNS server does not answer the system, the last answer is
        used if it is not older than `MAX_AGE`: a fault of the DNS is not one of the archive.

        Raises:
            NameNotResolved: it has no address, or none of that IP version; or the lookup did not end.
            Overloaded: the lookup never began, or there was no thread for it for most of the time.
        """
        key = (host, ip_version)
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = self._threads.submit(key)
        last = self._threads.last(key)
        end: ProbeEnded
        try:
            return _resolved(await _result(lookup, self._wait_until(key, deadline, last), deadline), port)
        except NameNotResolved as error:
            if not error.temporary:
                raise
            end = error
        except _LookupNotEnded as error:
            end = error.end
        if last is None:
            raise end
        self._given_up.add(key)
        doubt = UnknownReason.OVERLOAD if isinstance(end, Overloaded) else UnknownReason.DNS_FAILURE
        return _resolved(last, port, doubt)

    def _wait_until(self, key: _Key, deadline: float, last: _Found | None) -> float:
        """Loop time until which to wait for a lookup."""
        if last is None:
            return deadline
        now = asyncio.get_running_loop().time()
        return now if key in self._given_up else now + min(PATIENCE, max(0.0, deadline - now) / 2)


class _LookupNotEnded(Exception):
    """There is no answer yet."""

    def __init__(self, end: ProbeEnded) -> None:
        super().__init__()
        self.end = end


async def _result(lookup: Lookup, until: float, deadline: float) -> _Found:
    """The answer to `lookup`, waited for until loop time `until`."""
    if lookup.future.done():
        return lookup.future.result()
    asked = time.monotonic()
    try:
        async with asyncio.timeout_at(until):
            return await asyncio.shield(lookup.future)
    except TimeoutError:
        late = asyncio.get_running_loop().time() > deadline + LATE
        raise _LookupNotEnded(lookup.why_not_ended(asked, late=late)) from None


def _resolved(found: _Found, port: int, doubt: UnknownReason | None = None) -> Resolved:
    addresses = tuple(SocketAddress(family, ip, port, scope_id) for family, ip, scope_id in found[:MAX_ADDRESSES])
    return Resolved(addresses, len(found), doubt)


class Lookup:
    """A lookup that waits for a thread, is under way, or has ended."""

    __slots__ = ("began", "future", "key")

    def __init__(self, key: _Key) -> None:
        self.key = key
        self.future: asyncio.Future[_Found] = asyncio.get_running_loop().create_future()
        """Ends in the addresses, or in `NameNotResolved` or `Overloaded`."""
        self.began: float | None = None
        """When a thread took it up (`time.monotonic`)."""

    def why_not_ended(self, asked: float, *, late: bool) -> ProbeEnded:
        """What it means that there is no answer for who has waited since `asked` (`time.monotonic`).

        It is the DNS server's doing only if the lookup had most of the time.
        """
        now, began = time.monotonic(), self.began
        if began is None or began - asked > now - began:
            return Overloaded("too many other names are being looked up")
        if late:
            return Overloaded("our own event loop was late")
        return NameNotResolved("no answer from name resolution in time")


class LookupThreads:
    """Daemon threads that call `getaddrinfo`, as many as there are lookups under way; tests hand in their own function.

    Lookups of one name are shared, so the queue is no longer than the number of names.
    """

    def __init__(
        self, getaddrinfo: Callable[..., list[Any]] | None = None, max_threads: int = MAX_LOOKUPS, idle: float = _IDLE
    ) -> None:
        self._getaddrinfo = getaddrinfo or socket.getaddrinfo
        self._max_threads = max_threads
        self._idle_seconds = idle
        self._pending: dict[_Key, Lookup] = {}
        self._answers: dict[_Key, tuple[_Found, float]] = {}
        """Last answer of each name, and when it came (`time.monotonic`); the oldest first."""
        self._changed = threading.Condition()
        """Guards what follows."""
        self._queue: deque[Lookup] = deque()
        self._running = 0
        self._idle = 0
        self._closed = False

    @property
    def pending(self) -> int:
        """Names that are being looked up or wait for it."""
        return len(self._pending)

    @property
    def running(self) -> int:
        """Threads that there are now."""
        return self._running

    def submit(self, key: _Key) -> Lookup:
        """Look `key` up, or join the lookup under way."""
        lookup = self._pending.get(key)
        if lookup is not None:
            return lookup
        lookup = self._pending[key] = Lookup(key)
        lookup.future.add_done_callback(lambda done: self._finish(key, done))
        with self._changed:
            self._queue.append(lookup)
            if self._idle >= len(self._queue):
                self._changed.notify()
            elif self._running < self._max_threads:
                self._start()
        return lookup

    def last(self, key: _Key) -> _Found | None:
        """The last answer for `key`, if it is not too old to be used."""
        found, when = self._answers.get(key, ((), 0.0))
        return found if found and time.monotonic() - when <= MAX_AGE else None

    def close(self) -> None:
        """Let the threads end once they are free. Does not wait: they may hang in a lookup."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _start(self) -> None:
        thread = threading.Thread(target=self._work, name="resolve", daemon=True)
        self._running += 1
        try:
            thread.start()
        except RuntimeError:  # the system has no more: those that run take what waits
            self._running -= 1

    def _finish(self, key: _Key, future: asyncio.Future[_Found]) -> None:
        self._pending.pop(key, None)
        if future.cancelled():
            return
        error = future.exception()  # nobody may be left to ask for it
        if error is None:
            self._answers.pop(key, None)
            self._answers[key] = future.result(), time.monotonic()
            if len(self._answers) > _MAX_ANSWERS:
                del self._answers[next(iter(self._answers))]
        elif isinstance(error, NameNotResolved) and not error.temporary:
            self._answers.pop(key, None)  # the DNS says that there is no such name any more

    def _work(self) -> None:
        while (lookup := self._take()) is not None:
            lookup.began = time.monotonic()
            answer = self._look_up(*lookup.key)
            try:
                lookup.future.get_loop().call_soon_threadsafe(_settle, lookup.future, answer)
            except RuntimeError:  # the loop is closed: nobody waits
                pass

    def _take(self) -> Lookup | None:
        """The next lookup; None if there was none for a while, or will be none: then the thread ends."""
        with self._changed:
            if not self._queue and not self._closed:
                self._idle += 1
                self._changed.wait_for(lambda: self._queue or self._closed, self._idle_seconds)
                self._idle -= 1
            if self._queue and not self._closed:
                return self._queue.popleft()
            self._running -= 1
            return None

    def _look_up(self, host: str, ip_version: int | None) -> _Found | ProbeEnded:
        try:
            found = self._getaddrinfo(host, None, family=_FAMILIES[ip_version], type=socket.SOCK_STREAM)
        except OSError as error:
            if error.errno in _OUT_OF_RESOURCES:
                return Overloaded("this machine had no socket or memory left to look a name up")
            if isinstance(error, socket.gaierror) and error.errno in (socket.EAI_AGAIN, socket.EAI_FAIL):
                return NameNotResolved("the name server does not answer", temporary=True)
            return NameNotResolved("the name does not resolve")
        except UnicodeError:  # a label over 63 characters
            return NameNotResolved("the name does not resolve")
        usable = [entry for entry in found if entry[0] in (socket.AF_INET, socket.AF_INET6)]
        if not usable:
            return NameNotResolved("the name has no IP address")
        addresses = ((int(entry[0]), str(entry[4][0]), _scope_id(entry)) for entry in usable)
        return tuple(dict.fromkeys(addresses))


def _scope_id(entry: Any) -> int:
    return int(entry[4][3]) if entry[0] == socket.AF_INET6 else 0


def _settle(future: asyncio.Future[_Found], answer: _Found | ProbeEnded) -> None:
    if future.done():
        return
    if isinstance(answer, ProbeEnded):
        future.set_exception(answer)
    else:
        future.set_result(answer)
