"""Shared scrapes: requests for all targets that arrive at about the same time share one scrape and one encoded body.

The samples of ten thousand targets are 50 MB of text and take seconds of processor time. Two hundred requests at once
must not cost two hundred times that.
"""

import asyncio
import math
from collections import Counter
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
_FIRST = 0.001
"""Seconds for the results of each target while none were written yet: several times what it usually takes."""

Start = Callable[[], Awaitable[Collect]]


class TooManyScrapes(Exception):
    """`MAX_SCRAPES` are in flight, and this is the one to give up."""


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
    client: str = ""
    """Who started it."""
    requests: Counter[str] = field(default_factory=Counter)
    """Who waits for it, and how often."""
    ended: bool = False
    bodies: dict[tuple[Text, bool], asyncio.Task[bytes]] = field(default_factory=dict)

    async def body(self, format_: Format) -> bytes:
        """The results in that format, which are encoded once for all requests."""
        body = self.bodies.get(format_.body_key)
        if body is None:
            body = self.bodies[format_.body_key] = asyncio.create_task(self._encode(format_))
        try:
            return await asyncio.shield(body)
        except asyncio.CancelledError:
            if self.ended:
                raise TooManyScrapes from None
            raise

    def end(self) -> None:
        """Give it up: who waits for it gets TooManyScrapes."""
        self.ended = True
        self.results.cancel()
        for body in self.bodies.values():
            body.cancel()

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
        self._longest: float | None = None

    def margin(self, targets: int) -> float:
        """Seconds to keep for writing the results of a scrape of `targets`: by how long the last ones took."""
        return _FIRST * targets if self._longest is None else _RESERVE * self._longest

    def _note(self, seconds: float) -> None:
        """A body took so many `seconds`. What took longest is forgotten by half with each scrape."""
        self._longest = max(seconds, (self._longest or 0.0) / 2)

    @asynccontextmanager
    async def join(
        self, config: Config, timeout: float | None, start: Start, client: str = ""
    ) -> AsyncIterator[SharedScrape]:
        """Join a scrape that ends within `timeout` seconds and was given no less, or start one with `start`.

        It is in flight until the last request leaves the block: do not send the response inside of it.

        Raises:
            TooManyScrapes: there would be more than `MAX_SCRAPES`, and no other is to be given up.
        """
        now = asyncio.get_running_loop().time()
        seconds = math.inf if timeout is None else timeout
        deadline = now + seconds
        scrape = self._find(config, now, deadline, seconds)
        if scrape is None:
            scrape = self._make_room(config, deadline, client)
        if scrape is None:
            scrape = SharedScrape(
                config, now, deadline, seconds, asyncio.ensure_future(start()), self._encoder, self._note, client
            )
            self._in_flight.append(scrape)
        scrape.requests[client] += 1
        try:
            yield scrape
        finally:
            scrape.requests[client] -= 1
            if not scrape.requests.total() and not scrape.ended:
                self._in_flight.remove(scrape)

    def _make_room(self, config: Config, deadline: float, client: str) -> SharedScrape | None:
        """Give up a scrape if there are too many, or find one to join that has less time than was asked for.

        The client that started most gives up the one that would end last: the one that it asks for now, if that is it.
        """
        if len(self._in_flight) < MAX_SCRAPES:
            return None
        started = Counter([client, *(each.client for each in self._in_flight)])
        most = max(started.values())
        theirs = [each for each in self._in_flight if started[each.client] == most]
        last = max(theirs, key=lambda each: (set(+each.requests) <= {each.client}, each.deadline), default=None)
        if last is not None and (started[client] < most or last.deadline > deadline):
            self._in_flight.remove(last)
            last.end()
            return None
        joined = [each for each in self._in_flight if each.deadline <= deadline and each.config is config]
        if not joined:
            raise TooManyScrapes
        return max(joined, key=lambda each: each.timeout)

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
