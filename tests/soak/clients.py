"""Two who scrape, as two Prometheus servers do, and compare what they read with what the peers were."""

from __future__ import annotations

import asyncio
import collections
import re
import time
from dataclasses import dataclass, field

import aiohttp

from tests.soak.moods import GONE, WELL, Timeline

_PATIENCE = aiohttp.ClientTimeout(total=60)
_OUTCOME = re.compile(r'^dicom_echo_outcome\{(?=[^}]*target="peer-(\d+)")(?=[^}]*outcome="(\w+)")[^}]*\} 1\.0$', re.M)
_SETTLED = 2.0
"""Seconds that a peer must have been in its mood before the scrape for the scrape to have to see it."""


@dataclass
class Scrapes:
    """What the clients saw."""

    answered: int = 0
    failed: collections.Counter[str] = field(default_factory=collections.Counter)
    failed_expected: collections.Counter[str] = field(default_factory=collections.Counter)
    """The same, of a client that came with a new connection while there was no file descriptor for it."""
    seconds: list[float] = field(default_factory=list)
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    compared: int = 0
    false_down: collections.Counter[str] = field(default_factory=collections.Counter)
    """Outcomes of peers that were well all the time, and were said to be otherwise."""
    false_up: collections.Counter[str] = field(default_factory=collections.Counter)
    """Moods of peers that were gone all the time, and were said to be otherwise."""
    unknown: int = 0
    """Peers that were well, and of which the exporter said that it was too busy to know."""
    unknown_expected: int = 0
    """The same, while it was kept from opening sockets."""
    missing: int = 0
    """Targets of the configuration without an outcome."""


class Clients:
    """Scrape until cancelled; `pause` holds them all, for a quiet moment."""

    def __init__(self, url: str, timeline: Timeline, *, interval: float, timeout: float) -> None:
        self.seen = Scrapes()
        self.short_of_files = False
        """Whether the exporter is, now."""
        self.targets: frozenset[int] = frozenset()
        """Peers that every scrape from now on has to show."""
        self._url = url
        self._timeline = timeline
        self._interval = interval
        self._timeout = timeout
        self._open = asyncio.Event()
        self._open.set()
        self._busy = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def pause(self) -> None:
        """Begin no more scrapes, and wait for those under way."""
        self._open.clear()
        await self._idle.wait()

    def resume(self) -> None:
        """Scrape on."""
        self._open.set()

    async def keep_scraping(self, *, keep_alive: bool) -> None:
        """One client, with one connection for all scrapes or a new one for each."""
        connector = aiohttp.TCPConnector(force_close=not keep_alive)
        async with aiohttp.ClientSession(timeout=_PATIENCE, connector=connector) as client:
            while True:
                await self._open.wait()
                begin = time.monotonic()
                self._busy += 1
                self._idle.clear()
                try:
                    await self._scrape(client)
                finally:
                    self._busy -= 1
                    if not self._busy:
                        self._idle.set()
                await asyncio.sleep(max(0.1, begin + self._interval - time.monotonic()))

    async def _scrape(self, client: aiohttp.ClientSession) -> None:
        targets, short = self.targets, self.short_of_files
        begin = time.monotonic()
        headers = {"X-Prometheus-Scrape-Timeout-Seconds": str(self._timeout)}
        try:
            async with client.get(f"{self._url}/metrics", headers=headers) as response:
                text = await response.text()
                response.raise_for_status()
        except (aiohttp.ClientError, TimeoutError) as error:
            failures = self.seen.failed_expected if short else self.seen.failed
            failures[type(error).__name__] += 1
            return
        end = time.monotonic()
        self.seen.answered += 1
        self.seen.seconds.append(end - begin)
        # A probe may have begun with somebody else's scrape, and been joined.
        short = short or self.short_of_files
        self._compare(text, begin - self._timeout - _SETTLED, end, targets & self.targets, short)

    def _compare(self, text: str, begin: float, end: float, targets: frozenset[int], short: bool) -> None:
        seen = self.seen
        found: dict[int, list[str]] = {}
        for number, outcome in _OUTCOME.findall(text):
            found.setdefault(int(number), []).append(outcome)
        seen.missing += len(targets - found.keys())
        for number, outcomes in found.items():
            mood = self._timeline.constant(number, begin, end)
            for outcome in outcomes:
                seen.outcomes[outcome] += 1
                if mood in (WELL, GONE):
                    seen.compared += 1
                if outcome == "overload":
                    if short:
                        seen.unknown_expected += 1
                    else:
                        seen.unknown += 1
                elif mood == WELL and outcome != "success":
                    seen.false_down[outcome] += 1
                elif mood == GONE and outcome != "refused":
                    seen.false_up[outcome] += 1
