"""Scrapes of all targets, each for all requests that come at about the same time: one scrape, and one body a format.

Ten thousand targets are half a million samples, 50 MB and seconds of work: two hundred requests at once must not be two
hundred times that.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from dicom_exporter.config import Config
from dicom_exporter.server.negotiation import Collect, Format, encode

JOIN_WITHIN = 1.0
"""Seconds: what is joined was begun at most so long ago, so that nobody is told old news."""
JOIN_ANY_FROM = 2
"""Where so many are under way, one that was begun before is joined, too: more of them would make all of them late."""
MAX_ROUNDS = 8
"""Scrapes of all targets at once, each of which may hold a body of many megabytes."""

Begin = Callable[[], Awaitable[Collect]]


class TooManyRounds(Exception):
    """`MAX_ROUNDS` are under way, and none of them can be joined."""


@dataclass(eq=False, slots=True)
class Round:
    """One scrape of all targets, and what it has been made into."""

    config: Config
    begun: float
    deadline: float
    """Loop times; infinity where the timeouts of the modules hold alone."""
    found: asyncio.Future[Collect]
    requests: int = 0
    bodies: dict[Format, asyncio.Task[bytes]] = field(default_factory=dict)

    async def body(self, format_: Format, encoders: asyncio.Semaphore) -> bytes:
        """All that was found, in that format: encoded once, for all who want it."""
        body = self.bodies.get(format_)
        if body is None:
            body = self.bodies[format_] = asyncio.create_task(self._encode(format_, encoders))
        return await asyncio.shield(body)

    async def _encode(self, format_: Format, encoders: asyncio.Semaphore) -> bytes:
        return await encode(await asyncio.shield(self.found), format_, encoders)


class Rounds:
    """The scrapes of all targets that somebody waits for."""

    def __init__(self) -> None:
        self._rounds: list[Round] = []

    @asynccontextmanager
    async def join(self, config: Config, timeout: float | None, begin: Begin) -> AsyncIterator[Round]:
        """A round that ends within `timeout` seconds: one that has just begun, or a new one by `begin`.

        Raises TooManyRounds where it would take one more than there may be.

        It counts as under way until the last who joined has left: send the answer before that.
        """
        now = asyncio.get_running_loop().time()
        deadline = math.inf if timeout is None else now + timeout
        joined = self._find(config, now, deadline)
        if joined is None:
            if len(self._rounds) >= MAX_ROUNDS:
                raise TooManyRounds
            joined = Round(config, now, deadline, asyncio.ensure_future(begin()))
            self._rounds.append(joined)
        joined.requests += 1
        try:
            yield joined
        finally:
            joined.requests -= 1
            if not joined.requests:
                self._rounds.remove(joined)

    def _find(self, config: Config, now: float, deadline: float) -> Round | None:
        in_time = [
            each
            for each in self._rounds
            if each.deadline <= deadline and each.config is config and not each.found.done()
        ]
        youngest = max(in_time, key=lambda each: each.begun, default=None)
        if youngest is None or now - youngest.begun <= JOIN_WITHIN or len(self._rounds) >= JOIN_ANY_FROM:
            return youngest
        return None
