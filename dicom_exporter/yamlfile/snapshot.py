"""The contents of a file at one moment, and whether they are still the same, by a stat."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from dicom_exporter.yamlfile.files import read_bytes

_TICK_NS = 2_000_000_000
"""The resolution of the coarsest file system clock (FAT). A file younger than this may change while its times stay the
same: it is read again until it is older."""

_Stat = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True, repr=False)
class Snapshot:
    """The contents of a file, or why there are none."""

    path: Path
    contents: bytes | OSError
    stat: _Stat | None
    """None: there was no file."""
    settled: bool

    def is_current(self) -> bool:
        """Whether the file has not changed since. Costs a stat."""
        return self.settled and _stat(self.path) == self.stat

    def data(self) -> bytes:
        """The contents. Raises OSError."""
        if isinstance(self.contents, OSError):
            raise self.contents
        return self.contents


def take(path: Path, limit: int, now_ns: Callable[[], int] = time.time_ns) -> Snapshot:
    """Read the file at `path`, of at most `limit` bytes, whole MiB. Blocks.

    Raises ValueError if `path` holds a NUL.
    """
    stat = _stat(path)  # before the contents: a change in between is noticed the next time
    settled = stat is None or now_ns() - max(stat[:2]) > _TICK_NS
    try:
        return Snapshot(path, read_bytes(path, limit), stat, settled)
    except OSError as error:
        return Snapshot(path, error, stat, settled)


def _stat(path: Path) -> _Stat | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - twice as fast as Path.stat, and called for each request
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ctime_ns, found.st_dev, found.st_ino, found.st_size
