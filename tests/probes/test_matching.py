"""Whether a match has what it was matched by, by the rules of PS3.4 C.2.2.2."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from dicom_exporter.config import Level, Model, Query, RelativeDate
from dicom_exporter.config.values.dicom import MatchValue
from dicom_exporter.probes.matching import ignored_key

NOW = datetime(2026, 3, 10, 12, 0)  # noqa: DTZ001 - the target's local time


def is_ignored(keyword: str, asked: MatchValue, answered: str | list[str] | None) -> bool:
    query = Query("q", Model.STUDY_ROOT, Level.IMAGE, match={keyword: asked})
    dataset = Dataset()
    dataset.PatientName = "SECRET^PHI"
    if answered is not None:
        setattr(dataset, keyword, answered)
    check = ignored_key(query, NOW)
    assert check is not None
    return check(_encoded(dataset))


def _encoded(dataset: Dataset) -> bytes:
    data = encode(dataset, True, True)
    assert data is not None
    return data


CASES: dict[str, tuple[str, MatchValue, str | list[str] | None, bool]] = {
    "UID": ("StudyInstanceUID", ("1.2.3",), "1.2.3", False),
    "UID of another": ("StudyInstanceUID", ("1.2.3",), "1.2.30", True),
    "UID in a list": ("StudyInstanceUID", ("1.2.3", "1.2.4"), "1.2.4", False),
    "UID not in the list": ("StudyInstanceUID", ("1.2.3", "1.2.4"), "1.2.5", True),
    "UID among several": ("SOPClassesInStudy", ("1.2.3",), ["1.2.9", "1.2.3"], False),
    "lacking": ("ModalitiesInStudy", "CT", None, True),
    "empty": ("ModalitiesInStudy", "CT", "", True),
    "one of the modalities": ("ModalitiesInStudy", "CT", ["PT", "CT"], False),
    "none of the modalities": ("ModalitiesInStudy", "CT", ["PT", "MR"], True),
    "text in another case": ("InstitutionName", "Synthetic Hospital", "SYNTHETIC HOSPITAL", False),
    "other text": ("InstitutionName", "Synthetic", "Synthetic Hospital", True),
    "text in another character set": ("InstitutionName", "Synthetic", "Synth\xe9tique", False),
    "wildcard": ("InstitutionName", "Syn*", "Synthetic Hospital", False),
    "wildcard, one character": ("StationName", "CT?", "CT1", False),
    "wildcard, no character": ("StationName", "CT?", "CT", True),
    "wildcard, other text": ("StationName", "CT*", "MR1", True),
    "wildcard, nothing": ("StationName", "CT*", None, True),
    "date": ("StudyDate", "20260310", "20260310", False),
    "another date": ("StudyDate", "20260310", "20260311", True),
    "today": ("StudyDate", RelativeDate(0, 0), "20260310", False),
    "not today": ("StudyDate", RelativeDate(0, 0), "20260309", True),
    "in the last week": ("StudyDate", RelativeDate(6, 0), "20260304", False),
    "not in the last week": ("StudyDate", RelativeDate(6, 0), "20260303", True),
    "since": ("StudyDate", "20260301-", "20260310", False),
    "before since": ("StudyDate", "20260301-", "20260228", True),
    "until": ("StudyDate", "-20260301", "20260301", False),
    "after until": ("StudyDate", "-20260301", "20260302", True),
    "time": ("StudyTime", "0800-1200", "083015.25", False),
    "time, last minute": ("StudyTime", "0800-1200", "120059", False),
    "time, too late": ("StudyTime", "0800-1200", "1201", True),
    "time, coarse": ("StudyTime", "0830-", "08", False),
}


@pytest.mark.parametrize("name", CASES)
def test_matching_rule(name: str) -> None:
    keyword, asked, answered, ignored = CASES[name]
    assert is_ignored(keyword, asked, answered) is ignored


@pytest.mark.parametrize("raw", [b"2026.03.10", b"20260310 ", b"20260310\0"])
def test_matching_old_and_padded_dates_are_read(raw: bytes) -> None:
    check = ignored_key(Query("q", Model.STUDY_ROOT, Level.STUDY, match={"StudyDate": "20260310"}), NOW)
    assert check is not None
    assert not check(b"\x08\x00\x20\x00" + len(raw).to_bytes(4, "little") + raw)


def test_matching_all_keys_count() -> None:
    keys: dict[str, MatchValue] = {"ModalitiesInStudy": "CT", "StudyDate": "20260310"}
    check = ignored_key(Query("q", Model.STUDY_ROOT, Level.STUDY, match=keys), NOW)
    assert check is not None
    dataset = Dataset()
    dataset.ModalitiesInStudy, dataset.StudyDate = "CT", "20260311"
    assert check(_encoded(dataset))


def test_matching_time_is_not_judged_beside_a_range_of_dates() -> None:
    keys: dict[str, MatchValue] = {"StudyDate": "20260309-20260310", "StudyTime": "0800-1200"}
    check = ignored_key(Query("q", Model.STUDY_ROOT, Level.STUDY, match=keys), NOW)
    assert check is not None
    dataset = Dataset()
    dataset.StudyDate, dataset.StudyTime = "20260309", "2300"
    assert not check(_encoded(dataset))


def test_matching_worklist_keys_are_those_of_the_step() -> None:
    query = Query("worklist", Model.WORKLIST, None, match={"Modality": "CT", "StudyInstanceUID": ("1.2.3",)})
    check = ignored_key(query, NOW)
    assert check is not None
    item, step = Dataset(), Dataset()
    item.StudyInstanceUID, item.Modality, step.Modality = "1.2.3", "MR", "CT"
    item.ScheduledProcedureStepSequence = [step]
    assert not check(_encoded(item))
    step.Modality = "MR"
    assert check(_encoded(item))


def test_matching_without_keys_is_not_checked() -> None:
    assert ignored_key(Query("studies", Model.STUDY_ROOT, Level.STUDY), NOW) is None
    assert ignored_key(Query("q", Model.STUDY_ROOT, Level.STUDY, match={"InstitutionName": "*"}), NOW) is None


@given(st.binary(max_size=300))
def test_matching_any_bytes_have_an_answer(data: bytes) -> None:
    for keyword, asked, *_ in CASES.values():
        check = ignored_key(Query("q", Model.STUDY_ROOT, Level.IMAGE, match={keyword: asked}), NOW)
        assert check is not None
        assert check(data) in (True, False)
