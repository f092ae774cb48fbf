"""Passwords and tokens: a type whose value is never printed, and the files that they are read from.

The names of files are relative to the directory of the configuration file that names them.
"""

import codecs
import hmac
import unicodedata
from pathlib import Path
from typing import Any, NoReturn, Self

from dicom_exporter.text import BLANK, hide, hide_no_more, shown
from dicom_exporter.yamlfile.files import is_exposed, read_bytes, unreadable

SHOWN = BLANK
MAX_FILE_BYTES = 1 << 20
"""What is read of a file at most."""
_MAX_SECRET_BYTES = 65535
"""The length fields of user identity negotiation have 16 bits (PS3.7 D.3.3.7.1)."""


class Secret:
    """A password. `str`, `repr` and every format print ``<secret>``; only `reveal` gives the value.

    It cannot be pickled, and `copy` gives the same object back, so that the value is not copied by accident. Two are
    equal if their values are.
    """

    __slots__ = ("_value", "exposed", "file")

    def __init__(self, value: str, file: Path | None = None, *, exposed: bool = False) -> None:
        self._value = value
        hide(value)
        self.file = file
        """Where it was read, and may be renewed; None: it cannot be."""
        self.exposed = exposed
        """Whether every user of the machine may read that file."""

    def __del__(self) -> None:
        hide_no_more(self._value)

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

    Raises ValueError with a message for the user if there is no such file, or it cannot be read.
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
    return parse_secret(_read(base / name, name), base / name, name)


def read_token(base: Path, name: str) -> Secret:
    """Read a bearer token (RFC 6750) from the file `name`. Raises ValueError as `read_secret` does."""
    return parse_token(_read(base / name, name), base / name, name)


def parse_secret(data: bytes, file: Path, name: str) -> Secret:
    """The secret in `data`, the contents of `file`. Raises ValueError as `read_secret` does."""
    if data.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise ValueError(f"{shown(name)} begins with a byte order mark: save it as UTF-8 without one")
    try:
        text = data.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        raise ValueError(f"{shown(name)} is not UTF-8 text") from None
    if not text:
        raise ValueError(f"{shown(name)} is empty")
    for index, character in enumerate(text):
        if unicodedata.category(character) == "Cc":
            line = text.count("\n", 0, index) + 1
            what = f"a control character (U+{ord(character):04X}) in line {line}"
            raise ValueError(f"{shown(name)} has {what}: a secret is one line of text")
    if len(text.encode()) > _MAX_SECRET_BYTES:
        raise ValueError(f"{shown(name)} is too long for a password: over {_MAX_SECRET_BYTES} bytes")
    return Secret(text, file, exposed=is_exposed(file))


def parse_token(data: bytes, file: Path, name: str) -> Secret:
    """The bearer token in `data`, the contents of `file`. Raises ValueError as `read_secret` does."""
    token = parse_secret(data, file, name)
    if not all("!" <= character <= "~" for character in token.reveal()):
        raise ValueError(f"{shown(name)} holds no bearer token: printable ASCII characters without spaces")
    return token


def _read(path: Path, name: str) -> bytes:
    try:
        return read_bytes(path, MAX_FILE_BYTES)
    except (OSError, ValueError) as error:
        raise ValueError(unreadable(error, name)) from None
