"""How each value in the file is read. A reader raises ValueError with a message for the user."""

import re
from collections.abc import Iterable, Mapping

import bcrypt

from dicom_exporter.text import not_one_of, shown
from dicom_exporter.yamlfile.document import Plain

_TRUE = {"true", "yes", "on", "y"}
_FALSE = {"false", "no", "off", "n"}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ns": 1e-9}
_PART = re.compile(rf"([0-9]{{1,12}}(?:\.[0-9]{{0,12}})?|\.[0-9]{{1,12}})({'|'.join(sorted(_UNITS, key=len)[::-1])})")
_MAX_BURST = 1_000_000

_HASH = re.compile(r"\$2[aby]\$(0[4-9]|[12][0-9]|3[01])\$[./A-Za-z0-9]{53}")


USUAL_COST = 14
"""The highest usual cost of a bcrypt hash: a check takes about a second, and twice as long with each one more."""


def read_text(value: object) -> str:
    """Text, of whatever type it is to YAML; nothing is empty text."""
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ValueError(f"takes text, not {shown(value)}")
    return str(value)


def read_flag(value: object) -> bool:
    """A boolean of YAML 1.1, unquoted."""
    if isinstance(value, Plain) and value.lower() in _TRUE | _FALSE:
        return value.lower() in _TRUE
    raise ValueError(f"{shown(value)} is neither true nor false")


def read_burst(value: object) -> int:
    """A number of requests."""
    if not isinstance(value, str) or not re.fullmatch("0|[1-9][0-9]{0,11}", value):
        raise ValueError(f"{shown(value)} is not a whole number of requests")
    if int(value) > _MAX_BURST:
        raise ValueError(f"{value} is too large: the maximum is {_MAX_BURST}")
    return int(value)


def read_interval(value: object) -> float:
    """Seconds of a duration as Go writes it: ``1s``, ``250ms``, ``1m30s``, ``0``."""
    text = read_text(value)
    if text in ("0", "+0"):
        return 0.0
    parts = _PART.findall(text)
    if not text or "".join(number + unit for number, unit in parts) != text:
        hint = f": it has no unit (seconds would be {text}s)" if re.fullmatch("[0-9]{1,12}", text) else ""
        raise ValueError(f"{shown(text)} is not a duration like 1s, 250ms or 1m30s{hint}")
    return float(sum(float(number) * _UNITS[unit] for number, unit in parts))


def read_choice(value: object, choices: Iterable[str], refused: Mapping[str, str] | None = None) -> str:
    """One of `choices`. `refused` has further words, each with the reason why it is not supported."""
    word = read_text(value)
    if refused and word in refused:
        raise ValueError(f"{word} is not supported: {refused[word]}")
    choices = list(choices)
    if word not in choices:
        raise ValueError(not_one_of(word, filter(None, choices)))
    return word


def read_header(value: object) -> str:
    """The value of an HTTP header (RFC 9110 5.5)."""
    text = read_text(value).strip()
    if not all(" " <= character <= "~" for character in text):
        raise ValueError("an HTTP header holds printable ASCII characters, on one line")
    return text


def read_hash(value: object) -> str:
    """A bcrypt hash. No message shows anything of it."""
    text = read_text(value)
    if not text:
        raise ValueError("has no bcrypt hash: make one with `htpasswd -nBC 10 USER`")
    if not _HASH.fullmatch(text):
        raise ValueError("is not a bcrypt hash ($2y$10$ and 53 characters more): make one with `htpasswd -nBC 10 USER`")
    try:  # at the lowest cost, to learn whether the library accepts the salt
        bcrypt.checkpw(b"", f"$2b$04${text[7:]}".encode())
    except ValueError:
        raise ValueError("is not a bcrypt hash: its salt is invalid") from None
    return text


def hash_cost(value: bytes) -> int:
    """The cost of a hash that `read_hash` accepts: 2 to this power is the number of rounds."""
    return int(value[4:6])
