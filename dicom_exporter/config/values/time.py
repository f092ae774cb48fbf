"""Values about time: durations, dates to match, times of day.

Durations are written as in Prometheus: ``500ms``, ``10s``, ``1h30m``, ``1d``. Dates are relative to now (``today``,
``last 7d``) or in DICOM's notation (PS3.4 C.2.2.2.5). Times of day are windows like ``20:00-06:00``.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from dicom_exporter.text import did_you_mean, shown

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
DURATION_PATTERN = "^(?=[0-9])" + "".join(f"([0-9]{{1,{_MAX_DIGITS}}}{unit})?" for unit in _MILLISECONDS) + "$"
"""Each unit at most once, the longest first. It is also the pattern in the JSON Schema, where `$` is the very end."""
_DURATION = re.compile(DURATION_PATTERN)


def parse_duration(text: str) -> float:
    """Read a duration as Prometheus writes it; returns seconds, always more than 0.

    Raises ValueError with a message for the user.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        raise ValueError(f"{shown(text)} is not a duration like 500ms, 10s, 5m, 1h30m or 1d{_hint(text)}")
    milliseconds = sum(
        int(part[: -len(unit)]) * size
        for part, (unit, size) in zip(match.groups(), _MILLISECONDS.items(), strict=True)
        if part is not None
    )
    if milliseconds == 0:
        raise ValueError("a duration must be more than 0")
    return milliseconds / 1000


def format_duration(seconds: float) -> str:
    """Write `seconds` as `parse_duration` reads them: 90 gives ``1m30s``. Rounds to milliseconds."""
    milliseconds = round(seconds * 1000)
    text = ""
    for unit, size in _MILLISECONDS.items():
        if unit in ("y", "w"):
            continue  # 8d is easier to read than 1w1d
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


_LAST = re.compile(r"last ([0-9]{1,4})d")
_EXAMPLE = "like today, yesterday, 'last 7d', '20240131', '20240101-20240131' or '20240101-'"


@dataclass(frozen=True, slots=True)
class RelativeDate:
    """Whole days, counted back from today: `first` days ago until `last` days ago, both included."""

    first: int
    last: int

    def resolve(self, now: datetime) -> str:
        """Return the DICOM value at `now`, the target's local time: ``YYYYMMDD`` or ``YYYYMMDD-YYYYMMDD``."""
        first, last = (f"{now.date() - timedelta(days=days):%Y%m%d}" for days in (self.first, self.last))
        return first if first == last else f"{first}-{last}"

    def __str__(self) -> str:
        names = {(0, 0): "today", (1, 1): "yesterday"}
        return names.get((self.first, self.last), f"last {self.first + 1}d")


def parse_date(text: str) -> str | RelativeDate:
    """Read what a date attribute has to match. ``last 7d`` is seven days, of which today is the last.

    Raises ValueError with a message for the user.
    """
    if text == "today":
        return RelativeDate(0, 0)
    if text == "yesterday":
        return RelativeDate(1, 1)
    if last := _LAST.fullmatch(text):
        days = int(last[1])
        if days == 0:
            raise ValueError(f"{shown(text)} is too short: the minimum is 'last 1d'")
        return RelativeDate(days - 1, 0)
    if not re.fullmatch(r"[0-9]{8}|[0-9]{8}-([0-9]{8})?|-[0-9]{8}", text):
        raise ValueError(f"{shown(text)} is not a date {_EXAMPLE}{did_you_mean(text, ['today', 'yesterday'])}")
    days_given = [_day(text, part) for part in text.split("-") if part]
    if days_given != sorted(days_given):
        raise ValueError(f"{shown(text)} ends before it begins")
    return text


def _day(text: str, digits: str) -> date:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        raise ValueError(f"{shown(text)}: there is no day {digits}, dates are YYYYMMDD") from None


WINDOW_PATTERN = "^([01][0-9]|2[0-3]):[0-5][0-9]-(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$"
_WINDOW = re.compile(WINDOW_PATTERN)


@dataclass(frozen=True, slots=True)
class TimeWindow:
    """From `start` until just before `end`, over midnight if `end` is the earlier one."""

    start: time
    end: time

    def contains(self, local_time: time) -> bool:
        """Whether the target's local time of day lies in the window."""
        if self.start < self.end:
            return self.start <= local_time < self.end
        return local_time >= self.start or local_time < self.end

    def __str__(self) -> str:
        return f"{self.start:%H:%M}-{self.end:%H:%M}"


def parse_window(text: str) -> TimeWindow:
    """Read ``HH:MM-HH:MM``; ``24:00`` is the end of the day.

    Raises ValueError with a message for the user.
    """
    if not _WINDOW.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a time window like 20:00-06:00")
    start, end = text.replace("24:00", "00:00").split("-")
    window = TimeWindow(time.fromisoformat(start), time.fromisoformat(end))
    if window.start == window.end:
        raise ValueError(f"{shown(text)} starts and ends at the same time: leave the key out to allow any time")
    return window
