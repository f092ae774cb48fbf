"""C-FIND: how many matches an archive lists for a query, and how it ended (PS3.4 C.4.1, K.4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from dicom_exporter.config import Query
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import LimitExceeded, NotOffered
from dicom_exporter.dicom.find import CUT_SHORT, Find, FindEnded
from dicom_exporter.dicom.operations import find
from dicom_exporter.enums import Outcome, QueryOutcome, UnknownReason
from dicom_exporter.probes.freshness import Newest
from dicom_exporter.probes.keys import SOP_CLASSES, identifier
from dicom_exporter.probes.matching import ignored_key
from dicom_exporter.probes.tally import Tally
from dicom_exporter.results import QueryResult

_SUCCESS = 0x0000
_CANCELLED = 0xFE00
_LIMIT_REACHED = 0xB001
_NOT_AUTHORISED = 0x0124
_OUT_OF_RESOURCES = 0xA700
_UNSUPPORTED = frozenset({0x0122, 0xA900})
"""SOP class not supported; identifier does not match SOP class."""
_SUSPECT_COUNT = 100
"""The limit that Orthanc's own security advice sets. Where an archive ends with Success at exactly this many, nobody
can tell whether that was all: the count is kept, and not called complete."""

_ENDED = {
    Outcome.ABORTED: QueryOutcome.ABORTED,
    Outcome.CLOSED: QueryOutcome.ABORTED,
    Outcome.NO_ANSWER: QueryOutcome.TIMEOUT,
    Outcome.OVERLOAD: QueryOutcome.OVERLOAD,
}
"""The outcome of a C-FIND by how its association ended; every other end is a protocol error."""


async def run_query(
    association: Connection, query: Query, now: datetime, first_by: float | None = None, *, check_keys: bool = True
) -> QueryResult:
    """C-FIND `query` on an established association.

    Args:
        now: the target's local time, for dates such as ``today``.
        first_by: loop time by which the first response has to come; None leaves it to the deadline.
        check_keys: whether a match has to have what it was matched by. Where one does not, the archive ignores the key,
            which is `unsupported`, and there is no count.

    Never raises for what the peer does: `association.established` says whether it can still be used.
    """
    tally = Tally(query)
    newest = Newest(query, now) if query.expect_within is not None and not query.minimal_keys else None
    checked = _Checked(_both(tally, newest), ignored_key(query, now) if check_keys else None)
    keys = identifier(query, now)
    try:
        counted = await find(association, SOP_CLASSES[query.model], keys, query.max_matches, checked.consume, first_by)
    except NotOffered as end:
        return QueryResult(QueryOutcome.UNSUPPORTED, doubt=UnknownReason.NOT_OFFERED if end.other_syntax else None)
    except FindEnded as ended:
        checked.keep_checked(ended.find)
        at_limit = isinstance(ended.end, LimitExceeded)
        outcome = _ENDED.get(ended.end.outcome, QueryOutcome.PROTOCOL_ERROR)
        if at_limit and ended.find.matches:
            outcome = QueryOutcome.TRUNCATED
        if checked.ignored:
            return _unsupported(ended.find)
        result = _result(outcome, ended.find, tally, newest, minimal_keys=query.minimal_keys)
        return replace(result, doubt=UnknownReason.LIMIT) if at_limit else result
    if checked.ignored:
        return _unsupported(counted)
    return _result(outcome_of(counted), counted, tally, newest, minimal_keys=query.minimal_keys)


def _both(tally: Tally, newest: Newest | None) -> Callable[[bytes], None]:
    """What the bytes of each match are handed to."""
    if newest is None:
        return tally.consume
    count = tally.consume

    def consume(data: bytes) -> None:
        count(data)
        newest.consume(data)

    return consume


def _unsupported(counted: Find) -> QueryResult:
    """The result if the archive ignores a key: what it listed is not what was asked for."""
    return QueryResult(QueryOutcome.UNSUPPORTED, counted.status, duration=counted.duration)


class _Checked:
    """Hands matches on until one shows that the archive ignores a key that it was to match by."""

    def __init__(self, consume: Callable[[bytes], None], is_ignored: Callable[[bytes], bool] | None) -> None:
        self._consume = consume
        self._is_ignored = is_ignored
        self._cut_short = 0
        self.ignored = False

    @property
    def consume(self) -> Callable[[bytes], None]:
        """What the C-FIND calls with the bytes of each match."""
        return self._consume if self._is_ignored is None else self._check

    def keep_checked(self, counted: Find) -> None:
        """Do not count a match that could not be checked, as it was not read to its end."""
        counted.matches -= self._cut_short

    def _check(self, data: bytes) -> None:
        self._cut_short += data is CUT_SHORT
        if not self.ignored:
            self.ignored = self._is_ignored is not None and self._is_ignored(data)
            self._consume(data)


def outcome_of(counted: Find) -> QueryOutcome:
    """What a C-FIND that got its final status, or that we cancelled, says about the archive (PS3.4 C.4.1.1.4)."""
    status = counted.status
    if counted.wants_cancel or status in (_LIMIT_REACHED, _CANCELLED):
        # FE00 without our C-CANCEL is how Orthanc says that its LimitFindResults cut the answer.
        return QueryOutcome.TRUNCATED
    if status == _SUCCESS:
        return QueryOutcome.ALLOWED if counted.matches else QueryOutcome.EMPTY
    if status in _UNSUPPORTED:
        return QueryOutcome.UNSUPPORTED
    if status == _NOT_AUTHORISED:
        return QueryOutcome.REFUSED
    unable = status == _OUT_OF_RESOURCES or (status is not None and status >> 12 == 0xC)
    return QueryOutcome.REFUSED if unable and not counted.matches else QueryOutcome.FAILED


def _result(
    outcome: QueryOutcome, counted: Find, tally: Tally, newest: Newest | None, *, minimal_keys: bool
) -> QueryResult:
    all_came = outcome in (QueryOutcome.ALLOWED, QueryOutcome.EMPTY)
    if not all_came and not counted.matches:  # no count: a 0 here would be no result
        return QueryResult(outcome, counted.status, duration=counted.duration)
    complete = (None if counted.matches == _SUSPECT_COUNT else True) if all_came else False
    return QueryResult(
        outcome=outcome,
        status=counted.status,
        matches=counted.matches,
        complete=complete,
        instances=tally.instances,
        instances_complete=_instances_complete(tally, complete=complete),
        matches_by=tally.matches_by,
        freshness=() if newest is None else newest.results(complete=complete is True),
        digests=tally.digests,
        duration=counted.duration,
        first_match=counted.first_match,
        match_interval_mean=counted.interval_mean,
        match_interval_max=counted.interval_max,
        minimal_keys=minimal_keys,
    )


def _instances_complete(tally: Tally, *, complete: bool | None) -> bool | None:
    if tally.instances is None:
        return None
    return complete if tally.instances_in_all else False
