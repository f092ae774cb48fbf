"""The rules that every association keeps: one at a time to one address, and so many at once in all.

Connections, which are pending or made, have a bound of their own: the file descriptors that the process may have.
"""

from __future__ import annotations

import asyncio

from dicom_exporter.dicom.errors import Overloaded
from dicom_exporter.dicom.resolve import SocketAddress

ANY_NUMBER = 1_048_576
"""Of connections: more than a process can have."""

_Key = tuple[str, int]


class Gate:
    """Lets associations through. Whoever waits past its deadline ends as `Overloaded`: the peer did nothing wrong.

    `max_connections` is for those who shall find a file descriptor left: clients of ours, while peers hang.
    """

    def __init__(self, max_concurrent_probes: int, max_connections: int = ANY_NUMBER) -> None:
        self._slots = asyncio.Semaphore(max_concurrent_probes)
        self._connections = asyncio.Semaphore(max_connections)
        self._addresses: dict[_Key, tuple[asyncio.Lock, int]] = {}

    def resize(self, max_concurrent_probes: int) -> None:
        """Apply a new bound to the associations that begin from now on."""
        self._slots = asyncio.Semaphore(max_concurrent_probes)

    def address(self, address: SocketAddress, deadline: float) -> _Alone:
        """Hold `address` alone. Many archives allow one or two associations per AE title, Orthanc four in all."""
        return _Alone(self._addresses, (address.ip, address.port), deadline, self._connections)

    def association(self, deadline: float) -> _Place:
        """Hold one of `max_concurrent_probes` places. Entered once connected: a pending connect costs no peer."""
        return _Place(self._slots, deadline)


# Classes, as generators in their place cost three times as much, and ten thousand targets pass here in one scrape.


class _Alone:
    """One address, for the length of a block. Kept among `addresses` as a lock and how many hold it or wait."""

    __slots__ = ("_addresses", "_connections", "_deadline", "_key")

    def __init__(
        self,
        addresses: dict[_Key, tuple[asyncio.Lock, int]],
        key: _Key,
        deadline: float,
        connections: asyncio.Semaphore,
    ) -> None:
        self._addresses = addresses
        self._key = key
        self._deadline = deadline
        self._connections = connections

    async def __aenter__(self) -> None:
        lock, users = self._addresses.get(self._key) or (asyncio.Lock(), 0)
        self._addresses[self._key] = (lock, users + 1)
        try:
            await _acquire(lock, self._deadline, "another probe of this address took all the time")
            try:
                await _acquire(self._connections, self._deadline, "no file descriptor to spare for this connection")
            except BaseException:
                lock.release()
                raise
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        self._connections.release()
        self._addresses[self._key][0].release()
        self._leave()

    def _leave(self) -> None:
        lock, users = self._addresses[self._key]
        if users > 1:
            self._addresses[self._key] = (lock, users - 1)
        else:
            del self._addresses[self._key]


class _Place:
    """One of so many places, for the length of a block."""

    __slots__ = ("_deadline", "_held", "_slots")

    def __init__(self, slots: asyncio.Semaphore, deadline: float) -> None:
        self._slots = slots
        self._deadline = deadline
        self._held = False

    async def __aenter__(self) -> None:
        await _acquire(self._slots, self._deadline, "no place among the associations at once")
        self._held = True

    async def __aexit__(self, *_: object) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Let another have it before the block ends."""
        if self._held:
            self._held = False
            self._slots.release()


async def _acquire(what: asyncio.Lock | asyncio.Semaphore, deadline: float, why: str) -> None:
    if not what.locked():
        await what.acquire()
        return
    try:
        async with asyncio.timeout_at(deadline):
            await what.acquire()
    except TimeoutError:
        raise Overloaded(why) from None
