"""The fuzz targets. Each takes any bytes; an exception or a failed assertion is a bug.

The first one or two bytes select the request and how the rest is split, so that each input is reproducible.
"""

from __future__ import annotations

import itertools
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from dicom_exporter.config import ConfigError, ConfigErrors, Level, Model, Query, load
from dicom_exporter.dicom.association import ABORT, ABORT_UNEXPECTED, RELEASE_RP, Association, State
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.dicom.dimse import Message
from dicom_exporter.dicom.errors import Aborted, NotDicom, ProtocolViolation, Rejected
from dicom_exporter.enums import TLSVersion
from dicom_exporter.http_client.json_scan import Scan, Shape
from dicom_exporter.net import tls_suites
from dicom_exporter.net.errors import ConnectionEnded, ProbeEnded
from dicom_exporter.net.tls_hello import Answer, NotTLS
from dicom_exporter.probes.tally import MAX_VALUES, Tally
from tests.testing.hostile import scenarios, simulated
from tests.testing.hostile.playing import play

FuzzTarget = Callable[[bytes], None]

SCENARIOS = tuple(scenarios.ALL)
_PIECES = (0, 1, 2, 3, 5, 7, 13, 64)
"""Sizes of the pieces in which the data arrives, in bytes; 0: not split."""
_MOST_PIECES = 64
NEXT_ANSWER = b"\n\xff\xff\n"
"""Separates the data of one connection from that of the next, for `web`."""
_LABEL = re.compile(r"[ -~]*")


def association(data: bytes) -> None:
    """The sans-I/O state machine: any bytes give messages or a documented outcome, for any split."""
    size = _PIECES[data[0] % len(_PIECES)] if data else 0
    stream = data[1:]
    whole = _read([stream])
    assert _read(list(_cut(stream, size))) == whole, "what was read depends on the split"


def _read(pieces: list[bytes]) -> tuple[list[Message], type[ProbeEnded] | None, State]:
    """All messages of a stream, how it ended, and where that left the association."""
    association = Association()
    association.request(b"")
    messages: list[Message] = []
    end: ProbeEnded | None = None
    for piece in pieces:
        try:
            messages += association.receive(piece)
            association.raise_end()
        except ProbeEnded as ended:
            end = ended
            break
    if end is not None:
        _check_end(association, end)
    state = association.state
    owed = association.abort()
    assert owed == (b"" if state in (State.START, State.ENDED) else ABORT)
    assert association.receive(b"\x04\x00\x00\x00\x00\x00") == [], "read on after the end"
    assert association.state is State.ENDED
    return messages, None if end is None else type(end), state


def _check_end(association: Association, end: ProbeEnded) -> None:
    assert association.state is State.ENDED
    if isinstance(end, ProtocolViolation | NotDicom):
        assert association.outgoing == ABORT_UNEXPECTED
    elif isinstance(end, ConnectionEnded):
        assert association.outgoing == RELEASE_RP
    else:
        assert isinstance(end, Rejected | Aborted)
        assert association.outgoing == b""


def session(data: bytes) -> None:
    """The complete client with a server that sends any bytes: each probe ends in time, with a valid outcome."""
    if len(data) < 2:
        return
    scenario = scenarios.ALL[SCENARIOS[data[0] % len(SCENARIOS)]]
    play(scenario, simulated.pdus(data[2:]), _pieces(data[1]), silent_at_end=bool(data[1] & 0x80))


def web(data: bytes) -> None:
    """DICOMweb and web pages with a server that sends any bytes: as `session`, for HTTP."""
    if len(data) < 2:
        return
    scenario = (scenarios.dicomweb, scenarios.web)[data[0] % 2]
    close = simulated.direct(simulated.Direction.CLOSE)
    steps = [step for answer in data[2:].split(NEXT_ANSWER) for step in (answer, close)]
    play(scenario, steps, _pieces(data[1]))


def _pieces(how: int) -> Iterable[int]:
    size = _PIECES[how % len(_PIECES)]
    return itertools.repeat(size, _MOST_PIECES) if size else ()


def dicom_json(data: bytes) -> None:
    """The scanner of DICOM JSON: the same result for any split, and as many entries as Python's JSON parser finds."""
    if not data:
        return
    size = _PIECES[data[0] % len(_PIECES)]
    body = data[1:]
    whole, cut = _scan([body]), _scan(list(_cut(body, size)))
    assert _seen(whole) == _seen(cut), "what was seen depends on the split"
    entries = _entries(body)
    if entries is not None:
        assert (whole.entries, whole.complete) == (entries, True)
        assert whole.shape is (Shape.ENTRIES if entries else Shape.EMPTY)


def _scan(pieces: list[bytes]) -> Scan:
    scan = Scan(1000, identity=True, uids=(b"0020000D",))
    for piece in pieces:
        scan.feed(piece)
    return scan


def _seen(scan: Scan) -> tuple[object, ...]:
    return scan.shape, scan.entries, scan.complete, scan.done, scan.identity_seen, scan.uids


def _entries(body: bytes) -> int | None:
    """The number of data sets in a body that is certainly DICOM JSON; None if it is not, or if it is too complex."""
    if b"\\" in body or body.count(b"[") + body.count(b"{") > 60:
        return None
    try:
        value = json.loads(body.decode("utf-8-sig"))  # from bytes, Python takes UTF-16 too; RFC 8259 8.1 does not
    except (ValueError, RecursionError):
        return None
    tag = re.compile("[0-9A-Fa-f]{8}")
    sets = isinstance(value, list) and all(isinstance(each, dict) and each for each in value)
    return len(value) if sets and all(all(map(tag.fullmatch, each)) for each in value) else None


def dataset(data: bytes) -> None:
    """The reader of matches, and the counts made from them."""
    if not data:
        return
    for tags, sequence in (((0x0020000D, 0x00201208), None), ((0x00080060, 0x00400001), 0x00400100)):
        try:
            found = find_values(data[1:], tags, sequence)
        except MalformedDataset:
            continue
        assert found.keys() <= set(tags)
        assert sum(map(len, found.values())) <= len(data)
    for query in _QUERIES:
        tally = Tally(replace(query, digest_key=bytes(16) if data[0] & 1 else None))
        for match in data[1:].split(_NEXT_MATCH):
            tally.consume(match)
        matches = data[1:].count(_NEXT_MATCH) + 1
        for counts in tally.matches_by.values():
            assert sum(counts.values()) == matches
            assert len(counts) <= MAX_VALUES + 1
            assert all(_LABEL.fullmatch(value) for value in counts)


_NEXT_MATCH = b"\xff\xfe\xfd\xfc"
_QUERIES = (
    Query("studies", Model.STUDY_ROOT, Level.STUDY, count_by=("ModalitiesInStudy", "InstitutionName")),
    Query("worklist", Model.WORKLIST, None, count_by=("Modality", "ScheduledStationAETitle")),
    Query("instances", Model.STUDY_ROOT, Level.STUDY),
)


def configuration(data: bytes) -> None:
    """A configuration file: it is loaded, or rejected with messages that name the file."""
    file = _directory() / "config.yml"
    file.write_bytes(data)
    errors: Sequence[ConfigError] = ()
    try:
        load([file])
    except ConfigErrors as refused:
        errors = refused.errors
    for error in errors:
        assert str(error).startswith(str(file)), str(error)
        assert str(error).isprintable()


@cache
def _directory() -> Path:
    return Path(tempfile.mkdtemp(prefix="fuzz-"))


def _cut(data: bytes, size: int) -> Iterator[bytes]:
    """`data` in pieces of `size` bytes, or of more bytes if there were more than `_MOST_PIECES`."""
    step = max(size, len(data) // _MOST_PIECES) if size else max(len(data), 1)
    for begin in range(0, len(data), step):
        yield data[begin : begin + step]


def tls_hello(data: bytes) -> None:
    """The answer to a ClientHello: the same for any split, and nothing that was not offered."""
    if len(data) < 2:
        return
    version = tuple(TLSVersion)[data[1] % len(TLSVersion)]
    whole = _answer(version, [data[2:]])
    assert _answer(version, list(_cut(data[2:], _PIECES[data[0] % len(_PIECES)]))) == whole


def _answer(version: TLSVersion, pieces: list[bytes]) -> tuple[object, ...]:
    offered = tls_suites.TLS_1_3 if version is TLSVersion.TLS_1_3 else tls_suites.ALL
    answer = Answer(version, offered, whole=True)
    try:
        for piece in pieces:
            answer.feed(piece)
    except NotTLS:
        return (NotTLS,)
    assert answer.suite is None or answer.suite in offered
    assert answer.version is None or list(TLSVersion).index(answer.version) <= list(TLSVersion).index(version)
    assert answer.dh_bits() is None or answer.key_exchange is not None
    return (
        answer.version,
        answer.suite,
        answer.group,
        answer.alert,
        answer.certificate,
        answer.key_exchange,
        answer.done,
    )


ALL: dict[str, FuzzTarget] = {
    "association": association,
    "session": session,
    "web": web,
    "dicom_json": dicom_json,
    "dataset": dataset,
    "tls_hello": tls_hello,
    "configuration": configuration,
}
