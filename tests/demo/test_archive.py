import datetime

from dicom_exporter.demo.archive import build_archive, study_record, synthetic_uid, worklist_records

TODAY = datetime.date(2026, 3, 1)


def test_archive_is_the_same_on_every_run() -> None:
    assert build_archive(40) == build_archive(40)


def test_archive_has_requested_number_of_studies() -> None:
    archive = build_archive(300)
    assert len({study.uid for study in archive.studies}) == 300
    assert all(1 <= study.instances <= 400 for study in archive.studies)
    assert {series.modality for study in archive.studies for series in study.series} == {
        "CT", "MR", "CR", "US", "DX", "MG",
    }  # fmt: skip


def test_small_archive_has_a_study_of_today() -> None:
    for count in (1, 2, 5):
        assert study_record(build_archive(count).studies[-1], TODAY)["StudyDate"] == "20260301"


def test_study_dates_are_in_the_last_weeks() -> None:
    dates = {str(study_record(study, TODAY)["StudyDate"]) for study in build_archive(300).studies}
    assert max(dates) == "20260301"
    assert "20260101" <= min(dates) < "20260201"


def test_names_are_obviously_synthetic() -> None:
    for study in build_archive(300).studies:
        record = study_record(study, TODAY)
        assert str(record["PatientName"]).startswith("SYNTHETIC^PATIENT^")
        assert str(record["PatientID"]).startswith("SYN-")
        assert str(record["StudyInstanceUID"]).startswith("2.25.")


def test_uids_are_unique_and_at_most_64_characters() -> None:
    uids = {synthetic_uid("study", number) for number in range(1000)}
    assert len(uids) == 1000
    assert all(len(uid) <= 64 for uid in uids)


def test_worklist_is_of_today() -> None:
    for item in worklist_records(build_archive(1, worklist_items=3), TODAY):
        step = item["ScheduledProcedureStepSequence"][0]
        assert isinstance(step, dict)
        assert step["ScheduledProcedureStepStartDate"] == "20260301"
