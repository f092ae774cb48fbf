"""How old the newest study of a list is, and whether something newer should have come.

StudyDate and StudyTime are compared match by match, to the minute, and only the newest of each value is kept. What is
not certain is not known:

- The newest of a list that was cut may not be the newest of all: it shows that something came, never that nothing did.
- A study without a usable StudyTime, or later than now, may be the newest: then the age is not known.
- A study without a value of the attribute that is counted by may be of any value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from dicom_exporter.config import Query, RelativeDate
from dicom_exporter.config.values.hours import WorkingTime, unix_time
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.probes.tally import MAX_VALUES, NONE, OTHER, budget_of, label_values, tag_of
from dicom_exporter.results import Freshness, QueryResult
from dicom_exporter.text import SafeText

DEFAULT = "default"
"""The key of `expect_within` for every value that is not named."""
_DATE, _TIME = 0x00080020, 0x00080030
_DATES = re.compile(rb"([0-9]{4})([0-9]{2})([0-9]{2})|([0-9]{4})\.([0-9]{2})\.([0-9]{2})")
_TIMES = re.compile(rb"([01][0-9]|2[0-3]):?([0-5][0-9])[0-9:.]{0,13}")
"""PS3.5 6.2, and its old form ``08:30``. Without minutes it is not used."""
_CLOCKS_DIFFER = 600.0
"""Seconds that the clock of a modality may be ahead."""
_DAY = 86400.0


class Newest:
    """The newest studies of one query. Hand the bytes of each match to `consume`. `now` is the target's local time."""

    def __init__(self, query: Query, now: datetime) -> None:
        self._query = query
        self._now = now
        self._zone = now.tzinfo if isinstance(now.tzinfo, ZoneInfo) else None
        self._keyword = query.count_by[0] if query.count_by else None
        self._tag = None if self._keyword is None else tag_of(self._keyword)
        self._tags = {_DATE, _TIME} | (set() if self._tag is None else {self._tag})
        self._budget = budget_of(query)
        self._known: dict[SafeText, float] = {}
        """Value -> Unix time of its newest study, of those with a time."""
        self._possible: dict[SafeText, float] = {}
        """The same, of all, each as late as it may be."""
        self._all_read = True

    def consume(self, data: bytes) -> None:
        """Look at one match."""
        try:
            values = find_values(data, self._tags, budget=self._budget)
        except MalformedDataset:
            self._all_read = False
            return
        moment = self._moment(values.get(_DATE, b""), values.get(_TIME, b""))
        if moment is None:
            return
        latest, exact = moment
        for name in self._names(values):
            self._possible[name] = max(latest, self._possible.get(name, latest))
            if exact:
                self._known[name] = max(latest, self._known.get(name, latest))

    def results(self, *, complete: bool) -> tuple[Freshness, ...]:
        """What is known of each value, and of each that is named in `expect_within`. `complete`: all were listed."""
        query = self._query
        expected = query.expect_within or {}
        begin = self._begin()
        working = WorkingTime(query.working_hours, query.holidays, self._now, begin, self._zone)
        named = [SafeText(name) for name in expected if name != DEFAULT]
        names = [SafeText("")] if self._keyword is None else sorted({*named, *self._possible} - {NONE, OTHER})
        return tuple(self._freshness(name, expected, begin, working, complete and self._all_read) for name in names)

    def _freshness(
        self, name: SafeText, expected: Mapping[str, float], begin: float, working: WorkingTime, complete: bool
    ) -> Freshness:
        now = self._now.timestamp()
        known = self._known.get(name)
        possible = max((self._possible.get(each, begin) for each in (name, NONE)), default=begin)
        age = now - known if complete and known is not None and known >= possible else None
        allowed = expected.get(name, expected.get(DEFAULT))
        overdue = None
        if allowed is not None:
            if not working.is_now or (known is not None and not working.exceeds(known, allowed)):
                overdue = False
            elif complete and working.exceeds(max(possible, begin), allowed):
                overdue = True
        return Freshness(self._keyword or "", name, age, overdue)

    def _names(self, values: Mapping[int, bytes]) -> list[SafeText]:
        """The values that a match counts for, each of several; those over the limit are not told apart."""
        if self._keyword is None or self._tag is None:
            return [SafeText("")]
        expected = self._query.expect_within or {}
        return [
            name
            if name in self._possible or name in expected or len(self._possible) < MAX_VALUES + len(expected)
            else OTHER
            for name in label_values(self._keyword, values.get(self._tag, b"")) or [NONE]
        ]

    def _begin(self) -> float:
        """The Unix time since which the list has every study; 0 for a list of all times."""
        date = self._query.match.get("StudyDate")
        if not isinstance(date, RelativeDate):
            return 0.0
        return unix_time(datetime.combine(self._now.date() - timedelta(days=date.first), time()), self._zone)

    def _moment(self, date: bytes, clock: bytes) -> tuple[float, bool] | None:
        """When a study was, as late as may be, as Unix time; and whether that is certain to the minute.

        None for one without a date, or more than a day ahead: such a one is no sign that something came.
        """
        digits = _DATES.fullmatch(date.strip(b" \0"))
        if digits is None:
            return None
        try:
            day = datetime.strptime(b"".join(filter(None, digits.groups())).decode(), "%Y%m%d")  # noqa: DTZ007
        except ValueError:
            return None
        now = self._now.timestamp()
        parts = _TIMES.fullmatch(clock.strip(b" \0"))
        exact = parts is not None
        hour, minute = (int(parts[1]), int(parts[2])) if parts is not None else (23, 59)
        local = day.replace(hour=hour, minute=minute)
        both = [unix_time(local.replace(fold=fold), self._zone) for fold in (0, 1)]  # they differ when clocks change
        moment = max((each for each in both if each <= now), default=min(both))
        if (unix_time(day, self._zone) if not exact else moment) > now + _DAY:
            return None
        if moment > now + (_CLOCKS_DIFFER if exact else 0.0):
            return now, False
        return min(moment, now), exact


def while_kept(query: Query, result: QueryResult, now: datetime) -> QueryResult:
    """The `result` of a query that is not asked now: nothing in it is overdue outside of working hours."""
    if not any(each.overdue for each in result.freshness):
        return result
    zone = now.tzinfo if isinstance(now.tzinfo, ZoneInfo) else None
    if WorkingTime(query.working_hours, query.holidays, now, now.timestamp(), zone).is_now:
        return result
    return replace(result, freshness=tuple(replace(each, overdue=False) for each in result.freshness))
