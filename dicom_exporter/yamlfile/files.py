"""Files that a configuration consists of, or names: read with a bound on their size."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from dicom_exporter.text import shown

REPLACED = "the file was replaced, but this mount of a single file shows the old one: mount its directory, or restart"
"""The message if `is_replaced`."""

EXPOSED = "every user of this machine may read the file: chmod 640 or 600"
"""The warning if `is_exposed`."""


def is_exposed(path: Path) -> bool:
    """Whether every user of the machine may read the file at `path`, by its own mode. Costs a stat."""
    try:
        return os.name == "posix" and bool(path.stat().st_mode & stat.S_IROTH)
    except (OSError, ValueError):
        return False


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes, whole MiB. Raises OSError, also if it is larger."""
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"it is larger than {limit >> 20} MiB")
    return data


def is_replaced(path: Path) -> bool:
    """Whether `path` is a mount of a single file that was deleted or replaced where it came from (Linux)."""
    with suppress(OSError):
        path = path.resolve()
        for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            root, mount_point = line.split(" ")[3:5]
            if mount_point.replace("\\040", " ") == str(path):
                return root.endswith("//deleted") or path.stat().st_nlink == 0
    return False


def unreadable(error: OSError | ValueError, name: str | None = None) -> str:
    """Say why the file `name`, or the configuration file itself, cannot be read.

    A ValueError means that `name` is not a file name (it holds a NUL). If there is no such file, its name is not shown:
    a password may have been written where the name of its file belongs.
    """
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    if name is None:
        return f"cannot read the file: {reason}"
    exists = isinstance(error, OSError) and error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
    return f"cannot read {shown(name) if exists else 'the file of this name'}: {reason}"
