"""What is wrong with a file: one line for each error, with the file, the line and the key."""

from collections.abc import Iterable
from dataclasses import dataclass

from dicom_exporter.text import escaped

KeyPath = tuple[str | int, ...]
"""The position of a value in a file: keys of mappings and indexes of lists, from the top."""


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One error. `str()` is one printable line: ``config.yml:31: targets[1].expect: 'close' is not one of …``."""

    file: str
    """The file as the user named it."""
    line: int | None
    """Counted from 1; None if the error is about the file as a whole."""
    key: str
    """The key as `format_path` writes it; empty if the error is about no single key."""
    message: str

    def __str__(self) -> str:
        position = self.file if self.line is None else f"{self.file}:{self.line}"
        return escaped(": ".join(part for part in (position, self.key, self.message) if part))


class ConfigErrors(Exception):
    """The files cannot be used. `errors` holds every error that was found, in the order of the files and lines."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(str, self.errors)))


def format_path(path: KeyPath) -> str:
    """`path` in the usual notation: ``targets[1].labels.site``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.isprintable() else repr(part)  # a key may hold a newline; an error is one line
            text += f".{name}" if text else name
    return text
