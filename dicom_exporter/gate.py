"""The two rules that every association keeps: one at a time to one address, and so many at once in all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dicom_exporter.dicom.errors import Overloaded
from dicom_exporter.dicom.resolve import SocketAddress


class Gate:
    """Lets associations through. Whoever waits past its deadline ends as `Overloaded`: the peer did nothing wrong."""

    def __init__(self, max_concurrent_probes: int) -> None:
        self._slots = asyncio.Semaphore(max_concurrent_probes)
        self._addresses: dict[tuple[str, int], tuple[asyncio.Lock, int]] = {}

    def resize(self, max_concurrent_probes: int) -> None:
        """Apply a new bound to the associations that begin from now on."""
        self._slots = asyncio.Semaphore(max_concurrent_probes)

    @asynccontextmanager
    async def address(self, address: SocketAddress, deadline: float) -> AsyncIterator[None]:
        """Hold `address` alone. Many archives allow one or two associations per AE title, Orthanc four in all."""
        key = (address.ip, address.port)
        lock, users = self._addresses.get(key) or (asyncio.Lock(), 0)
        self._addresses[key] = (lock, users + 1)
        try:
            await _acquire(lock, deadline, "another probe of this address took all the time")
            try:
                yield
            finally:
                lock.release()
        finally:
            users = self._addresses[key][1] - 1
            if users:
                self._addresses[key] = (lock, users)
            else:
                del self._addresses[key]

    @asynccontextmanager
    async def association(self, deadline: float) -> AsyncIterator[None]:
        """Hold one of `max_concurrent_probes` places. Entered once connected: a pending connect costs no peer."""
        slots = self._slots
        await _acquire(slots, deadline, "no place among the associations at once")
        try:
            yield
        finally:
            slots.release()


async def _acquire(what: asyncio.Lock | asyncio.Semaphore, deadline: float, why: str) -> None:
    if not what.locked():
        await what.acquire()
        return
    try:
        async with asyncio.timeout_at(deadline):
            await what.acquire()
    except TimeoutError:
        raise Overloaded(why) from None
