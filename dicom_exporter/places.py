"""So many places, first come, first served: `asyncio.Semaphore` with a way in that costs nothing where one is free.

Ten thousand targets pass three such doors in each scrape, and hardly ever wait at one.
"""

from __future__ import annotations

import asyncio
from collections import deque

from dicom_exporter.dicom.errors import Overloaded


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
