"""Files that a configuration names: found beside it, and read when it is loaded."""

from __future__ import annotations

from pathlib import Path

from dicom_exporter.config.secret import Secret
from dicom_exporter.config.wording import shown

_MAX_SECRET_BYTES = 65535
"""The length fields of user identity negotiation have 16 bits (PS3.7 D.3.3.7.1)."""


def resolve_path(base: Path, name: str) -> Path:
    """Find the file `name`, relative to the directory `base` of the configuration file that names it.

    Raises ValueError with a message for the user where there is no such file, or it cannot be read.
    """
    path = base / name
    try:
        with path.open("rb"):
            return path
    except (OSError, ValueError) as error:
        raise ValueError(unreadable(name, error)) from None


def read_secret(base: Path, name: str) -> Secret:
    """Read a secret from the file `name`, without the newline at its end.

    Raises ValueError with a message for the user, in which nothing of the contents shows.
    """
    try:
        with (base / name).open("rb") as file:
            data = file.read(_MAX_SECRET_BYTES + 3)
    except (OSError, ValueError) as error:
        raise ValueError(unreadable(name, error)) from None
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{shown(name)} is not UTF-8 text") from None
    if not text:
        raise ValueError(f"{shown(name)} is empty")
    if len(text.encode()) > _MAX_SECRET_BYTES:
        raise ValueError(f"{shown(name)} is too long for a password: over {_MAX_SECRET_BYTES} bytes")
    return Secret(text)


def read_token(base: Path, name: str) -> Secret:
    """Read a bearer token (RFC 6750) from the file `name`. Raises ValueError as `read_secret` does."""
    token = read_secret(base, name)
    if not all("!" <= character <= "~" for character in token.reveal()):
        raise ValueError(f"{shown(name)} holds no bearer token: printable ASCII characters without spaces")
    return token


def unreadable(name: str, error: OSError | ValueError) -> str:
    """Say why the file `name` cannot be read; a ValueError means that the name is no name (a NUL in it)."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"cannot read {shown(name)}: {reason}"
