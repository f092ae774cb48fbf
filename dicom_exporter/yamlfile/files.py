"""Files that a configuration consists of, or names: read with a bound on their size."""

from pathlib import Path

from dicom_exporter.text import shown


def read_bytes(path: Path, limit: int) -> bytes:
    """Read a file of at most `limit` bytes, whole MiB. Raises OSError, also if it is larger."""
    with path.open("rb") as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise OSError(f"it is larger than {limit >> 20} MiB")
    return data


def unreadable(error: OSError | ValueError, name: str | None = None) -> str:
    """Say why the file `name`, or the configuration file itself, cannot be read.

    A ValueError means that `name` is not a file name (it holds a NUL).
    """
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot read {'the file' if name is None else shown(name)}: {reason}"
