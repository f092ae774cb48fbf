"""Shared scrapes: requests for all targets that arrive at about the same time share one scrape and one encoded body.

The samples of ten thousand targets are 50 MB of text and take seconds of processor time. Two hundred requests at once
must not cost two hundred times that.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from dicom_exporter.config import Config
from dicom_exporter.server.negotiation import Collect, Format, Text, encode

JOIN_WITHIN = 1.0
"""Seconds after its start in which a scrape can be joined, so that no answer is older than that."""
JOIN_ANY_FROM = 2
"""While so many scrapes are in flight, an older one is joined too: one more would make all of them late."""
MAX_SCRAPES = 8
"""Scrapes of all targets in flight at once. Each may hold a body of many megabytes."""

_RESERVE = 2.0
"""How many times as long as the last scrapes took to write their results a scrape has for that: a machine that was idle
may be busy the next time."""

Start = Callable[[], Awaitable[Collect]]


class TooManyScrapes(Exception):
    """`MAX_SCRAPES` are in flight, and none of them can be joined."""


@dataclass(eq=False, slots=True)
class SharedScrape:
    """One scrape of all targets, and the bodies that were made from its results."""

    config: Config
    started: float
    deadline: float
    """Loop times; infinity if only the timeouts of the modules apply."""
    timeout: float
    """Seconds that it was given; infinity likewise."""
    results: asyncio.Future[Collect]
    encoder: asyncio.Semaphore
    note: Callable[[float], None]
    """Called with the seconds from the end of the probes, or from the deadline if they went on beyond it, to a body."""
    requests: int = 0
    bodies: dict[tuple[Text, bool], asyncio.Task[bytes]] = field(default_factory=dict)

    async def body(self, format_: Format) -> bytes:
        """The results in that format, which are encoded once for all requests."""
        body = self.bodies.get(format_.body_key)
        if body is None:
            body = self.bodies[format_.body_key] = asyncio.create_task(self._encode(format_))
        return await asyncio.shield(body)

    async def _encode(self, format_: Format) -> bytes:
        loop = asyncio.get_running_loop()
        collect = await asyncio.shield(self.results)
        begun = min(loop.time(), self.deadline)
        body = await encode(collect, format_, self.encoder)
        self.note(loop.time() - begun)
        return body


class SharedScrapes:
    """The scrapes of all targets that are in flight."""

    def __init__(self) -> None:
        self._in_flight: list[SharedScrape] = []
        self._encoder = asyncio.Semaphore(1)
        """Held while a body is encoded: one at a time, as that takes much memory."""
        self._longest = 0.0

    @property
    def margin(self) -> float:
        """Seconds to keep for writing the results of the next scrape: by how long the last ones took. 0 before one."""
        return _RESERVE * self._longest

    def _note(self, seconds: float) -> None:
        """A body took so many `seconds`. What took longest is forgotten by half with each scrape."""
        self._longest = max(seconds, self._longest / 2)

    @asynccontextmanager
    async def join(self, config: Config, timeout: float | None, start: Start) -> AsyncIterator[SharedScrape]:
        """Join a scrape that ends within `timeout` seconds and was given no less, or start one with `start`.

        It is in flight until the last request leaves the block: send the response inside of it.

        Raises:
            TooManyScrapes: a new scrape would be needed, and there are `MAX_SCRAPES` already.
        """
        now = asyncio.get_running_loop().time()
        seconds = math.inf if timeout is None else timeout
        deadline = now + seconds
        scrape = self._find(config, now, deadline, seconds)
        if scrape is None:
            if len(self._in_flight) >= MAX_SCRAPES:
                raise TooManyScrapes
            scrape = SharedScrape(
                config, now, deadline, seconds, asyncio.ensure_future(start()), self._encoder, self._note
            )
            self._in_flight.append(scrape)
        scrape.requests += 1
        try:
            yield scrape
        finally:
            scrape.requests -= 1
            if not scrape.requests:
                self._in_flight.remove(scrape)

    def _find(self, config: Config, now: float, deadline: float, seconds: float) -> SharedScrape | None:
        in_time = [
            each
            for each in self._in_flight
            if each.deadline <= deadline
            and each.timeout >= seconds
            and each.config is config
            and not each.results.done()
        ]
        youngest = max(in_time, key=lambda each: each.started, default=None)
        if youngest is None or now - youngest.started <= JOIN_WITHIN or len(self._in_flight) >= JOIN_ANY_FROM:
            return youngest
        return None
