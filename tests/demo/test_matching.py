import datetime

import pytest
from pydicom.dataset import Dataset

from dicom_exporter.demo.archive import build_archive, study_record
from dicom_exporter.demo.matching import UnknownLevel, find_studies, find_worklist, matches

TODAY = datetime.date(2026, 3, 1)
ARCHIVE = build_archive(60)


def identifier(level: str | None = None, **keys: object) -> Dataset:
    dataset = Dataset()
    if level is not None:
        dataset.QueryRetrieveLevel = level
    for keyword, value in keys.items():
        setattr(dataset, keyword, value)
    return dataset


def count(level: str, patient_root: bool = False, **keys: object) -> int:
    return len(list(find_studies(ARCHIVE, identifier(level, **keys), TODAY, patient_root=patient_root)))


def test_matching_empty_key_matches_everything() -> None:
    assert count("STUDY", StudyInstanceUID="", StudyDate="", PatientName="") == 60


def test_matching_level_counts_entities_of_that_level() -> None:
    studies = ARCHIVE.studies
    assert count("PATIENT", patient_root=True, PatientID="") == len({study.patient for study in studies})
    assert count("STUDY", patient_root=True, StudyInstanceUID="") == len(studies)
    assert count("SERIES", SeriesInstanceUID="") == sum(len(study.series) for study in studies)
    assert count("IMAGE", SOPInstanceUID="") == sum(study.instances for study in studies)


def test_matching_images_of_study_equal_its_number_of_instances() -> None:
    study = ARCHIVE.studies[7]
    assert count("IMAGE", StudyInstanceUID=study.uid, SOPInstanceUID="") == study.instances


@pytest.mark.parametrize("level", ["PATIENT", "", "SLICE"])
def test_matching_study_root_level_patient_is_refused(level: str) -> None:
    with pytest.raises(UnknownLevel):
        count(level, StudyInstanceUID="")


def test_matching_query_without_level_is_refused() -> None:
    with pytest.raises(UnknownLevel):
        find_studies(ARCHIVE, identifier(StudyInstanceUID=""), TODAY, patient_root=True)


def test_matching_list_of_uids_matches_each() -> None:
    uids = [study.uid for study in ARCHIVE.studies[:3]]
    assert count("STUDY", StudyInstanceUID=uids) == 3
    assert count("STUDY", StudyInstanceUID=uids[0]) == 1
    assert count("STUDY", StudyInstanceUID="2.25.1") == 0


def test_matching_dates_and_ranges() -> None:
    today = count("STUDY", StudyDate="20260301")
    assert 0 < today < 60
    assert count("STUDY", StudyDate="20260301-") == today
    assert count("STUDY", StudyDate="-20260228") == 60 - today
    assert count("STUDY", StudyDate="20251201-20260301") == 60
    assert count("STUDY", StudyDate="20260302-20260401") == 0


def test_matching_study_dates_follow_today() -> None:
    query = identifier("STUDY", StudyDate="20260302")
    tomorrow = TODAY + datetime.timedelta(days=1)
    assert len(list(find_studies(ARCHIVE, query, tomorrow, patient_root=False))) == count("STUDY", StudyDate="20260301")


def test_matching_wildcards_and_case_of_names() -> None:
    assert count("STUDY", PatientName="synthetic*") == 60
    assert count("STUDY", PatientName="SYNTHETIC^PATIENT^000?") == sum(study.patient < 10 for study in ARCHIVE.studies)
    assert count("STUDY", PatientName="*NOBODY*") == 0
    assert count("STUDY", AccessionNumber="SYN-A[0]*") == 0  # brackets are no wildcard in DICOM


def test_matching_one_of_several_modalities_is_enough() -> None:
    record = {**study_record(ARCHIVE.studies[0], TODAY), "ModalitiesInStudy": ("CT", "MR")}
    assert matches(record, identifier(ModalitiesInStudy="MR"))
    assert matches(record, identifier(ModalitiesInStudy=["US", "CT"]))
    assert not matches(record, identifier(ModalitiesInStudy="US"))


def test_matching_modalities_sum_to_all_studies() -> None:
    modalities = ("CT", "MR", "CR", "US", "DX", "MG")
    assert sum(count("STUDY", ModalitiesInStudy=modality) for modality in modalities) == 60


def test_matching_answer_has_only_requested_attributes() -> None:
    query = identifier("STUDY", StudyInstanceUID="", NumberOfStudyRelatedInstances=None, PerformingPhysicianName="")
    answer = next(iter(find_studies(ARCHIVE, query, TODAY, patient_root=False)))
    assert answer.dir() == [
        "NumberOfStudyRelatedInstances", "PerformingPhysicianName", "QueryRetrieveLevel", "StudyInstanceUID",
    ]  # fmt: skip
    assert answer.NumberOfStudyRelatedInstances == ARCHIVE.studies[0].instances
    assert answer.PerformingPhysicianName == ""


def test_matching_worklist_matches_inside_scheduled_step() -> None:
    def items(**step: str) -> int:
        query = identifier(PatientName="", ScheduledProcedureStepSequence=[identifier(**step)])
        return len(list(find_worklist(ARCHIVE, query, TODAY)))

    assert items(Modality="") == len(ARCHIVE.worklist)
    assert items(ScheduledProcedureStepStartDate="20260301") == len(ARCHIVE.worklist)
    assert items(ScheduledProcedureStepStartDate="20260228") == 0
    assert items(Modality="CT", ScheduledStationAETitle="DEMO_CT") == 1
    assert items(Modality="CT", ScheduledStationAETitle="DEMO_MR") == 0


def test_matching_worklist_answers_have_scheduled_step() -> None:
    query = identifier(PatientID="", ScheduledProcedureStepSequence=[identifier(Modality="")])
    answer = next(iter(find_worklist(ARCHIVE, query, TODAY)))
    assert answer.ScheduledProcedureStepSequence[0].Modality
    assert answer.ScheduledProcedureStepSequence[0].dir() == ["Modality"]
