"""Series of queries and of the bandwidth test."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.enums import Outcome, QueryOutcome, StoreOutcome
from dicom_exporter.results import EchoResult, QueryResult, SessionResult, StoreResult
from tests.builders import FULL, STUDIES
from tests.metrics.samples import labels, shown

MONITOR = labels(identity="monitor")
NOTHING = SessionResult("monitor", None)


def query(result: QueryResult, name: str = "studies") -> SessionResult:
    return SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0), {name: result})


def test_visible_counts_are_those_of_builtin_queries() -> None:
    found = shown(FULL)
    assert found["dicom_studies_visible"] == {MONITOR: 50}
    assert found["dicom_images_visible"] == {MONITOR: 1234}
    assert found["dicom_images_complete"] == {MONITOR: 0}
    assert found["dicom_patients_visible"] == {MONITOR: 7}
    assert found["dicom_worklist_items_visible"] == {MONITOR: 0}


@pytest.mark.parametrize("outcome", [outcome for outcome in QueryOutcome if not outcome.is_success])
def test_visible_failed_query_has_no_count(outcome: QueryOutcome) -> None:
    found = shown(query(QueryResult(outcome, matches=3, complete=False, instances=5)))
    assert not any(name.endswith("_visible") for name in found)
    assert found["dicom_query_matches"] == {MONITOR | labels(query="studies"): 3}


def test_visible_images_unknown_to_archive_have_no_series() -> None:
    found = shown(query(replace(STUDIES, instances=None)))
    assert "dicom_studies_visible" in found
    assert "dicom_images_visible" not in found


@pytest.mark.parametrize(("complete", "value"), [(True, {MONITOR: 1}), (False, {MONITOR: 0}), (None, None)])
def test_visible_images_say_whether_they_are_all(complete: bool | None, value: object) -> None:
    found = shown(query(replace(STUDIES, instances_complete=complete)))
    assert found.get("dicom_images_complete") == value


def test_visible_query_of_other_name_has_no_count() -> None:
    found = shown(query(STUDIES, "today"))
    assert not any(name.endswith("_visible") for name in found)


def test_query_result_fills_all_series() -> None:
    found = shown(query(STUDIES))
    key = MONITOR | labels(query="studies")
    assert found["dicom_query_success"] == {key: 1}
    assert found["dicom_query_matches"] == {key: 50}
    assert found["dicom_query_complete"] == {key: 0}
    assert found["dicom_query_duration_seconds"] == {key: 0.5}
    assert found["dicom_query_first_match_seconds"] == {key: 0.125}
    assert found["dicom_query_match_interval_mean_seconds"] == {key: 0.0625}
    assert found["dicom_query_match_interval_max_seconds"] == {key: 0.25}
    assert found["dicom_query_last_run_timestamp_seconds"] == {key: 1_700_000_000}
    assert found["dicom_query_matches_by"] == {
        key | labels(attribute="ModalitiesInStudy", value="CT"): 30,
        key | labels(attribute="ModalitiesInStudy", value="MR"): 20,
    }


@pytest.mark.parametrize("outcome", QueryOutcome)
def test_query_outcome_is_one_series(outcome: QueryOutcome) -> None:
    found = shown(query(QueryResult(outcome)))
    assert found["dicom_query_outcome"] == {MONITOR | labels(query="studies", outcome=outcome): 1}
    assert found["dicom_query_success"] == {MONITOR | labels(query="studies"): outcome.is_success}
    assert "dicom_query_matches" not in found
    assert "dicom_query_complete" not in found


def test_store_success_bytes_and_duration_are_shown() -> None:
    found = shown(FULL)
    assert found["dicom_store_success"] == {MONITOR: 1}
    assert found["dicom_store_bytes"] == {MONITOR: 5_242_880}
    assert found["dicom_store_duration_seconds"] == {MONITOR: 0.75}


@pytest.mark.parametrize("outcome", StoreOutcome)
def test_store_outcome_is_one_series(outcome: StoreOutcome) -> None:
    found = shown(replace(NOTHING, store=StoreResult(outcome)))
    assert found["dicom_store_outcome"] == {MONITOR | labels(outcome=outcome): 1}
    success = {} if outcome is StoreOutcome.OVERLOAD else {MONITOR: outcome.is_success}
    assert found.get("dicom_store_success", {}) == success
    assert found.keys() - {"dicom_store_success"} == {"dicom_target_info", "dicom_store_outcome"}
