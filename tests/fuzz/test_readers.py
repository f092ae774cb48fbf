"""The readers one by one: they use bounded memory, and read valid data correctly."""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pynetdicom.dsutils import encode

from dicom_exporter.dicom.association import Association
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.dicom.errors import ProtocolViolation
from dicom_exporter.http_client.json_scan import Scan
from tests.fuzz import targets
from tests.testing.hostile import damage, messages, scenarios, sessions, wire

BODIES = [
    body
    for session in sessions.load(scenarios.HTTP)
    for step in session.steps
    if (body := step.partition(b"\r\n\r\n")[2]).startswith(b"[")
]
STEPS = 0x00400100
STUDY_UID, INSTANCES, MODALITY, STATION = 0x0020000D, 0x00201208, 0x00080060, 0x00400001


def accepted() -> Association:
    association = Association()
    association.request(b"")
    association.receive(wire.associate_ac({1: 0, 3: 0}))
    association.bytes_allowed = 1 << 40
    return association


def endless_fragments() -> Iterator[bytes]:
    return itertools.repeat(wire.p_data(wire.pdv(1, bytes(100), command=True, last=False)))


def endless_message() -> Iterator[bytes]:
    fragment = wire.p_data(wire.pdv(3, bytes(16000), command=False, last=False))
    return itertools.chain(
        [wire.p_data(wire.pdv(3, messages.find_rsp(1, messages.PENDING, dataset=True), command=True, last=True))],
        itertools.repeat(fragment),
    )


def largest_pdus_byte_by_byte() -> Iterator[bytes]:
    pdu = wire.p_data(wire.pdv(1, bytes(256 * 1024 - 6), command=True, last=False))
    return (bytes([byte]) for byte in itertools.cycle(pdu))


def endless_matches() -> Iterator[bytes]:
    match = messages.message(3, messages.find_rsp(1, messages.PENDING, dataset=True), messages.match(1))
    return itertools.repeat(match * 20)


def giant_pdus() -> Iterator[bytes]:
    return itertools.chain([wire.pdu(wire.P_DATA, b"", length=0xFFFFFFFF)], itertools.repeat(bytes(65536)))


@pytest.mark.parametrize(
    "flood", [endless_fragments, endless_message, largest_pdus_byte_by_byte, endless_matches, giant_pdus]
)
def test_association_flood_is_bounded_in_memory(flood: Callable[[], Iterator[bytes]]) -> None:
    """Megabytes of it, or as much as is read before it is refused."""
    association = accepted()
    source = flood()
    tracemalloc.start()
    try:
        fed = 0
        for piece in itertools.islice(source, 300_000):
            if fed > 10_000_000:
                break
            fed += len(piece)
            try:
                association.receive(piece)
            except ProtocolViolation:
                break
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


def test_json_scan_endless_list_is_bounded_in_memory() -> None:
    scan = Scan(10**9, identity=True, uids=(b"0020000D",))
    entry = b'{"00100010":{"vr":"PN","Value":[{"Alphabetic":"SYNTHETIC^ONE"}]},"0020000D":{"vr":"UI","Value":["1.2"]}},'
    deep = b'{"00100010":{"Value":[' + b"[" * 40 + b"]" * 40 + b"]}},"
    long = b'{"0020000D":{"vr":"UI","Value":["' + b"1" * 10_000 + b'"]}},'
    tracemalloc.start()
    try:
        scan.feed(b"[")
        for _ in range(300):
            scan.feed(entry * 20 + deep + long)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert scan.entries == 300 * 22
    assert peak < 100_000


@given(body=st.sampled_from(BODIES), data=st.data())
def test_json_scan_damaged_list_reads_the_same_in_any_split(body: bytes, data: st.DataObject) -> None:
    (damaged, *_) = data.draw(damage.damaged([body])) or [b""]
    targets.dicom_json(data.draw(st.binary(min_size=1, max_size=1)) + damaged)


values = st.text("0123456789.", max_size=20)


@st.composite
def datasets(draw: st.DrawFn, depth: int = 2) -> Dataset:
    """A dataset with some of what we look for, and things around it, in sequences of either kind of length."""
    dataset = Dataset()
    dataset.PatientName = draw(st.text("SYNTHEIC^", max_size=12))
    for keyword in draw(st.sets(st.sampled_from(("StudyInstanceUID", "NumberOfStudyRelatedInstances")))):
        setattr(dataset, keyword, draw(st.integers(0, 10**9)).__str__())
    if draw(st.booleans()):
        dataset.Modality = draw(st.sampled_from(("CT", "MR", "PT")))
    if depth:
        for keyword in draw(st.sets(st.sampled_from(("ReferencedStudySequence", "ScheduledProcedureStepSequence")))):
            setattr(dataset, keyword, Sequence(draw(st.lists(datasets(depth - 1), max_size=2))))
            dataset[keyword].is_undefined_length = draw(st.booleans())
            for item in dataset[keyword].value:
                item.is_undefined_length_sequence_item = draw(st.booleans())
    return dataset


@settings(deadline=None)
@given(datasets())
def test_find_values_reads_what_pydicom_wrote(dataset: Dataset) -> None:
    data = encode(dataset, True, True) or b""
    assert _texts(find_values(data, (STUDY_UID, INSTANCES, MODALITY))) == _expected(dataset)
    steps = dataset.get("ScheduledProcedureStepSequence")
    inner = _expected(steps[0]) if steps else {}
    inner.pop(STUDY_UID, None)
    found = find_values(data, (INSTANCES, MODALITY), sequence=STEPS)
    assert _texts(found) == inner


def _texts(found: dict[int, bytes]) -> dict[int, str]:
    return {tag: value.decode().rstrip("\0 ") for tag, value in found.items()}


def _expected(dataset: Dataset) -> dict[int, str]:
    wanted = (STUDY_UID, INSTANCES, MODALITY)
    return {tag: str(dataset[tag].value) for tag in wanted if tag in dataset}


@settings(deadline=None)
@given(dataset=datasets(), data=st.data())
def test_find_values_damaged_match_is_read_or_malformed(dataset: Dataset, data: st.DataObject) -> None:
    (damaged, *_) = data.draw(damage.damaged([encode(dataset, True, True) or b""])) or [b""]
    for sequence in (None, STEPS):
        try:
            find_values(damaged, (STUDY_UID, INSTANCES, MODALITY, STATION), sequence)
        except MalformedDataset:
            pass
    targets.dataset(b"\1" + damaged)
