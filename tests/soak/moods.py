"""What a peer may be like for a while, and who was what when."""

from __future__ import annotations

import random
from pathlib import Path

from tests.testing import hostile

WELL = "well"
GONE = "gone"
"""Nobody listens: connections are refused."""
_FLOODS = ("endless", "without end", "4 GiB")
_ODD = (
    *(name for name in hostile.catalogue.ALL if not any(word in name for word in _FLOODS)),
    # A flood costs its sender as much as us, and the two share a machine here: a few of them will do.
    *("association: 4 GiB PDU", "find: endless matches", "echo: endless command fragments"),
)
BEHAVIOURS = {WELL: hostile.honest.honest(matches=3), **{name: hostile.catalogue.ALL[name] for name in _ODD}}


def choose(chance: random.Random) -> str:
    """A mood for a while: mostly well, as peers are."""
    kind = chance.random()
    if kind < 0.65:
        return WELL
    return GONE if kind < 0.75 else chance.choice(_ODD)


NOBODY = -1
"""In the timeline: not a peer's mood, but until when (from when stands before it) the peers' process was late."""


class Timeline:
    """What the process of the peers writes to `path`, read as it comes: from when on (CLOCK_MONOTONIC) who was what."""

    def __init__(self, path: Path) -> None:
        self._file = path.open()
        self._changes: dict[int, list[tuple[float, str]]] = {}

    def constant(self, peer: int, begin: float, end: float) -> str | None:
        """The mood that `peer` was in from `begin` to `end`; None where it changed, or where its process was late."""
        self._read()
        if any(at <= end and float(until) >= begin for at, until in self._changes.get(NOBODY, [])):
            return None
        changes = self._changes.get(peer, [])
        last = next((mood for at, mood in reversed(changes) if at <= begin), None)
        return None if any(begin < at <= end for at, _ in changes) else last

    def close(self) -> None:
        """Read no more."""
        self._file.close()

    def _read(self) -> None:
        for line in self._file:
            at, peer, mood = line.rstrip("\n").split("\t")
            changes = self._changes.setdefault(int(peer), [])
            changes.append((float(at), mood))
            del changes[:-50]  # nobody asks for what was minutes ago
