"""Dates to match: relative to now (``today``, ``last 7d``), or as DICOM writes them (PS3.4 C.2.2.2.5)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from dicom_exporter.config.wording import did_you_mean, shown

_LAST = re.compile(r"last ([0-9]{1,4})d")
_EXAMPLE = "like today, yesterday, 'last 7d', '20240131', '20240101-20240131' or '20240101-'"


@dataclass(frozen=True, slots=True)
class RelativeDate:
    """Whole days, counted back from today: `first` days ago until `last` days ago, both included."""

    first: int
    last: int

    def resolve(self, now: datetime) -> str:
        """Give the DICOM value at `now`, the target's local time: ``YYYYMMDD`` or ``YYYYMMDD-YYYYMMDD``."""
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
            raise ValueError(f"{shown(text)} is no day at all")
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
