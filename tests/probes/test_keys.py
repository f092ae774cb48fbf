"""What a query asks for, as the archive decodes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from io import BytesIO
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydicom.datadict import dictionary_VR
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode

from dicom_exporter.config import Level, Model, Query, RelativeDate
from dicom_exporter.config.values.dicom import COUNT_KEYWORDS, MATCH_KEYWORDS, why_not_counted, why_not_matched
from dicom_exporter.probes.keys import has_optional_keys, identifier

NOW = datetime(2026, 3, 1, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY)
TODAY = RelativeDate(0, 0)
VALUES = {"UI": "1.2", "DA": "20260101", "TM": "120000"}
"""Value representation -> something that it may hold."""


def asked(query: Query) -> dict[str, Any]:
    """Keyword -> value of the identifier; a sequence is the list of its items."""
    return _as_dict(decode(BytesIO(identifier(query, NOW)), True, True))


def _as_dict(dataset: Dataset) -> dict[str, Any]:
    return {
        element.keyword: [_as_dict(item) for item in element.value] if element.VR == "SQ" else element.value or ""
        for element in dataset
    }


@pytest.mark.parametrize(
    ("query", "keys"),
    [
        (STUDIES, {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "NumberOfStudyRelatedInstances": ""}),
        (
            Query("patients", Model.PATIENT_ROOT, Level.PATIENT),
            {"QueryRetrieveLevel": "PATIENT", "PatientID": ""},
        ),
        (
            Query("today", Model.STUDY_ROOT, Level.STUDY, {"StudyDate": TODAY}, ("ModalitiesInStudy",)),
            {
                "QueryRetrieveLevel": "STUDY",
                "StudyInstanceUID": "",
                "StudyDate": "20260301",
                "ModalitiesInStudy": "",
            },
        ),
        (
            Query("series", Model.STUDY_ROOT, Level.SERIES, {"StudyInstanceUID": ("2.25.1", "2.25.2")}, ("Modality",)),
            {
                "QueryRetrieveLevel": "SERIES",
                "StudyInstanceUID": ["2.25.1", "2.25.2"],
                "SeriesInstanceUID": "",
                "Modality": "",
            },
        ),
        (
            Query("images", Model.PATIENT_ROOT, Level.IMAGE, {"SOPClassUID": ("1.2.840.10008.5.1.4.1.1.7",)}),
            {"QueryRetrieveLevel": "IMAGE", "SOPInstanceUID": "", "SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"},
        ),
        (
            Query(
                "worklist",
                Model.WORKLIST,
                None,
                {"ScheduledProcedureStepStartDate": TODAY, "StudyInstanceUID": ("2.25.1",)},
                ("Modality", "ScheduledStationAETitle"),
            ),
            {
                "StudyInstanceUID": "2.25.1",
                "ScheduledProcedureStepSequence": [
                    {
                        "Modality": "",
                        "ScheduledStationAETitle": "",
                        "ScheduledProcedureStepStartDate": "20260301",
                    }
                ],
            },
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Query) else "",
)
def test_what_is_asked_for(query: Query, keys: dict[str, Any]) -> None:
    assert asked(query) == keys


@pytest.mark.parametrize(
    ("when", "value"),
    [
        (TODAY, "20260301"),
        (RelativeDate(1, 1), "20260228"),
        (RelativeDate(6, 0), "20260223-20260301"),
        ("20260101-", "20260101-"),
    ],
    ids=str,
)
def test_dates_are_the_targets(when: str | RelativeDate, value: str) -> None:
    assert asked(Query("q", Model.STUDY_ROOT, Level.STUDY, {"StudyDate": when}))["StudyDate"] == value


def test_wildcards_are_sent_as_they_stand() -> None:
    assert b"C*" in identifier(Query("q", Model.STUDY_ROOT, Level.STUDY, {"ModalitiesInStudy": "C*"}), NOW)


def test_the_minimal_keys_are_the_unique_key_and_what_has_to_match() -> None:
    query = Query("studies", Model.STUDY_ROOT, Level.STUDY, {"StudyDate": "20260101"}, ("ModalitiesInStudy",))
    assert has_optional_keys(query)
    assert asked(replace(query, minimal_keys=True)) == {
        "QueryRetrieveLevel": "STUDY",
        "StudyInstanceUID": "",
        "StudyDate": "20260101",
    }


def test_a_query_without_optional_keys_has_nothing_to_leave_out() -> None:
    query = Query("canary", Model.STUDY_ROOT, Level.STUDY, {"StudyInstanceUID": ("2.25.1",)})
    assert not has_optional_keys(query)
    assert (
        asked(query)
        == asked(replace(query, minimal_keys=True))
        == {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "2.25.1"}
    )


def test_only_the_level_of_patients_asks_for_anything_that_names_one() -> None:
    """Every query that the configuration lets through, with all that it may match and count."""
    places = [(Model.WORKLIST, None), *product((Model.STUDY_ROOT, Model.PATIENT_ROOT), Level)]
    for model, level in places:
        match = {
            keyword: VALUES.get(dictionary_VR(keyword), "CT")
            for keyword in MATCH_KEYWORDS
            if why_not_matched(keyword, model, level) is None
        }
        count_by = tuple(keyword for keyword in COUNT_KEYWORDS if why_not_counted(keyword, model, level) is None)
        keys = asked(Query("studies", model, level, match, count_by))
        step = keys.get("ScheduledProcedureStepSequence", [{}])[0]
        named = {keyword for keyword in (*keys, *step) if "Patient" in keyword or "Name" in keyword}
        assert named - {"InstitutionName", "StationName"} == ({"PatientID"} if level is Level.PATIENT else set())
