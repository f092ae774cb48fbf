"""Durations as Prometheus writes them: ``500ms``, ``10s``, ``5m``, ``1h30m``, ``1d``."""

from __future__ import annotations

import re

from dicom_exporter.config.wording import shown

_MILLISECONDS = {
    "y": 365 * 86_400_000,
    "w": 7 * 86_400_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
    "ms": 1,
}
_MAX_DIGITS = 9
PATTERN = "^(?=[0-9])" + "".join(f"([0-9]{{1,{_MAX_DIGITS}}}{unit})?" for unit in _MILLISECONDS) + "$"
"""Each unit at most once, the longest first. It is also the pattern in the JSON Schema, where `$` is the very end."""
_REGEX = re.compile(PATTERN)


def parse_duration(text: str) -> float:
    """Read a duration as Prometheus writes it; gives seconds, always more than 0.

    Raises ValueError with a message for the user.
    """
    match = _REGEX.fullmatch(text)
    if match is None:
        raise ValueError(f"{shown(text)} is not a duration like 500ms, 10s, 5m, 1h30m or 1d{_hint(text)}")
    milliseconds = sum(
        int(part[: -len(unit)]) * size
        for part, (unit, size) in zip(match.groups(), _MILLISECONDS.items(), strict=True)
        if part is not None
    )
    if milliseconds == 0:
        raise ValueError("a duration of nothing makes no sense here")
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """Write `seconds` as `parse_duration` reads them: 90 gives ``1m30s``. Rounds to milliseconds."""
    milliseconds = round(seconds * 1000)
    text = ""
    for unit, size in _MILLISECONDS.items():
        if unit in ("y", "w"):
            continue  # 7d is easier to read than 1w where somebody wrote 8d
        count, milliseconds = divmod(milliseconds, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _hint(text: str) -> str:
    if re.fullmatch(r"[0-9]+", text):
        return f": it has no unit (seconds would be {text}s)"
    if text.startswith("-"):
        return ": it cannot be negative"
    if fraction := re.fullmatch(r"([0-9]{0,6})\.([0-9]{1,3})s", text):
        milliseconds = int(fraction[1] or "0") * 1000 + int(fraction[2].ljust(3, "0"))
        return f": fractions are written with a smaller unit ({milliseconds}ms)"
    return ""
