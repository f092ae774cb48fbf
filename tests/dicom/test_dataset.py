"""The walk over a match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from dicom_exporter.dicom.dataset import MalformedDataset, find_values, integer_string
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
        (b"", None),
        (b"-1", None),
        (b"1e9", None),
        (b"\xb2", None),
        (b"9" * 13, None),
    ],
)
def test_integer_string_forms_are_read_or_none(value: bytes, number: int | None) -> None:
    assert integer_string(value) == number
