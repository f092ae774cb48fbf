"""When something is expected to happen: hours of the week, and days without any.

Hours are written like ``Mo-Fr 07:00-19:00`` or ``Sa,Su 22:00-02:00``: those over midnight belong to the day on which
they begin. All of it is in local time, whose days may have 23 or 25 hours.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo

from dicom_exporter.text import shown

_DAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
_DAY = f"({'|'.join(_DAYS)})"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
HOURS_PATTERN = f"^{_DAY}(-{_DAY})?(,{_DAY}(-{_DAY})?)* {_CLOCK}-({_CLOCK}|24:00)$"
HOLIDAY_PATTERN = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
_MOST_DAYS = 400
"""Days that are looked back at most."""
_AT_BEGIN = 3600.0
"""Seconds after the beginning of working hours in which nothing is said to be late, or fewer if less is allowed."""


@dataclass(frozen=True, slots=True)
class WeeklyHours:
    """The same hours on some days of the week; over midnight where `end` is not after `start`."""

    days: frozenset[int]
    """0 is Monday."""
    start: time
    end: time


def parse_hours(text: str) -> WeeklyHours:
    """Read ``Mo-Fr 07:00-19:00``; ``24:00`` is the end of the day. Raises ValueError with a message for the user."""
    if not re.fullmatch(HOURS_PATTERN, text):
        raise ValueError(f"{shown(text)} is not like 'Mo-Fr 07:00-19:00' or 'Sa,Su 08:00-12:00'")
    days, hours = text.split(" ")
    start, end = hours.split("-")
    if start == end:
        raise ValueError(f"{shown(text)} starts and ends at the same time: all day is 00:00-24:00")
    found: set[int] = set()
    for part in days.split(","):
        first, _, last = part.partition("-")
        begin, until = _DAYS.index(first), _DAYS.index(last or first)
        if until < begin:
            until += len(_DAYS)
        found |= {day % len(_DAYS) for day in range(begin, until + 1)}
    return WeeklyHours(frozenset(found), time.fromisoformat(start), time.fromisoformat(end.replace("24:00", "00:00")))


def parse_holiday(text: str) -> date:
    """Read ``2026-12-25``. Raises ValueError with a message for the user."""
    try:
        if not re.fullmatch(HOLIDAY_PATTERN, text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{shown(text)} is not a day like 2026-12-25") from None


class WorkingTime:
    """The working time of the days before `now`, a local time with a time zone.

    Without `hours`, all time is, but that of `holidays`. `zone`: None is the time zone of the system.
    """

    def __init__(
        self, hours: Sequence[WeeklyHours], holidays: Sequence[date], now: datetime, since: float, zone: tzinfo | None
    ) -> None:
        self._now = now.timestamp()
        self._always = not hours and not holidays
        self._periods = [] if self._always else _periods(hours, holidays, now, since, zone)

    @property
    def is_now(self) -> bool:
        """Whether it is working time now."""
        return self._always or bool(self._periods and self._periods[-1][1] >= self._now)

    def exceeds(self, since: float, allowed: float) -> bool:
        """Whether more than `allowed` seconds of working time have passed since the Unix time `since`.

        Not outside of working hours, and not right after they have begun.
        """
        if self._always:
            return self._now - since > allowed
        if not self.is_now or self._now - self._periods[-1][0] < min(allowed, _AT_BEGIN):
            return False
        return sum(max(0.0, end - max(begin, since)) for begin, end in self._periods) > allowed


def unix_time(local: datetime, zone: tzinfo | None) -> float:
    """The Unix time of a local time without a time zone; of two that are meant, when clocks go back, the earlier."""
    return (local.replace(tzinfo=zone) if zone is not None else local.astimezone()).timestamp()


def _periods(
    hours: Sequence[WeeklyHours], holidays: Sequence[date], now: datetime, since: float, zone: tzinfo | None
) -> list[tuple[float, float]]:
    """From and to of each period of working time, merged, in order, until now."""
    hours = hours or (WeeklyHours(frozenset(range(len(_DAYS))), time(), time()),)
    end_of_all = now.timestamp()
    days = min(_MOST_DAYS, max(0, int((end_of_all - since) // 86400)) + 2)
    found: list[tuple[float, float]] = []
    for back in range(days, -1, -1):
        day = now.date() - timedelta(days=back)
        if day in holidays:
            continue
        for each in hours:
            if day.weekday() not in each.days:
                continue
            until = day if each.end > each.start else day + timedelta(days=1)
            begin = unix_time(datetime.combine(day, each.start), zone)
            if begin < end_of_all:
                found.append((begin, min(end_of_all, unix_time(datetime.combine(until, each.end), zone))))
    merged: list[tuple[float, float]] = []
    for begin, end in sorted(found):
        if merged and begin <= merged[-1][1]:
            begin, end = merged[-1][0], max(end, merged.pop()[1])
        merged.append((begin, end))
    return merged
