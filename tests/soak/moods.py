"""The moods (behaviours) of a peer, and the timeline of all moods."""

from __future__ import annotations

import random
from pathlib import Path

from tests.testing import hostile

WELL = "well"
GONE = "gone"
"""There is no listener: connections are refused."""
_FLOODS = ("endless", "without end", "4 GiB")
_ODD = (
    *(name for name in hostile.catalogue.ALL if not any(word in name for word in _FLOODS)),
    # A flood costs the sender as much CPU as the receiver, and both share this machine: a few floods are enough.
    *("association: 4 GiB PDU", "find: endless matches", "echo: endless command fragments"),
)
BEHAVIOURS = {WELL: hostile.honest.honest(matches=3), **{name: hostile.catalogue.ALL[name] for name in _ODD}}


def choose(chance: random.Random) -> str:
    """Choose the next mood: mostly `WELL`, as with real peers."""
    kind = chance.random()
    if kind < 0.65:
        return WELL
    return GONE if kind < 0.75 else chance.choice(_ODD)


NOBODY = -1
"""Number for lines of the timeline without a peer: from when and until when the peers' process was late."""


class Timeline:
    """Reads the moods that the peers' process writes to `path`: time (CLOCK_MONOTONIC), peer and mood."""

    def __init__(self, path: Path) -> None:
        self._file = path.open()
        self._changes: dict[int, list[tuple[float, str]]] = {}

    def constant(self, peer: int, begin: float, end: float) -> str | None:
        """The mood of `peer` from `begin` to `end`; None if it changed, or if the peers' process was late."""
        self._read()
        if any(at <= end and float(until) >= begin for at, until in self._changes.get(NOBODY, [])):
            return None
        changes = self._changes.get(peer, [])
        last = next((mood for at, mood in reversed(changes) if at <= begin), None)
        return None if any(begin < at <= end for at, _ in changes) else last

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _read(self) -> None:
        for line in self._file:
            at, peer, mood = line.rstrip("\n").split("\t")
            changes = self._changes.setdefault(int(peer), [])
            changes.append((float(at), mood))
            del changes[:-50]  # older moods are not needed
