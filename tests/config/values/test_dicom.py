"""AE titles; what a query may match and count, and with which values."""

from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_VR, keyword_dict

from dicom_exporter.config import Level, MatchValue, Model, RelativeDate, parse_ae_title
from dicom_exporter.config.values.dicom import (
    COUNT_KEYWORDS,
    MATCH_KEYWORDS,
    check_match_keyword,
    parse_match_value,
    why_not_counted,
    why_not_matched,
)

IDENTIFYING = [
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "OtherPatientIDs",
    "OtherPatientNames",
    "AccessionNumber",
    "ReferringPhysicianName",
    "OperatorsName",
    "IssuerOfPatientID",
    "AdmissionID",
    "StudyID",
]


@pytest.mark.parametrize("keyword", IDENTIFYING)
def test_match_identifying_attribute_is_refused_with_reason(keyword: str) -> None:
    with pytest.raises(ValueError, match=f"^{keyword} can identify a person, so no query may match it"):
        check_match_keyword(keyword)


def test_match_allowed_attributes_hold_no_name() -> None:
    allowed = {*MATCH_KEYWORDS, *COUNT_KEYWORDS}
    assert allowed <= keyword_dict.keys()
    assert not allowed & set(IDENTIFYING)
    assert {dictionary_VR(keyword) for keyword in allowed} <= {"AE", "CS", "DA", "LO", "SH", "TM", "UI"}


@pytest.mark.parametrize("keyword", MATCH_KEYWORDS)
def test_match_each_allowed_attribute_has_a_parser(keyword: str) -> None:
    examples = {"DA": "today", "TM": "0800-", "UI": "1.2.3", "CS": "CT", "AE": "CT1", "LO": "North*", "SH": "CT?"}
    parse_match_value(keyword, [examples[dictionary_VR(keyword)]])
    at = [
        why_not_matched(keyword, Model.STUDY_ROOT, Level.IMAGE),
        why_not_matched(keyword, Model.WORKLIST, None),
    ]
    assert None in at


@pytest.mark.parametrize(
    ("keyword", "texts", "value"),
    [
        ("StudyDate", ["today"], RelativeDate(0, 0)),
        ("StudyDate", ["20240101-"], "20240101-"),
        ("StudyTime", ["0800-1200"], "0800-1200"),
        ("StudyTime", ["-235959.999999"], "-235959.999999"),
        ("StudyInstanceUID", ["1.2.3"], ("1.2.3",)),
        ("StudyInstanceUID", ["1.2.3", "2.25.0"], ("1.2.3", "2.25.0")),
        ("ModalitiesInStudy", ["C?"], "C?"),
        ("InstitutionName", ["North*"], "North*"),
        ("ScheduledStationAETitle", [" CT1 "], "CT1"),
    ],
)
def test_match_value_is_read(keyword: str, texts: list[str], value: MatchValue) -> None:
    assert parse_match_value(keyword, texts) == value


@pytest.mark.parametrize(
    ("keyword", "texts"),
    [
        ("StudyDate", ["2024"]),
        ("StudyDate", ["20240101", "20240102"]),
        ("StudyTime", ["2400"]),
        ("StudyTime", ["8"]),
        ("StudyInstanceUID", []),
        ("StudyInstanceUID", ["1.02.3"]),
        ("StudyInstanceUID", ["1." * 32 + "1"]),
        ("StudyInstanceUID", ["1"]),
        ("ModalitiesInStudy", ["CT\\MR"]),
        ("ModalitiesInStudy", [""]),
        ("InstitutionName", ["x" * 65]),
        ("ScheduledStationAETitle", ["A" * 17]),
    ],
)
def test_match_invalid_value_is_refused(keyword: str, texts: list[str]) -> None:
    with pytest.raises(ValueError):
        parse_match_value(keyword, texts)


@pytest.mark.parametrize(
    ("keyword", "model", "level", "can"),
    [
        ("StudyDate", Model.STUDY_ROOT, Level.STUDY, True),
        ("StudyDate", Model.PATIENT_ROOT, Level.SERIES, True),
        ("StudyDate", Model.PATIENT_ROOT, Level.PATIENT, False),
        ("StudyDate", Model.WORKLIST, None, False),
        ("Modality", Model.STUDY_ROOT, Level.STUDY, False),
        ("Modality", Model.STUDY_ROOT, Level.SERIES, True),
        ("Modality", Model.WORKLIST, None, True),
        ("ScheduledStationAETitle", Model.STUDY_ROOT, Level.IMAGE, False),
        ("SOPInstanceUID", Model.STUDY_ROOT, Level.SERIES, False),
    ],
)
def test_match_attribute_by_model_and_level(keyword: str, model: Model, level: Level | None, can: bool) -> None:
    assert (why_not_matched(keyword, model, level) is None) is can


@pytest.mark.parametrize(
    ("keyword", "model", "level", "can"),
    [
        ("ModalitiesInStudy", Model.STUDY_ROOT, Level.STUDY, True),
        ("ModalitiesInStudy", Model.STUDY_ROOT, Level.SERIES, False),
        ("Modality", Model.STUDY_ROOT, Level.SERIES, True),
        ("Modality", Model.STUDY_ROOT, Level.STUDY, False),
        ("InstitutionName", Model.STUDY_ROOT, Level.STUDY, True),
        ("InstitutionName", Model.WORKLIST, None, False),
        ("Modality", Model.WORKLIST, None, True),
        ("ScheduledStationAETitle", Model.WORKLIST, None, True),
    ],
)
def test_count_by_attribute_by_model_and_level(keyword: str, model: Model, level: Level | None, can: bool) -> None:
    assert (why_not_counted(keyword, model, level) is None) is can


@pytest.mark.parametrize(
    ("text", "title"), [("MAINPACS", "MAINPACS"), ("  A B  ", "A B"), ("A" * 16 + "   ", "A" * 16)]
)
def test_parse_ae_title_removes_padding(text: str, title: str) -> None:
    assert parse_ae_title(text) == title


@pytest.mark.parametrize("text", ["", "   ", "A" * 17, "A\\B", "A\x00", "A\x7f", "Ä", "A\n"])
def test_parse_ae_title_invalid_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="AE title"):
        parse_ae_title(text)
