"""So many places, first come, first served: `asyncio.Semaphore` with a way in that costs nothing where one is free.

Ten thousand targets pass three such doors in each scrape, and hardly ever wait at one.

The rules that every association keeps: one at a time to one address, and so many at once in all.

Connections, which are pending or made, have a bound of their own: the file descriptors that the process may have.
"""

from __future__ import annotations

import asyncio
from collections import deque

from dicom_exporter.net.errors import Overloaded
from dicom_exporter.net.resolver import SocketAddress


class Places:
    """A number of places. Whoever has taken one gives it back, and whoever has waited longest gets it."""

    __slots__ = ("_waiting", "free")

    def __init__(self, number: int) -> None:
        self.free = number
        """How many nobody has; more than 0 only where nobody waits."""
        self._waiting: deque[asyncio.Future[None]] | None = None
        """The oldest first; made for the first who waits. Those that have given up stay until it is their turn."""

    def take(self) -> bool:
        """Take a place, if one is free; else `wait`."""
        if not self.free:
            return False
        self.free -= 1
        return True

    async def wait(self, deadline: float, why: str) -> None:
        """Take a place as soon as it is given back, and our turn.

        Raises:
            Overloaded: not before `deadline` (loop time), and `why`.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout_at(deadline):
                await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                self.give_back()  # it came just as we gave up
            if isinstance(error, TimeoutError):
                raise Overloaded(why) from None
            raise

    def give_back(self) -> None:
        """Let the next one have it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.free += 1


ANY_NUMBER = 1_048_576
"""Of connections: more than a process can have."""

_Key = tuple[str, int]


class Gate:
    """Lets associations through. Whoever waits past its deadline ends as `Overloaded`: the peer did nothing wrong.

    `max_connections` is for those who shall find a file descriptor left: clients of ours, while peers hang.
    """

    def __init__(self, max_concurrent_probes: int, max_connections: int = ANY_NUMBER) -> None:
        self._associations = Places(max_concurrent_probes)
        self._connections = Places(max_connections)
        self._addresses: dict[_Key, Places] = {}
        """Of one place each; those that somebody has."""

    def resize(self, max_concurrent_probes: int) -> None:
        """Apply a new bound to the associations that begin from now on."""
        self._associations = Places(max_concurrent_probes)

    def address(self, address: SocketAddress, deadline: float) -> _Alone:
        """Hold `address` alone. Many archives allow one or two associations per AE title, Orthanc four in all."""
        return _Alone(self._addresses, (address.ip, address.port), deadline, self._connections)

    def association(self, deadline: float) -> _Place:
        """Hold one of `max_concurrent_probes` places. Entered once connected: a pending connect costs no peer."""
        return _Place(self._associations, deadline)


# Classes, as generators in their place cost three times as much, and ten thousand targets pass here in one scrape.


class _Alone:
    """One address, and one of the connections, for the length of a block."""

    __slots__ = ("_addresses", "_connections", "_deadline", "_key", "_place")

    def __init__(self, addresses: dict[_Key, Places], key: _Key, deadline: float, connections: Places) -> None:
        self._addresses = addresses
        self._key = key
        self._deadline = deadline
        self._connections = connections

    async def __aenter__(self) -> None:
        place = self._addresses.get(self._key)
        if place is None:
            place = self._addresses[self._key] = Places(1)
        self._place = place
        if not place.take():
            try:
                await place.wait(self._deadline, "another probe of this address took all the time")
            except BaseException:
                self._forget()
                raise
        if not self._connections.take():
            try:
                await self._connections.wait(self._deadline, "no file descriptor to spare for this connection")
            except BaseException:
                place.give_back()
                self._forget()
                raise

    async def __aexit__(self, *_: object) -> None:
        self._connections.give_back()
        self._place.give_back()
        self._forget()

    def _forget(self) -> None:
        """Forget the address where nobody has it or waits for it. It may be forgotten already, and another's by now."""
        if self._place.free and self._addresses.get(self._key) is self._place:
            del self._addresses[self._key]


class _Place:
    """One of so many places, for the length of a block."""

    __slots__ = ("_deadline", "_held", "_places")

    def __init__(self, places: Places, deadline: float) -> None:
        self._places = places
        self._deadline = deadline
        self._held = False

    async def __aenter__(self) -> None:
        if not self._places.take():
            await self._places.wait(self._deadline, "no place among the associations at once")
        self._held = True

    async def __aexit__(self, *_: object) -> None:
        self.give_back()

    def give_back(self) -> None:
        """Let another have it before the block ends."""
        if self._held:
            self._held = False
            self._places.give_back()
