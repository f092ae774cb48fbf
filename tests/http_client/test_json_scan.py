"""The scanner over DICOM JSON: any split, any damage, and nothing kept."""

from __future__ import annotations

import json
import pickle
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.http_client.json_scan import MAX_VALUES, Scan, Shape
from tests.testing.hostile.http import entry


def scanned(data: bytes, split: int = 0, most: int = 100, identity: bool = False) -> Scan:
    scan = Scan(most, identity=identity)
    for part in (data[:split], data[split:]):
        if part:
            scan.feed(part)
    return scan


@pytest.mark.parametrize(
    ("data", "shape"),
    [
        (b"", Shape.UNDECIDED),
        (b" \r\n", Shape.UNDECIDED),
        (b"[", Shape.UNDECIDED),
        (b"[]", Shape.EMPTY),
        (b"\xef\xbb\xbf [ \n ] \n", Shape.EMPTY),
        (b"[] x", Shape.OTHER),
        (b"[][]", Shape.OTHER),
        (b"[ready]", Shape.OTHER),
        (b"[1, 2]", Shape.OTHER),
        (b"[[]]", Shape.OTHER),
        (b"{}", Shape.OTHER),
        (b"<html>", Shape.OTHER),
        (b"[{}]", Shape.OTHER),
        ("[]".encode("utf-16-be"), Shape.OTHER),
        ('[{"0020000D":{}}]'.encode("utf-16-le"), Shape.OTHER),
        (b"null", Shape.OTHER),
        (b'["0a1b-2c3d"]', Shape.STRINGS),
        (b'[{"id":1}]', Shape.OTHER),
        (b'[{"0020000D":{}}]', Shape.ENTRIES),
        (b'[{"0020000d"', Shape.ENTRIES),
        (b'[{"0020000D":{]', Shape.ENTRIES),
        (b"[}", Shape.OTHER),
    ],
)
def test_scan_shape_is_the_same_in_any_split(data: bytes, shape: Shape) -> None:
    for split in range(len(data) + 1):
        scan = scanned(data, split)
        assert scan.shape is shape


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
data_sets = st.dictionaries(st.from_regex(r"[0-9A-F]{8}", fullmatch=True), json_values, min_size=1, max_size=4)


@given(st.lists(data_sets, max_size=6), st.integers(0, 400), st.booleans())
def test_scan_counts_as_many_entries_as_json(entries: list[object], split: int, ascii_only: bool) -> None:
    scan = scanned(json.dumps(entries, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass"), split)
    assert (scan.entries, scan.complete) == (len(entries), True)
    assert scan.shape is (Shape.ENTRIES if entries else Shape.EMPTY)


@given(st.binary(max_size=300), st.integers(0, 300))
def test_scan_any_bytes_raise_nothing(data: bytes, split: int) -> None:
    for prefix in (b"", b"[", b'[{"0020000D":'):
        scanned(prefix + data, split, identity=True)


def test_scan_stops_above_its_bound() -> None:
    scan = scanned(json.dumps([entry(number) for number in range(50)]).encode(), most=10)
    assert (scan.done, scan.entries, scan.complete) == (True, 11, False)


@pytest.mark.parametrize(
    ("attributes", "seen"),
    [
        ({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "SECRET^PHI"}]}}, True),
        ({"00100010": {"vr": "PN", "Value": [{"Ideographic": "\u5c71\u7530"}]}}, True),
        ({"00100010": {"vr": "PN", "Value": [{"Alphabetic": "^^ "}]}}, False),
        ({"00100010": {"vr": "PN"}}, False),
        ({"00100020": {"vr": "LO", "Value": ["PHI12345"]}}, True),
        ({"00100020": {"vr": "LO", "Value": [""]}}, False),
        ({"00100020": {"vr": "LO", "Value": [None]}}, False),
        ({"00100030": {"Value": ["19000101"], "vr": "DA"}}, True),
        ({"00080061": {"vr": "CS", "Value": ["CT"]}, "00100010": {"vr": "PN"}}, False),
        ({"00400275": {"vr": "SQ", "Value": [{"00100020": {"vr": "LO", "Value": ["X"]}}]}}, False),
    ],
)
def test_scan_identity_seen_if_value_is_not_empty(attributes: dict[str, object], seen: bool) -> None:
    data = json.dumps([attributes]).encode()
    for split in range(len(data)):
        assert scanned(data, split, identity=True).identity_seen is seen
    assert scanned(data).identity_seen is False


def test_scan_keeps_wanted_uids_only() -> None:
    wanted = (b"0020000D", b"0020000E", b"00080018")
    data = json.dumps(
        [
            {
                **entry(7, "SECRET^PHI", "PHI12345"),
                "0020000E": {"vr": "UI", "Value": ["2.25.8"]},
                "00080018": {"vr": "UI", "Value": ["../PHI12345"]},
            }
        ]
    ).encode()
    for split in range(len(data)):
        scan = Scan(1, identity=True, uids=wanted)
        scan.feed(data[:split])
        scan.feed(data[split:])
        assert scan.uids == {b"0020000D": b"2.25.7", b"0020000E": b"2.25.8"}
        kept = pickle.dumps(vars(scan))
        assert b"SECRET" not in kept
        assert b"PHI12345" not in kept


def test_scan_study_uids_are_kept_as_keyed_hashes_in_their_order() -> None:
    body = json.dumps([entry(number) for number in (1, 2, 1)]).encode()
    scans = [Scan(10, digest_key=key) for key in (b"a" * 16, b"a" * 16, b"b" * 16)]
    for scan in scans:
        scan.feed(body)
    assert (len(scans[0].digests), scans[0].digested, scans[0].entries) == (2, 3, 3)
    assert list(scans[0].digests) == list(scans[1].digests)
    assert not scans[0].digests.keys() & scans[2].digests.keys()
    assert b"2.25" not in b"".join(scans[0].digests)


def test_scan_study_uid_of_a_sequence_is_no_study() -> None:
    scan = Scan(10, digest_key=bytes(16))
    scan.feed(b'[{"00081110":{"vr":"SQ","Value":[{"0020000D":{"vr":"UI","Value":["2.25.1"]}}]}}]')
    assert (scan.entries, scan.digested, len(scan.digests)) == (1, 0, 0)


def test_scan_of_an_entry_without_attributes_is_not_complete() -> None:
    scan = Scan(10)
    scan.feed(b'[{"0020000D":{}},{}]')
    assert (scan.shape, scan.entries, scan.complete) == (Shape.ENTRIES, 1, False)


def test_scan_hands_over_the_wanted_texts_of_each_entry_for_any_split() -> None:
    body = json.dumps(
        [
            {"00080060": {"vr": "CS", "Value": ["CT", "SR"]}, "00100010": {"vr": "PN", "Value": [{"Alphabetic": "X"}]}},
            {"00080080": {"vr": "LO", "Value": ['North "A" \u00fc/1']}},
            {"00080060": {"vr": "CS"}},
            {
                "00080080": {"vr": "LO", "Value": ["x" * 100]},
                "00081115": {"vr": "SQ", "Value": [{"00080060": {"Value": ["MR"]}}]},
            },
        ]
    ).encode()
    expected = [
        {b"00080060": [b"CT", b"SR"]},
        {b"00080080": ['North "A" \u00fc/1'.encode()]},
        {},
        {b"00080080": [b"x" * 65]},
    ]
    for size in (1, 7, len(body)):
        seen: list[Mapping[bytes, list[bytes]]] = []
        scan = Scan(10, values=(b"00080060", b"00080080"), on_entry=seen.append)
        for begin in range(0, len(body), size):
            scan.feed(body[begin : begin + size])
        assert seen == expected


def test_scan_hands_on_a_bounded_number_of_values_of_an_attribute() -> None:
    values = b",".join([b'"CT"'] * (10 * MAX_VALUES))
    seen: list[Mapping[bytes, list[bytes]]] = []
    scan = Scan(10, values=(b"00080061",), on_entry=seen.append)
    scan.feed(b'[{"00080061":{"vr":"CS","Value":[' + values + b"]}}]")
    assert [len(each[b"00080061"]) for each in seen] == [MAX_VALUES]
    assert scan.entries == 1
