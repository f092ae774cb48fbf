"""Passwords and tokens: a type whose value is never printed, and the files that they are read from.

The names of files are relative to the directory of the configuration file that names them.
"""

import hmac
from pathlib import Path
from typing import Any, NoReturn, Self

from dicom_exporter.text import shown
from dicom_exporter.yamlfile.files import unreadable

SHOWN = "<secret>"
_MAX_SECRET_BYTES = 65535
"""The length fields of user identity negotiation have 16 bits (PS3.7 D.3.3.7.1)."""


class Secret:
    """A password. `str`, `repr` and every format print ``<secret>``; only `reveal` gives the value.

    It cannot be pickled, and `copy` gives the same object back, so that the value is not copied by accident.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value, to send it to the peer."""
        return self._value

    def __repr__(self) -> str:
        return SHOWN

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(SHOWN, spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash(self._value)

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")


def resolve_path(base: Path, name: str) -> Path:
    """Find the file `name`, relative to the directory `base` of the configuration file that names it.

    Raises ValueError with a message for the user where there is no such file, or it cannot be read.
    """
    path = base / name
    try:
        with path.open("rb"):
            return path
    except (OSError, ValueError) as error:
        raise ValueError(unreadable(error, name)) from None


def read_secret(base: Path, name: str) -> Secret:
    """Read a secret from the file `name`, without the newline at its end.

    Raises ValueError with a message for the user, which shows nothing of the contents.
    """
    try:
        with (base / name).open("rb") as file:
            data = file.read(_MAX_SECRET_BYTES + 3)
    except (OSError, ValueError) as error:
        raise ValueError(unreadable(error, name)) from None
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
