"""The walk over a match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from dicom_exporter.dicom.dataset import MalformedDataset, count_value, find_values
from tests.dicom import encoded

INSTANCES = 0x00201208
MODALITY = 0x00080060
STEPS = 0x00400100


def test_finds_what_it_is_asked_for_and_nothing_else() -> None:
    match = encoded.study(instances="12", ModalitiesInStudy=["CT", "PT"], PatientName="SYNTHETIC^ONE")
    assert find_values(encoded.implicit(match), {INSTANCES, 0x00080061}) == {INSTANCES: b"12", 0x00080061: b"CT\\PT "}


def test_absent_and_empty_are_different() -> None:
    assert find_values(encoded.implicit(encoded.study(instances=None)), {INSTANCES}) == {}
    assert find_values(encoded.implicit(encoded.study(instances="")), {INSTANCES}) == {INSTANCES: b""}


@pytest.mark.parametrize("undefined", [False, True])
def test_steps_over_and_into_sequences(undefined: bool) -> None:
    inner, deep, match = Dataset(), Dataset(), encoded.study(instances="3")
    deep.Modality = "XX"
    inner.Modality = "MR"
    inner.ReferencedStudySequence = Sequence([deep])
    match.Modality = "CT"
    match.ScheduledProcedureStepSequence = Sequence([inner])
    match.ReferencedStudySequence = Sequence([deep])
    for dataset in (match, inner):
        for element in dataset:
            element.is_undefined_length = undefined and element.VR == "SQ"
    if undefined:
        inner.is_undefined_length_sequence_item = deep.is_undefined_length_sequence_item = True
    data = encoded.implicit(match)
    assert (b"\xff\xff\xff\xff" in data) is undefined
    assert find_values(data, {INSTANCES, MODALITY}) == {INSTANCES: b"3 ", MODALITY: b"CT"}
    assert find_values(data, {MODALITY}, sequence=STEPS) == {MODALITY: b"MR"}


def test_empty_sequence_has_no_values() -> None:
    match = Dataset()
    match.ScheduledProcedureStepSequence = Sequence([])
    assert find_values(encoded.implicit(match), {MODALITY}, sequence=STEPS) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"\x08\x00\x52",
        b"\x08\x00\x52\x00\xff\xff\xff\x7f",
        b"\x08\x00\x40\x11\xff\xff\xff\xff",
        b"\x08\x00\x40\x11\xff\xff\xff\xff" * 20,
        b"\x08\x00\x40\x11\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff",
    ],
)
def test_lying_lengths(data: bytes) -> None:
    with pytest.raises(MalformedDataset):
        find_values(data, {INSTANCES})


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for sequence in (None, STEPS):
        try:
            find_values(data, {INSTANCES, MODALITY}, sequence)
        except MalformedDataset:
            pass


@pytest.mark.parametrize(
    ("value", "number"),
    [
        (b"12", 12),
        (b"12 ", 12),
        (b" 0\0", 0),
        (b"+12", 12),
        (b"  +12  ", 12),
        (b"-0", 0),
        (b"12.", 12),
        (b"12.000", 12),
        (b"1.2E+1", 12),
        (b"120e-1 ", 12),
        (b"2147483647", 2147483647),
        (b"2147483648", None),
        (b"", None),
        (b" ", None),
        (b"-1", None),
        (b"12.5", None),
        (b"1e99", None),
        (b"1e999999999", None),
        (b"1 2", None),
        (b"1\\2", None),
        (b"0x1", None),
        (b"1_2", None),
        (b"NaN", None),
        (b"\xb2", None),
        (b"9" * 17, None),
    ],
)
def test_count_value_legal_forms_of_is_and_ds_are_read_and_others_are_none(value: bytes, number: int | None) -> None:
    assert count_value(value) == number


def test_find_values_elements_out_of_order_are_found() -> None:
    study = encoded.study(instances="12", ModalitiesInStudy=["CT"])
    elements = [encoded.implicit(_only(study, element.tag)) for element in study]
    shuffled = b"".join(reversed(elements))
    assert find_values(shuffled, {INSTANCES, 0x00080061}) == {INSTANCES: b"12", 0x00080061: b"CT"}


def test_find_values_malformed_tail_before_all_tags_are_found_is_no_absence() -> None:
    cut = encoded.implicit(encoded.study(instances=None)) + b"\x20\x00\x08\x12\xff\xff\xff\x7f"
    with pytest.raises(MalformedDataset):
        find_values(cut, {INSTANCES})


def _only(study: Dataset, tag: BaseTag) -> Dataset:
    alone = Dataset()
    alone[tag] = study[tag]
    return alone
