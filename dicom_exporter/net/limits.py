"""How many associations and connections there may be: one at a time to one address, and so many at once in all.

```
lock_address ─> connect ─> association_slot ─> TLS, A-ASSOCIATE, … ─> release
     │                            └─ max_concurrent_probes: what costs the peers something; pending connects do not
     ├─ one association at a time to one address: first for what the configuration asks, then for clients in turn
     └─ max_connections: the file descriptors that this process may have
```

Who waits past its deadline ends as `Overloaded`: the peer did nothing wrong. The classes here are written by hand for
speed. Ten thousand targets pass three limits in each scrape and hardly ever wait at one: with `asyncio.Semaphore` the
three cost a C-ECHO a twentieth of its time, and context managers made from generators cost three times as much as
classes.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable

from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.net.errors import Overloaded
from dicom_exporter.net.turns import Turns

JUST_NOW = 5.0
"""Seconds after an association of ours in which an archive may still be busy with its end."""
_FIRST_CLEARING = 1024
"""Addresses whose last association is remembered before those are forgotten that do not matter any more."""
SILENCE = 0.5
"""Seconds in which no more than `FEW_BYTES` come from a peer that is silent, and gives its slot to the next."""
FEW_BYTES = 256
UNLIMITED = 1_048_576
"""More associations, or connections, than a process can have."""


class CapacityLimiter:
    """A number of tokens. Who has acquired one releases it, and who has waited longest gets it next.

    `acquire_nowait` first, and `acquire` if that returns False: the usual way needs no coroutine.
    """

    __slots__ = ("_waiting", "available_tokens")

    def __init__(self, total_tokens: int) -> None:
        self.available_tokens = total_tokens
        """How many nobody has; more than 0 only if nobody waits."""
        self._waiting: dict[str | None, deque[asyncio.Future[None]]] | None = None
        """Whose turn -> who waits, oldest first; made for the first who waits. Those that gave up stay until then."""

    def acquire_nowait(self) -> bool:
        """Acquire a token if one is available; return whether one was."""
        if not self.available_tokens:
            return False
        self.available_tokens -= 1
        return True

    async def acquire(self, deadline: float, reason: str, turn: str | None = None) -> None:
        """Wait until a token is released to us: those without a `turn` are first, the others get one in turn.

        Raises:
            Overloaded: none was by `deadline` (loop time); its text is `reason`.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = {}
        self._waiting.setdefault(turn, deque()).append(waiter)
        try:
            async with asyncio.timeout_at(deadline):
                await waiter
        except BaseException as error:
            if waiter.done() and not waiter.cancelled():
                self.release()  # the token came in the moment in which we gave up
            if isinstance(error, TimeoutError):
                raise Overloaded(reason) from None
            raise

    def release(self) -> None:
        """Hand the token to who waits longest of those whose turn it is, or make it available."""
        while self._waiting:
            turn = None if None in self._waiting else next(iter(self._waiting))
            queue = self._waiting.pop(turn)
            waiter = queue.popleft()
            if queue:
                self._waiting[turn] = queue  # behind the others
            if not waiter.done():
                waiter.set_result(None)
                return
        self.available_tokens += 1


_Key = tuple[str, int]
"""`SocketAddress.place` and port."""


class ConnectionLimits:
    """The limits that all probes of a prober share. Without arguments, only the lock of each address limits."""

    def __init__(
        self, max_associations: int = UNLIMITED, max_connections: int = UNLIMITED, *, pause: float = 0.0
    ) -> None:
        self._associations = CapacityLimiter(max_associations)
        self._connections = CapacityLimiter(max_connections)
        self._addresses: dict[_Key, CapacityLimiter] = {}
        """One token each; only addresses that somebody holds or waits for."""
        self.pause = pause
        """Seconds between two associations with one address."""
        self.turns = Turns()
        """In which what peers send is handled."""
        self._ended: dict[_Key, float] = {}
        """Loop time at which our last association with an address ended."""
        self._most_ended = _FIRST_CLEARING

    def resize(self, max_associations: int, pause: float = 0.0) -> None:
        """Apply new limits to the associations that begin from now on."""
        self._associations = CapacityLimiter(max_associations)
        self.pause = pause

    def note_end(self, address: SocketAddress, now: float) -> None:
        """An association of ours with `address`, which is still locked, ends at loop time `now`."""
        self._ended[address.place, address.port] = now
        if len(self._ended) > self._most_ended:  # seldom, as to keep them in order costs more than an association may
            forget = now - max(self.pause, JUST_NOW)
            self._ended = {key: ended for key, ended in self._ended.items() if ended >= forget}
            self._most_ended = max(_FIRST_CLEARING, 2 * len(self._ended))

    def since_end(self, address: SocketAddress, now: float) -> float:
        """Seconds since our last association with `address` ended; infinite if that does not matter any more."""
        ended = self._ended.get((address.place, address.port))
        return math.inf if ended is None else now - ended

    def lock_address(self, address: SocketAddress, deadline: float, turn: str | None = None) -> AddressLock:
        """Hold `address` alone, and one connection, from before the connection is made until it is closed.

        `turn` is `ProbeContext.turn`. Many archives allow one or two associations per AE title, Orthanc four in all.
        """
        return AddressLock(self._addresses, (address.place, address.port), deadline, self._connections, turn)

    def association_slot(self, deadline: float) -> AssociationSlot:
        """Hold one of the associations. Acquire it once connected: a pending connect costs no peer anything."""
        return AssociationSlot(self._associations, deadline)


class AddressLock:
    """One address, and one of the connections, for the length of an ``async with`` block."""

    __slots__ = ("_addresses", "_connections", "_deadline", "_key", "_lock", "_turn")

    def __init__(
        self,
        addresses: dict[_Key, CapacityLimiter],
        key: _Key,
        deadline: float,
        connections: CapacityLimiter,
        turn: str | None,
    ) -> None:
        self._addresses = addresses
        self._key = key
        self._deadline = deadline
        self._connections = connections
        self._turn = turn

    def acquire_nowait(self) -> bool:
        """Hold both if nobody else holds the address and a connection is free; return whether they are held.

        In place of ``async with``: then `__aexit__` is due.
        """
        if self._key in self._addresses or not self._connections.acquire_nowait():
            return False
        lock = self._lock = self._addresses[self._key] = CapacityLimiter(1)
        return lock.acquire_nowait()

    async def __aenter__(self) -> None:
        lock = self._addresses.get(self._key)
        if lock is None:
            lock = self._addresses[self._key] = CapacityLimiter(1)
        self._lock = lock
        if not lock.acquire_nowait():
            try:
                await lock.acquire(self._deadline, "another probe of this address took all the time", self._turn)
            except BaseException:
                self._forget()
                raise
        if not self._connections.acquire_nowait():
            try:
                await self._connections.acquire(self._deadline, "no file descriptor was free for this connection")
            except BaseException:
                lock.release()
                self._forget()
                raise

    async def __aexit__(self, *_: object) -> None:
        self._connections.release()
        self._lock.release()
        self._forget()

    def _forget(self) -> None:
        """Forget the address if nobody holds it or waits for it. The entry may be gone, or be a newer lock's."""
        if self._lock.available_tokens and self._addresses.get(self._key) is self._lock:
            del self._addresses[self._key]


class AssociationSlot:
    """One of the associations, for the length of an ``async with`` block."""

    __slots__ = ("_deadline", "_held", "_limiter", "_timer")

    def __init__(self, limiter: CapacityLimiter, deadline: float) -> None:
        self._limiter = limiter
        self._deadline = deadline
        self._held = False
        self._timer: asyncio.TimerHandle | None = None

    def acquire_nowait(self) -> bool:
        """Hold a slot if one is free; return whether it is held. In place of ``async with``: then `release` is due."""
        self._held = self._limiter.acquire_nowait()
        return self._held

    async def __aenter__(self) -> None:
        if not self._limiter.acquire_nowait():
            await self._limiter.acquire(self._deadline, "all associations that may be open at once were in use")
        self._held = True

    async def __aexit__(self, *_: object) -> None:
        self.release()

    def watch(self, count_received: Callable[[], int]) -> None:
        """Release the slot once the peer, from which so many bytes came so far, is silent."""
        self._timer = asyncio.get_running_loop().call_later(SILENCE, self._look, count_received, count_received())

    def _look(self, count_received: Callable[[], int], before: int) -> None:
        if count_received() - before <= FEW_BYTES:
            self.release()
        else:
            self.watch(count_received)

    def release(self) -> None:
        """Release the slot, perhaps before the block ends.

        A few hundred peers that accept a connection and say nothing would otherwise hold all slots until everybody
        else's deadline.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._held:
            self._held = False
            self._limiter.release()
