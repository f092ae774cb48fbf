"""The walk over a match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from dicom_exporter.dicom.dataset import Budget, MalformedDataset, count_value, find_values
from tests.dicom import encoded

INSTANCES = 0x00201208
MODALITY = 0x00080060
STEPS = 0x00400100


def test_find_values_gives_only_wanted_attributes() -> None:
    match = encoded.study(instances="12", ModalitiesInStudy=["CT", "PT"], PatientName="SYNTHETIC^ONE")
    assert find_values(encoded.implicit(match), {INSTANCES, 0x00080061}) == {INSTANCES: b"12", 0x00080061: b"CT\\PT "}


def test_find_values_absent_is_not_empty() -> None:
    assert find_values(encoded.implicit(encoded.study(instances=None)), {INSTANCES}) == {}
    assert find_values(encoded.implicit(encoded.study(instances="")), {INSTANCES}) == {INSTANCES: b""}


@pytest.mark.parametrize("undefined", [False, True])
def test_find_values_enters_wanted_sequences_only(undefined: bool) -> None:
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


def test_find_values_empty_sequence_has_none() -> None:
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
def test_find_values_wrong_length_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedDataset):
        find_values(data, {INSTANCES})


@given(st.binary(max_size=200))
def test_find_values_any_bytes_are_read_or_malformed(data: bytes) -> None:
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
def test_count_value_forms_of_is_and_ds_are_read_or_none(value: bytes, number: int | None) -> None:
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


def test_find_values_elements_are_bounded_over_several_matches() -> None:
    match = b"\x08\x00\x01\x00\0\0\0\0" * 40  # forty elements without a value
    nested = b"\x08\x00\x05\x00\xff\xff\xff\xff" + match + b"\xfe\xff\xdd\xe0\0\0\0\0"
    budget = Budget(100)
    assert find_values(match, {INSTANCES}, budget=budget) == {}
    assert find_values(nested, {INSTANCES}, budget=budget) == {}
    with pytest.raises(MalformedDataset):
        find_values(match, {INSTANCES}, budget=budget)
    assert find_values(match, {INSTANCES}, budget=Budget(40)) == {}
    for begin in (b"", b"\xfe\xff\x00\xe0\xff\xff\xff\xff"):
        sequence = b"\x08\x00\x06\x00\xff\xff\xff\xff" + begin + match
        with pytest.raises(MalformedDataset):
            find_values(sequence, {INSTANCES}, 0x00080006, Budget(20))


def _only(study: Dataset, tag: BaseTag) -> Dataset:
    alone = Dataset()
    alone[tag] = study[tag]
    return alone
