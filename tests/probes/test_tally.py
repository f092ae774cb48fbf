"""Counts over matches: right if an archive is honest, bounded and free of names if it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import encode

from dicom_exporter.config import Level, Model, Query
from dicom_exporter.probes.tally import MAX_VALUES, NONE, OTHER, Tally, label_value
from tests.testing.hostile import messages
from tests.testing.hostile.find import BROKEN_DATASETS

STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY)
BY_MODALITY = Query("today", Model.STUDY_ROOT, Level.STUDY, count_by=("ModalitiesInStudy",))
WORKLIST = Query("worklist", Model.WORKLIST, None, count_by=("Modality", "ScheduledStationAETitle"))
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def encoded(dataset: Dataset) -> bytes:
    data = encode(dataset, True, True)
    assert data is not None
    return data


def study(*modalities: str, **more: object) -> bytes:
    dataset = Dataset()
    dataset.StudyInstanceUID = "2.25.1"
    dataset.PatientName = "SECRET^PHI"
    dataset.ModalitiesInStudy = list(modalities)
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return encoded(dataset)


def item(modality: str, station: str) -> bytes:
    step, dataset = Dataset(), Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    dataset.Modality = "OT"  # not that of the step
    dataset.PatientName = "SECRET^PHI"
    dataset.ScheduledProcedureStepSequence = [step]
    return encoded(dataset)


def tallied(query: Query, *matches: bytes) -> Tally:
    tally = Tally(query)
    consume = tally.consume
    for match in matches:
        consume(match)
    return tally


def test_modalities_are_counted_as_a_set() -> None:
    tally = tallied(BY_MODALITY, study("CT"), study("PT", "CT"), study("CT", "PT"), study("CT"), study())
    assert tally.matches_by == {"ModalitiesInStudy": {"CT": 2, "CT+PT": 2, NONE: 1}}


def test_a_worklist_is_counted_by_what_is_scheduled() -> None:
    tally = tallied(WORKLIST, item("CT", "CT1"), item("CT", "CT2"), item("MR", "MR1"), study("CT"))
    assert tally.matches_by == {
        "Modality": {"CT": 2, "MR": 1, NONE: 1},
        "ScheduledStationAETitle": {"CT1": 1, "CT2": 1, "MR1": 1, NONE: 1},
    }


def test_sop_classes_are_counted_by_their_uids() -> None:
    query = Query("q", Model.STUDY_ROOT, Level.STUDY, count_by=("SOPClassesInStudy",))
    tally = tallied(query, study(SOPClassesInStudy=[SECONDARY_CAPTURE]), study(SOPClassesInStudy=["1.2.3.4"]))
    assert tally.matches_by == {"SOPClassesInStudy": {SECONDARY_CAPTURE: 1, OTHER: 1}}


def test_after_fifty_values_the_rest_is_other() -> None:
    query = Query("q", Model.STUDY_ROOT, Level.STUDY, count_by=("InstitutionName",))
    tally = tallied(query, *(study(InstitutionName=f"SYNTHETIC {number}") for number in range(80)))
    counts = tally.matches_by["InstitutionName"]
    assert len(counts) == MAX_VALUES + 1
    assert counts[OTHER] == 30
    assert sum(counts.values()) == 80


UNREADABLE = messages.element(messages.STUDY_INSTANCES, "many")


@pytest.mark.parametrize(
    ("more", "in_all"),
    [([], True), ([study()], False), ([UNREADABLE], False)],
    ids=["all", "one without", "unreadable"],
)
def test_tally_sum_of_images_is_lower_bound_where_a_study_has_no_count(more: list[bytes], in_all: bool) -> None:
    counted = [study(NumberOfStudyRelatedInstances=number) for number in (3, 0, 4)]
    for matches in ([*counted, *more], [*more, *counted]):
        tally = tallied(STUDIES, *matches)
        assert (tally.instances, tally.instances_in_all) == (7, in_all)


def test_tally_without_matches_has_no_images() -> None:
    assert tallied(STUDIES).instances == 0


def test_tally_sum_of_images_is_unknown_where_no_study_has_a_count() -> None:
    assert tallied(STUDIES, study(), UNREADABLE).instances is None


def test_tally_matches_of_too_many_elements_are_counted_unread() -> None:
    query = replace(BY_MODALITY, max_matches=10)
    many = b"\x08\x00\x01\x00\0\0\0\0" * 4000
    tally = tallied(query, study("CT"), many, many, study("CT"))
    assert tally.matches_by == {"ModalitiesInStudy": {"CT": 1, NONE: 1, OTHER: 2}}


def test_tally_minimal_keys_count_nothing_but_matches() -> None:
    tally = Tally(Query("studies", Model.STUDY_ROOT, Level.STUDY, count_by=("ModalitiesInStudy",), minimal_keys=True))
    tally.consume(study("CT", NumberOfStudyRelatedInstances=3))
    assert tally.instances is None
    assert tally.matches_by == {}


@pytest.mark.parametrize(
    ("keyword", "value", "label"),
    [
        ("Modality", b"CT", "CT"),
        ("Modality", b"CT \0", "CT"),
        ("Modality", b"SECRET^PHI", OTHER),
        ("ModalitiesInStudy", b"PT\\CT \\PT", "CT+PT"),
        ("ModalitiesInStudy", b"CT\\SECRET^PHI\\PHI12345", f"CT+{OTHER}"),
        ("ModalitiesInStudy", b"\\\\ ", NONE),
        ("SOPClassesInStudy", b"2.25.12345\0", OTHER),
        ("SOPClassesInStudy", SECONDARY_CAPTURE.encode() + b"\0", SECONDARY_CAPTURE),
        ("ScheduledStationAETitle", b" CT1 ", "CT1"),
        ("InstitutionName", b"St. M\xe4ry\n", "St. M?ry?"),
        ("InstitutionName", b"x" * 100_000, "x" * 64),
        ("InstitutionName", b"\\".join(b"%x" % number for number in range(1000)), OTHER),
        ("InstitutionName", b"", NONE),
    ],
)
def test_label(keyword: str, value: bytes, label: str) -> None:
    assert label_value(keyword, value) == label


@pytest.mark.parametrize("keyword", ["ScheduledStationAETitle", "InstitutionName"])
@pytest.mark.parametrize("name", [b"SECRET^PHI", b"SECRET^PHI^^^ ", b"CT1\\SECRET^PHI"])
def test_what_is_written_like_a_name_is_no_label(keyword: str, name: bytes) -> None:
    assert OTHER in label_value(keyword, name)
    assert "SECRET" not in label_value(keyword, name)


@pytest.mark.parametrize("name", BROKEN_DATASETS)
def test_a_broken_match_is_a_match_of_no_known_value(name: str) -> None:
    tally = tallied(BY_MODALITY, BROKEN_DATASETS[name], study("CT"))
    counts = tally.matches_by["ModalitiesInStudy"]
    assert sum(counts.values()) == 2
    assert counts.keys() <= {"CT", NONE, OTHER}


@given(st.lists(st.binary(max_size=200)))
def test_whatever_comes_the_values_sum_to_the_matches(matches: list[bytes]) -> None:
    for query in (BY_MODALITY, WORKLIST):
        for counts in tallied(query, *matches).matches_by.values():
            assert sum(counts.values()) == len(matches)


def test_digests_are_equal_for_equal_studies_and_keys_only() -> None:
    def digests(key: bytes, *uids: str) -> frozenset[bytes] | None:
        tally = Tally(replace(STUDIES, digest_key=key))
        for uid in uids:
            tally.consume(study(StudyInstanceUID=uid, NumberOfStudyRelatedInstances=2))
        assert tally.instances == 2 * len(uids)
        return None if tally.digests is None else frozenset(tally.digests)

    first = digests(b"one key", "2.25.10", "2.25.200")
    assert first is not None
    assert len(first) == 2
    assert not any(b"2.25" in digest for digest in first)
    assert first == digests(b"one key", "2.25.200", "2.25.10")
    assert first.isdisjoint(digests(b"another", "2.25.10", "2.25.200") or ())


def test_digests_are_unknown_where_a_study_has_no_uid() -> None:
    tally = Tally(replace(STUDIES, digest_key=b"key"))
    tally.consume(study())
    tally.consume(messages.element(messages.PATIENT_NAME, "SECRET^PHI"))
    assert tally.digests is None
    assert Tally(STUDIES).digests is None
