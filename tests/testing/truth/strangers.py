"""Other clients as strangers: pynetdicom, DCMTK's command-line tools, and curl. What any of them gets is proved."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.testing.truth.levels import ASSOCIATES, CLOSED, LISTS, OPEN_PORT, QUERYABLE, REFUSES, Steps
from tests.testing.truth.listening import Listening
from tests.testing.truth.model import (
    CALLED,
    NAME,
    OTHER_NAME,
    PATIENT_FIND,
    STUDY_FIND,
    TLS,
)
from tests.testing.truth.web import PAGE, ROOT

_ROOT = Path(__file__).parents[3]
_FLAGS = {STUDY_FIND: "-S", PATIENT_FIND: "-P"}
_PENDING = (0xFF00, 0xFF01)
_GETSCU_SYNTAXES = ("+x=", "+xi", "+xy", "+xv", "+xm")
_STORED = re.compile(rb"Received C-STORE Request")
DCMTK = ("echoscu", "findscu", "getscu")


@dataclass(frozen=True)
class Got:
    """What a client got."""

    by: str
    level: int = CLOSED
    """Up to `LISTS`."""
    named: bool = False
    images: bool = False

    def reached(self, steps: Steps) -> int:
        """The level, with the upper steps that were asked for."""
        return max(steps.above(self.named, self.images)) if self.level >= LISTS else self.level


def over_dicom(running: Listening) -> list[Got]:
    """What each client gets at each address of the DICOM port, plain and over TLS. Blocks."""
    got = _pynetdicom(running)
    for endpoint in running.server.endpoints:
        if dcmtk() and ":" not in endpoint.ip:
            got += [_dcmtk(endpoint.ip, running.ports.dimse, tls) for tls in (False, True)]
    return got


def of_dicomweb(running: Listening) -> list[Got]:
    """What curl gets at each address of the DICOMweb root. Blocks."""
    tls = next(each.web.tls for each in running.server.endpoints if each.web is not None)
    return [_dicomweb(Curl(each.ip, running.ports.web, tls, ROOT)) for each in running.server.endpoints if curl()]


def of_page(running: Listening) -> list[Got]:
    """What curl gets at each address of the page. Blocks."""
    tls = next(each.page.tls for each in running.server.endpoints if each.page is not None)
    return [_page(Curl(each.ip, running.ports.page, tls, "")) for each in running.server.endpoints if curl()]


def curl() -> str | None:
    """The path of curl; None if it is not installed."""
    return shutil.which("curl")


@cache
def dcmtk() -> dict[str, str]:
    """DCMTK's tools, name -> path; empty where they are not installed. pynetdicom has tools of the same names."""
    found = {tool: path for tool in DCMTK if (path := shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin"))}
    return found if len(found) == len(DCMTK) else {}


def _pynetdicom(running: Listening) -> list[Got]:
    ips = (endpoint.ip for endpoint in running.server.endpoints)
    module = "tests.testing.truth.pynetdicom_stranger"
    lines = _run(sys.executable, "-m", module, str(running.ports.dimse), *ips, timeout=90).splitlines()
    return [Got(**json.loads(line)) for line in lines if line.startswith(b"{")]


# -- DCMTK ------------------------------------------------------------------------------------------------------------


def _dcmtk(ip: str, port: int, tls: bool) -> Got:
    own = ["+tla", "-ic"] if tls else []
    titles = ["-aet", "X" + uuid.uuid4().hex[:12].upper(), "-aec", CALLED]
    timeouts = ["-to", "2", "-ta", "2", "-td", "2"]
    common = [*own, *titles, *timeouts]
    echo = _run(dcmtk()["echoscu"], "-v", *common, ip, str(port))
    level = ASSOCIATES if b"Association Accepted" in echo else REFUSES if _rejected_for_good(echo) else CLOSED
    named = False
    for flag, where in (("-S", "STUDY"), ("-P", "PATIENT"), ("-W", None)):
        for unknown in (f"2.25.{uuid.uuid4().int}", ""):
            keys = [] if where is None else ["-k", f"QueryRetrieveLevel={'STUDY' if unknown else where}"]
            keys += ["-k", f"StudyInstanceUID={unknown}", "-k", "PatientName", "-k", "PatientID"]
            found = _run(dcmtk()["findscu"], "-v", flag, *common, *keys, ip, str(port))
            level = max(level, *_find_levels(found))
            named = named or b"SYNTHETIC" in found
    # DCMTK 3.6.7's getscu speaks no TLS.
    images = level >= LISTS and not tls and any(_got(ip, port, common, syntax) for syntax in _GETSCU_SYNTAXES)
    return Got("DCMTK", level, named, images)


def _rejected_for_good(text: bytes) -> bool:
    return b"Rejected Permanent" in text


def _find_levels(text: bytes) -> Iterator[int]:
    yield ASSOCIATES if b"Association Accepted" in text else CLOSED
    if b"(Pending)" in text:
        yield LISTS
    if b"Received Final Find Response (Success)" in text:
        yield QUERYABLE


def _got(ip: str, port: int, common: Iterable[str], syntax: str) -> bool:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID=1.2.3.0"]
    with tempfile.TemporaryDirectory() as directory:
        text = _run(dcmtk()["getscu"], "-v", "-S", syntax, "+B", "-od", directory, *common, *keys, ip, str(port))
    return _STORED.search(text) is not None


def _run(*command: str, timeout: float = 10) -> bytes:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
            cwd=_ROOT,
        )
    except subprocess.TimeoutExpired as end:
        return end.output or b""
    return done.stdout


# -- curl -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Curl:
    """curl, which follows redirects, for a web server at one address."""

    ip: str
    port: int
    tls: TLS
    root: str

    def get(self, path: str) -> tuple[int, bytes]:
        """The status, 0 if none came, and the body."""
        shown = f"[{self.ip}]" if ":" in self.ip else self.ip
        resolve = [word for name in (NAME, OTHER_NAME) for word in ("--resolve", f"{name}:{self.port}:{shown}")]
        url = f"{'http' if self.tls is TLS.NONE else 'https'}://{NAME}:{self.port}{self.root}{path}"
        options = ("-sS", "-k", "-L", "--max-time", "3", "--noproxy", "*", "-w", "\n%{http_code}")
        body, _, status = _run("curl", *options, *resolve, url).rpartition(b"\n")
        return int(status) if status.isdigit() else 0, body


def _dicomweb(curl: Curl) -> Got:
    unknown = curl.get(f"/studies?StudyInstanceUID=2.25.{uuid.uuid4().int}")
    listed = curl.get("/studies?limit=1")
    level = max(_qido_level(*answer) for answer in (unknown, listed))
    images = False
    if level >= LISTS:
        start = curl.get("/studies/1.2.3.0/series/1.2.3.0.1/instances/1.2.3.0.1.1")
        images = start[0] == 200 and b"DICM" in start[1]
    return Got("curl", level, b"SYNTHETIC" in unknown[1] + listed[1], images)


def _page(curl: Curl) -> Got:
    status, _ = curl.get(PAGE)
    listed = curl.get("/studies?since=0&limit=1")
    level = {0: CLOSED, 401: REFUSES, 403: REFUSES}.get(status, OPEN_PORT)
    if listed[0] == 200 and listed[1].startswith(b"["):
        level = QUERYABLE if listed[1] == b"[]" else LISTS
    return Got("curl", level)


def _qido_level(status: int, body: bytes) -> int:
    if status in (401, 403):
        return REFUSES
    if status == 204 or (status in (200, 206) and body.strip() in (b"", b"[]")):
        return QUERYABLE
    if status in (200, 206) and b"0020000D" in body:
        return LISTS
    return OPEN_PORT if status else CLOSED
