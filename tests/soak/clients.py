"""Two clients that scrape like two Prometheus servers, and compare the outcomes with the moods of the peers."""

from __future__ import annotations

import asyncio
import collections
import re
import time
from dataclasses import dataclass, field

import aiohttp

from tests.soak.moods import GONE, WELL, Timeline
from tests.soak.rude import USERS
from tests.testing.web_config import basic

PROMETHEUS = basic("prometheus", USERS["prometheus"])
"""Headers of a request."""
_PATIENCE = aiohttp.ClientTimeout(total=60)
_OUTCOME = re.compile(r'^dicom_echo_outcome\{(?=[^}]*target="peer-(\d+)")(?=[^}]*outcome="(\w+)")[^}]*\} 1\.0$', re.M)
_SETTLED = 2.0
"""Seconds for which a peer must have had its mood before a scrape, so that the outcome is compared."""


@dataclass
class Scrapes:
    """The results of all scrapes."""

    answered: int = 0
    failed: collections.Counter[str] = field(default_factory=collections.Counter)
    failed_expected: collections.Counter[str] = field(default_factory=collections.Counter)
    """The same during a shortage of file descriptors: the exporter had none for a new connection."""
    seconds: list[float] = field(default_factory=list)
    outcomes: collections.Counter[str] = field(default_factory=collections.Counter)
    compared: int = 0
    false_down: collections.Counter[str] = field(default_factory=collections.Counter)
    """Other outcomes than success for peers that were well all the time."""
    false_up: collections.Counter[str] = field(default_factory=collections.Counter)
    """Other outcomes than refused for peers that were gone all the time."""
    unknown: int = 0
    """Outcomes overload without a shortage of file descriptors: the exporter had no time for the probe."""
    unknown_expected: int = 0
    """Outcomes overload during a shortage of file descriptors."""
    missing: int = 0
    """Targets of the configuration without an outcome."""


class Clients:
    """Scrape until cancelled. `pause` stops all scrapes for a while."""

    def __init__(self, url: str, timeline: Timeline, *, interval: float, timeout: float) -> None:
        self.seen = Scrapes()
        self.short_of_files = False
        """Whether the exporter has too few file descriptors now."""
        self.targets: frozenset[int] = frozenset()
        """Peers that each new scrape must contain."""
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
        """Start no more scrapes, and wait for those in progress."""
        self._open.clear()
        await self._idle.wait()

    def resume(self) -> None:
        """Allow scrapes again."""
        self._open.set()

    async def keep_scraping(self, *, keep_alive: bool) -> None:
        """Run one client, with one connection for all scrapes, or a new connection for each scrape."""
        connector = aiohttp.TCPConnector(force_close=not keep_alive)
        async with aiohttp.ClientSession(headers=PROMETHEUS, timeout=_PATIENCE, connector=connector) as client:
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
        # The probe may have been started by the other client's scrape, and joined.
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
