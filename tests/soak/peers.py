"""The process of the peers: `python -m tests.soak.peers DIRECTORY COUNT PORT SEED`. SIGTERM ends it.

Writes `timeline` (the moods) and `peers.json` (how the associations ended, updated twice a second) to DIRECTORY.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import json
import random
import signal
import socket
import sys
import time
from pathlib import Path

from tests.soak.moods import BEHAVIOURS, GONE, NOBODY, choose
from tests.testing.hostile import Event, Peer

_SHORTEST, _LONGEST = 8.0, 90.0
"""Shortest and longest duration of a mood, in seconds."""
_LATE = 0.3
"""Seconds. If the process is later than this, the peers do not behave as their moods say."""
_CUT_OFF = 0.3
"""The share of peers that close their connections when they go."""


def address(peer: int) -> str:
    """The loopback address of peer number `peer`."""
    return f"127.77.{peer // 250}.{peer % 250 + 1}"


class Endings:
    """How the connections ended, as seen by the server."""

    def __init__(self) -> None:
        self.counts: collections.Counter[str] = collections.Counter()
        self.unclean: collections.Counter[str] = collections.Counter()
        """Mood -> associations that the client ended without A-RELEASE or A-ABORT."""

    def note(self, peer: Peer, mood: str, error: BaseException | None) -> None:
        """Count one connection that has ended."""
        events = set(peer.events)
        if error is not None:
            self.counts["unreadable"] += 1
            self.unclean[f"{mood}: {error!r}"] += 1
        elif Event.PROPOSED not in events:
            self.counts["no association proposed"] += 1
        elif not peer.ended_cleanly and Event.RELEASE_ANSWERED not in events:
            self.counts["closed without A-RELEASE or A-ABORT"] += 1
            self.unclean[mood] += 1
        elif Event.RELEASED in events:
            self.counts["released"] += 1
        elif Event.ABORTED in events:
            self.counts["aborted"] += 1
        else:
            self.counts["ended by the server"] += 1


class LivingPeer:
    """One address, with a mood that changes."""

    def __init__(self, number: int, port: int, endings: Endings, chance: random.Random) -> None:
        self._number = number
        self._port = port
        self._endings = endings
        self._chance = chance
        self._mood = GONE
        self._connections: dict[asyncio.Task[None], tuple[Peer, str]] = {}

    async def live(self, timeline: list[str]) -> None:
        """Change the mood until cancelled; each change is added to `timeline`."""
        while True:
            mood = choose(self._chance)
            listening = contextlib.ExitStack()
            if mood == GONE:
                self._go(timeline)
            else:
                self._mood = mood
                listener = socket.create_server((address(self._number), self._port), backlog=64)
                listener.setblocking(False)
                self._note(timeline)
                loop = asyncio.get_running_loop()
                loop.add_reader(listener, self._accept, listener)
                listening.callback(listener.close)
                listening.callback(loop.remove_reader, listener)
            with listening:
                await asyncio.sleep(self._chance.uniform(_SHORTEST, _LONGEST))

    def _go(self, timeline: list[str]) -> None:
        self._mood = GONE
        self._note(timeline)
        if self._chance.random() < _CUT_OFF:
            for task in self._connections:
                task.cancel()

    def _note(self, timeline: list[str]) -> None:
        timeline.append(f"{time.monotonic()}\t{self._number}\t{self._mood}\n")

    def _accept(self, listener: socket.socket) -> None:
        try:
            connection, _ = listener.accept()
        except OSError:  # the connection is already closed
            return
        connection.setblocking(False)
        peer = Peer(connection)
        task = asyncio.create_task(peer.serve(BEHAVIOURS[self._mood]))
        self._connections[task] = peer, self._mood
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        peer, mood = self._connections.pop(task)
        peer.drop()
        if task.cancelled():
            peer.events.append(Event.WE_CLOSED)
            self._endings.note(peer, mood, None)
        else:
            self._endings.note(peer, mood, task.exception())


async def _watch_ourselves(timeline: list[str]) -> None:
    """Record when this process was late: its peers were slow then, independent of their moods."""
    while True:
        begin = time.monotonic()
        await asyncio.sleep(_LATE / 2)
        if time.monotonic() - begin > _LATE:
            timeline.append(f"{begin}\t{NOBODY}\t{time.monotonic()}\n")


async def _report(directory: Path, endings: Endings, timeline: list[str], count: int) -> None:
    moods: dict[str, str] = {}
    with (directory / "timeline").open("a") as file:
        while True:
            for line in timeline:
                _, peer, mood = line.rstrip("\n").split("\t")
                if peer != str(NOBODY):
                    moods[peer] = mood
            file.writelines(timeline)
            file.flush()
            timeline.clear()
            facts = {
                "listening": sum(mood != GONE for mood in moods.values()),
                "peers": count,
                "endings": endings.counts,
                "unclean": endings.unclean,
            }
            new = directory / "peers.json.new"
            new.write_text(json.dumps(facts))
            new.rename(directory / "peers.json")
            await asyncio.sleep(0.5)


async def _main(directory: Path, count: int, port: int, seed: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    endings = Endings()
    timeline: list[str] = []
    tasks = [
        asyncio.create_task(LivingPeer(number, port, endings, random.Random(f"{seed}/{number}")).live(timeline))
        for number in range(count)
    ]
    reporting = asyncio.create_task(_report(directory, endings, timeline, count))
    tasks.append(asyncio.create_task(_watch_ourselves(timeline)))
    stopping = asyncio.create_task(stop.wait())
    done, _ = await asyncio.wait({stopping, reporting, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    for task in done - {stopping}:
        task.result()  # a task ends by itself only because of a bug in this file
    await asyncio.sleep(1.5)  # so that connections that were just closed are counted
    reporting.cancel()


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), *map(int, sys.argv[2:5])))
