"""The values in the file: how each is read. A reader raises ValueError with a message for the user."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping

import bcrypt

from dicom_exporter.webconfig.document import Plain

_LONGEST_SHOWN = 60
_MOST_SHOWN = 6

_TRUE = {"true", "yes", "on", "y"}
_FALSE = {"false", "no", "off", "n"}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_PART = re.compile(rf"([0-9]{{1,12}}(?:\.[0-9]{{0,12}})?|\.[0-9]{{1,12}})({'|'.join(sorted(_UNITS, key=len)[::-1])})")
_MAX_BURST = 1_000_000

_HASH = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")
_SALT_END = 29
"""``$2b$10$`` and the 22 characters of the salt."""


def shown(text: object) -> str:
    """`text` in quotes, on one line and not endless."""
    if isinstance(text, dict):
        return "a mapping"
    if isinstance(text, list):
        return "a list"
    if text is None:
        return "nothing"
    quoted = repr(str(text))
    return quoted if len(quoted) <= _LONGEST_SHOWN else quoted[:_LONGEST_SHOWN] + "…"


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean key_file?)`` where one of `choices` is close to `word`, else nothing."""
    by_lower_case = {choice.lower(): choice for choice in choices}
    close = difflib.get_close_matches(word.lower(), by_lower_case, n=1)
    return f" (did you mean {by_lower_case[close[0]]}?)" if close else ""


def not_one_of(word: str, choices: Iterable[str]) -> str:
    """The message for a word outside of a closed vocabulary, which is shown where it is short."""
    choices = [choice for choice in choices if choice]
    known = f"one of {', '.join(choices)}" if len(choices) <= _MOST_SHOWN else "known here"
    return f"{shown(word)} is not {known}{did_you_mean(word, choices)}"


def read_text(value: object) -> str:
    """Text, whatever it looks like to YAML; nothing is empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"takes text, not {shown(value)}")
    return str(value)


def read_flag(value: object) -> bool:
    """A boolean of YAML 1.1, unquoted."""
    if isinstance(value, bool):  # a default
        return value
    if isinstance(value, Plain) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise ValueError(f"{shown(value)} is neither true nor false")


def read_burst(value: object) -> int:
    """A number of requests."""
    if isinstance(value, int):
        return value
    if not isinstance(value, str) or not re.fullmatch("[0-9]{1,12}", value):
        raise ValueError(f"{shown(value)} is not a whole number of requests")
    if int(value) > _MAX_BURST:
        raise ValueError(f"{value} is too large: {_MAX_BURST} is the most")
    return int(value)


def read_interval(value: object) -> float:
    """Seconds of a duration as Go writes it: ``1s``, ``250ms``, ``1m30s``, ``0``."""
    if isinstance(value, int | float):
        return float(value)
    text = read_text(value)
    if text in ("0", "+0"):
        return 0.0
    parts = _PART.findall(text)
    if not text or "".join(number + unit for number, unit in parts) != text:
        hint = f": it has no unit (seconds would be {text}s)" if re.fullmatch("[0-9]{1,12}", text) else ""
        raise ValueError(f"{shown(text)} is not a duration like 1s, 250ms or 1m30s{hint}")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def read_choice(value: object, choices: Iterable[str], refused: Mapping[str, str] | None = None) -> str:
    """One of `choices`; of the words in `refused`, why not."""
    word = read_text(value)
    if refused and word in refused:
        raise ValueError(f"{word} is not supported: {refused[word]}")
    choices = list(choices)
    if word not in choices:
        raise ValueError(not_one_of(word, choices))
    return word


def read_header(value: object) -> str:
    """What can stand in the value of an HTTP header (RFC 9110 5.5)."""
    text = read_text(value).strip()
    if not all(" " <= character <= "~" for character in text):
        raise ValueError("an HTTP header holds printable ASCII characters, on one line")
    return text


def check_hash(value: str) -> None:
    """Raise ValueError where `value` is no bcrypt hash; the message shows nothing of it."""
    if not value:
        raise ValueError("has no bcrypt hash: make one with `htpasswd -nBC 10 USER`")
    if not _HASH.fullmatch(value):
        raise ValueError("is not a bcrypt hash ($2y$10$ and 53 characters more): make one with `htpasswd -nBC 10 USER`")
    try:  # at the least cost, to learn whether the library takes the salt
        bcrypt.checkpw(b"", f"$2b$04${value[7:]}".encode())
    except ValueError:
        raise ValueError("is not a bcrypt hash: no salt ends like this one") from None


def hash_cost(value: bytes) -> int:
    """The cost of a hash that `check_hash` has let pass: 2 to this power is the number of rounds."""
    return int(value[4:6])
