"""What queries listed, and how they ended.

The bandwidth test.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from dicom_exporter.enums import QueryOutcome, StoreOutcome
from dicom_exporter.metrics.families import NO_LABELS, Family, Row, single, state
from dicom_exporter.results import CanaryStepResult, Freshness, QueryResult, SessionResult, StoreResult


def _visible(query: str, count: Callable[[QueryResult], int | None]) -> Callable[[SessionResult], Collection[Row]]:
    """A count of one built-in query, absent unless the archive answered it."""

    def read(session: SessionResult) -> float | None:
        result = session.queries.get(query)
        return count(result) if result is not None and result.outcome.is_success else None

    return single(read)


def _matches_by(query: QueryResult) -> Collection[Row]:
    return [
        ({"attribute": attribute, "value": value}, float(matches))
        for attribute, counts in query.matches_by.items()
        for value, matches in counts.items()
    ]


def _freshness(read: Callable[[Freshness], float | None]) -> Callable[[QueryResult], Collection[Row]]:
    """A row for each value of the attribute that a query counts by, of those for which `read` gives a number."""

    def rows(query: QueryResult) -> Collection[Row]:
        return [
            ({"attribute": each.attribute, "value": each.value} if each.attribute else NO_LABELS, float(value))
            for each in query.freshness
            if (value := read(each)) is not None
        ]

    return rows


VISIBLE_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicom_studies_visible",
        "Studies that the query `studies` listed; at least this many if it is not complete.",
        _visible("studies", lambda query: query.matches),
    ),
    Family(
        "dicom_images_visible",
        "Sum of NumberOfStudyRelatedInstances over the studies that the query `studies` listed; at least this many "
        "where `dicom_images_complete` is not 1.",
        _visible("studies", lambda query: query.instances),
    ),
    Family(
        "dicom_images_complete",
        "1 if `dicom_images_visible` counts every image, 0 if there are at least as many: not every study was listed, "
        "or a study did not say how many images it has.",
        _visible("studies", lambda query: query.instances_complete),
    ),
    Family(
        "dicom_patients_visible",
        "Patients that the query `patients` listed; at least this many if it is not complete.",
        _visible("patients", lambda query: query.matches),
    ),
    Family(
        "dicom_worklist_items_visible",
        "Items that the query `worklist` listed; at least this many if it is not complete.",
        _visible("worklist", lambda query: query.matches),
    ),
)
"""Counts of the built-in queries."""

QUERY_FAMILIES: tuple[Family[QueryResult], ...] = (
    Family(
        "dicom_query_success",
        "1 if the C-FIND was answered: it ended with Success, with Cancel at our own limit, or with status B001.",
        single(lambda query: query.outcome.is_success),
    ),
    Family(
        "dicom_query_outcome",
        "How the query ended: one series with the value 1, whose label says the current outcome.",
        state("outcome", QueryOutcome, lambda query: query.outcome),
    ),
    Family("dicom_query_matches", "Responses with a match (FF00 and FF01).", single(lambda query: query.matches)),
    Family(
        "dicom_query_complete",
        "1 if every match was counted, 0 if there are at least as many as counted.",
        single(lambda query: query.complete),
    ),
    Family("dicom_query_matches_by", "Matches by the value of an attribute that identifies no patient.", _matches_by),
    Family(
        "dicom_query_newest_age_seconds",
        "Seconds from the newest study, by StudyDate and StudyTime to the minute, until the query ran; for each value "
        "of the attribute that the query counts by. Absent where it is not known.",
        _freshness(lambda each: each.age),
    ),
    Family(
        "dicom_query_overdue",
        "1 if nothing came for longer than `expect_within`, counted in `working_hours`; 0 if something did, or nothing "
        "is expected now. Absent where it is not known.",
        _freshness(lambda each: each.overdue),
    ),
    Family(
        "dicom_query_duration_seconds",
        "Seconds from the C-FIND request to its final response.",
        single(lambda query: query.duration),
    ),
    Family(
        "dicom_query_first_match_seconds",
        "Seconds from the C-FIND request to the first match.",
        single(lambda query: query.first_match),
    ),
    Family(
        "dicom_query_match_interval_mean_seconds",
        "Mean of the seconds between one match and the next.",
        single(lambda query: query.match_interval_mean),
    ),
    Family(
        "dicom_query_match_interval_max_seconds",
        "Most seconds between one match and the next.",
        single(lambda query: query.match_interval_max),
    ),
    Family(
        "dicom_query_last_run_timestamp_seconds",
        "Unix time at which the query ran, of queries that do not run on every scrape.",
        single(lambda query: query.last_run),
    ),
)


def _store(read: Callable[[StoreResult], float | None]) -> Callable[[SessionResult], Collection[Row]]:
    return single(lambda session: None if session.store is None else read(session.store))


STORE_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicom_store_success",
        "1 if and only if the archive took every synthetic instance of the bandwidth test.",
        _store(lambda store: None if store.outcome is StoreOutcome.OVERLOAD else store.outcome.is_success),
    ),
    Family(
        "dicom_store_outcome",
        "How the bandwidth test ended: one series with the value 1, whose label says the current outcome.",
        state("outcome", StoreOutcome, lambda session: None if session.store is None else session.store.outcome),
    ),
    Family("dicom_store_bytes", "Bytes of the instances that the archive took.", _store(lambda store: store.bytes)),
    Family(
        "dicom_store_duration_seconds",
        "Seconds from the first C-STORE request to the last response.",
        _store(lambda store: store.duration),
    ),
)


def _canary(
    read: Callable[[CanaryStepResult], float | None], *, step: bool
) -> Callable[[SessionResult], Collection[Row]]:
    """A row for each step for which `read` gives a number; `step` names it in a label."""

    def rows(session: SessionResult) -> Collection[Row]:
        return [
            ({"protocol": each.service.value} | ({"step": each.step.value} if step else {}), float(value))
            for each in (() if session.canary is None else session.canary.steps)
            if (value := read(each)) is not None
        ]

    return rows


CANARY_FAMILIES: tuple[Family[SessionResult], ...] = (
    Family(
        "dicom_canary_step_success",
        "Whether a step of the canary succeeded. Absent after a step that failed, and where it is not known.",
        _canary(lambda each: each.success, step=True),
    ),
    Family(
        "dicom_canary_step_duration_seconds",
        "Seconds that a step of the canary took; `findable`: until the archive listed the image.",
        _canary(lambda each: each.duration if each.success else None, step=True),
    ),
    Family(
        "dicom_canary_retrieve_first_byte_seconds",
        "Seconds from the request for the image of the canary to its first bytes.",
        _canary(lambda each: each.first_byte, step=False),
    ),
    Family(
        "dicom_canary_retrieve_bytes",
        "Bytes that came when the image of the canary was retrieved.",
        _canary(lambda each: each.bytes, step=False),
    ),
)
