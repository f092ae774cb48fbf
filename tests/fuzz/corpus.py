"""The corpus: seeds from recorded sessions and test files, and inputs that earlier runs found.

The inputs of earlier runs are in `found/`, with one archive for each target instead of hundreds of small files.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.fuzz import targets
from tests.testing.hostile import http, messages, scenarios, sessions
from tests.testing.hostile.simulated import Direction, direct

FOUND = Path(__file__).parent / "found"
CRASHES = Path(__file__).parent / "crashes"
"""Inputs that caused a bug; the file names describe it."""
_CONFIG_FILES = Path(__file__).parents[1] / "config" / "testdata"
_EXAMPLE = Path(__file__).parents[2] / "config.example.yml"
_CLOSE = direct(Direction.CLOSE)
_LARGEST_SEED = 16 * 1024


def seeds(target: str) -> list[bytes]:
    """The seeds of `target`."""
    return [seed for seed in _SEEDS[target]() if len(seed) <= _LARGEST_SEED]


def found(target: str) -> list[bytes]:
    """The inputs that earlier runs of `target` have kept."""
    archive = FOUND / f"{target}.zip"
    if not archive.exists():
        return []
    with zipfile.ZipFile(archive) as files:
        return [files.read(name) for name in sorted(files.namelist())]


def crashes(target: str) -> list[Path]:
    """Inputs that caused a bug of `target`."""
    return sorted((CRASHES / target).glob("*"))


def keep(target: str, inputs: Iterable[bytes]) -> None:
    """Replace the kept inputs of `target` by `inputs`."""
    FOUND.mkdir(exist_ok=True)
    named = {hashlib.sha256(data).hexdigest()[:16]: data for data in inputs}
    with zipfile.ZipFile(FOUND / f"{target}.zip", "w", zipfile.ZIP_DEFLATED) as files:
        for name, data in sorted(named.items()):
            files.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)  # ZipInfo: without the current date


def _association() -> list[bytes]:
    streams = []
    for recorded in sessions.load():
        streams += [stream for stream in b"".join(recorded.steps).split(_CLOSE) if stream]
    return [b"\0" + stream for stream in streams]


def _session() -> list[bytes]:
    return [
        bytes([targets.SCENARIOS.index(recorded.scenario), how]) + b"".join(recorded.steps)
        for recorded in sessions.load()
        for how in (0, 3, 0x80)
    ]


def _web() -> list[bytes]:
    def answer(body: object, status: str = "200 OK", *headers: str) -> bytes:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"HTTP/1.1 {status}", "Content-Type: application/dicom+json", f"Content-Length: {len(content)}"]
        return "\r\n".join([*head, *headers, "", ""]).encode() + content

    entries = [http.entry(number) for number in range(3)]
    uids = {tag: {"vr": "UI", "Value": ["2.25.1"]} for tag in ("0020000D", "0020000E", "00080018")}
    image = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + bytes(128) + b"DICM"
    part = "Content-Type: multipart/related; boundary=x"
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"
    packed = gzip.compress(json.dumps(entries).encode())
    page, system = b"<html>Orthanc Explorer</html>", {"ApiVersion": 23, "DicomAet": "SYNTHETIC"}
    stories = [
        (b"\0\0", answer([]), answer(entries[:1]), answer(entries), answer([uids]), answer(image, "200 OK", part)),
        (b"\0\3", answer([]), answer(entries, "206 Partial Content", "Warning: 299 - additional results")),
        (b"\0\0", answer([]), answer([]), chunked),
        (b"\0\0", answer([]), answer(entries[:1]), answer(packed, "200 OK", "Content-Encoding: gzip")),
        (b"\0\0", answer(b"no", "401 Unauthorized"), answer(b"", "204 No Content")),
        (b"\0\0", answer(b"", "302 Found", "Location: /login"), answer(b"", "302 Found", "Location: /elsewhere")),
        (b"\1\0", answer(page), answer(system), answer(["a-b"]), answer({"CountStudies": 12})),
        (b"\1\5", answer(page), answer(system), answer([])),
        (b"\1\0", answer(b"<input type=password>", "200 OK"), answer(b"", "403 Forbidden")),
    ]
    for recorded in sessions.load(scenarios.HTTP):
        how = bytes([list(scenarios.HTTP).index(recorded.scenario), 0])
        stories.append((how, *(step for step in recorded.steps if step != _CLOSE)))
    return [how + targets.NEXT_ANSWER.join(answers) for how, *answers in stories]


def _dicom_json() -> list[bytes]:
    recorded = [step for session in sessions.load(scenarios.HTTP) for step in session.steps]
    bodies = [body for step in recorded if (body := step.partition(b"\r\n\r\n")[2]).startswith(b"[")]
    lists = [[], [http.entry(1)], [http.entry(number) for number in range(3)], ["a-b"], [{"id": 1}]]
    bodies += [json.dumps(each).encode() for each in lists]
    return [bytes([how]) + body for body in bodies for how in (0, 1)]


def _dataset() -> list[bytes]:
    step = messages.element((0x0008, 0x0060), "CT") + messages.element((0x0040, 0x0001), "STATION")
    item = messages.element((0xFFFE, 0xE000), step)
    open_item = messages.element((0xFFFE, 0xE000), step, length=0xFFFFFFFF) + messages.element((0xFFFE, 0xE00D), b"")
    end = messages.element((0xFFFE, 0xE0DD), b"")
    return [
        b"\0" + messages.match(1),
        b"\1" + messages.element(messages.MODALITIES_IN_STUDY, "CT\\MR") + messages.match(2, instances=12),
        b"\0" + messages.element((0x0040, 0x0100), item),
        b"\0" + messages.element((0x0040, 0x0100), open_item + end, length=0xFFFFFFFF),
        b"\0" + messages.element((0x0008, 0x0080), "SYNTHETIC HOSPITAL") + messages.match(3),
    ]


def _tls_hello() -> list[bytes]:
    hello = bytes.fromhex("0303") + bytes(32) + b"\0"
    one_suite = hello + bytes.fromhex("002f 00 0005 ff01000100")
    retry = hello + bytes.fromhex("1301 00 000c 002b00020304 00330002001d")
    flight = b"".join(
        bytes([kind]) + len(body).to_bytes(3, "big") + body
        for kind, body in ((2, one_suite), (11, b"\0\0\6\0\0\3DER"), (12, b"\0\2\xff\xff"), (14, b""))
    )
    records = [
        b"\x16\3\3" + len(content).to_bytes(2, "big") + content
        for content in (b"\2" + len(retry).to_bytes(3, "big") + retry, flight)
    ]
    alert = bytes.fromhex("15030300020228")
    return [bytes([how, version]) + answer for answer in (*records, alert) for how in (0, 1) for version in (3, 4)]


def _configuration() -> list[bytes]:
    return [path.read_bytes() for path in (_EXAMPLE, *sorted(_CONFIG_FILES.glob("*.yml")))]


_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "association": _association,
    "session": _session,
    "web": _web,
    "dicom_json": _dicom_json,
    "dataset": _dataset,
    "tls_hello": _tls_hello,
    "configuration": _configuration,
}
