"""What is wrong with a configuration: one line for each mistake, with the file, the line and the key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

KeyPath = tuple[str | int, ...]
"""Where a value stands in a file: keys of mappings and indexes of lists, from the top."""


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One mistake. `str()` is one line: ``config.yml:31: targets[1].expect: 'close' is not one of …``."""

    file: str
    """The file as the user named it."""
    line: int | None
    """Counted from 1; None where the file as a whole is meant."""
    key: str
    """The key as `format_path` writes it; empty where no single key is meant."""
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return _printable(": ".join(part for part in (place, self.key, self.message) if part))


class ConfigErrors(Exception):
    """The configuration cannot be used. `errors` holds every mistake that was found, in the order of the files."""

    def __init__(self, errors: Iterable[ConfigError]) -> None:
        self.errors = tuple(errors)
        super().__init__("\n".join(map(str, self.errors)))


def _printable(text: str) -> str:
    r"""`text` on one line that a terminal shows as it is: a control character in a name is ``\x1b``."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def format_path(path: KeyPath) -> str:
    """`path` as a person writes it: ``targets[1].labels.site``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if part.isprintable() else repr(part)  # a key may hold a newline; an error is one line
            text += f".{name}" if text else name
    return text
