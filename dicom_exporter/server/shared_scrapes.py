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
    requests: int = 0
    bodies: dict[tuple[Text, bool], asyncio.Task[bytes]] = field(default_factory=dict)

    async def body(self, format_: Format) -> bytes:
        """The results in that format, which are encoded once for all requests."""
        body = self.bodies.get(format_.body_key)
        if body is None:
            body = self.bodies[format_.body_key] = asyncio.create_task(self._encode(format_))
        return await asyncio.shield(body)

    async def _encode(self, format_: Format) -> bytes:
        return await encode(await asyncio.shield(self.results), format_, self.encoder)


class SharedScrapes:
    """The scrapes of all targets that are in flight."""

    def __init__(self) -> None:
        self._in_flight: list[SharedScrape] = []
        self._encoder = asyncio.Semaphore(1)
        """Held while a body is encoded: one at a time, as that takes much memory."""

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
            scrape = SharedScrape(config, now, deadline, seconds, asyncio.ensure_future(start()), self._encoder)
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
