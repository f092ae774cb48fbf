"""Other clients as strangers: pynetdicom, DCMTK's command-line tools, and curl. What any of them gets is proved."""

from __future__ import annotations

import logging
import re
import shutil
import ssl
import subprocess
import tempfile
import uuid
import warnings
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, build_role, evt

from tests.testing.truth.levels import ASSOCIATES, CLOSED, LISTS, OPEN_PORT, QUERYABLE, REFUSES, Steps
from tests.testing.truth.listening import Listening
from tests.testing.truth.model import (
    CALLED,
    CT,
    ENHANCED_MR,
    FINDS,
    NAME,
    OTHER_NAME,
    PATIENT_FIND,
    PRIVATE,
    STUDY_FIND,
    STUDY_GET,
    SYNTAXES,
    TLS,
    VERIFICATION,
)
from tests.testing.truth.web import PAGE, ROOT

_PATIENCE = 1.5
"""Seconds for each answer."""
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
    got = []
    for endpoint in running.server.endpoints:
        for tls in (False, True):
            got.append(_quietly("pynetdicom", partial(_pynetdicom, endpoint.ip, running.ports.dimse, tls)))
            if dcmtk() and ":" not in endpoint.ip:
                got.append(_quietly("DCMTK", partial(_dcmtk, endpoint.ip, running.ports.dimse, tls)))
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
    """The path of curl; None where it is not installed."""
    return shutil.which("curl")


@cache
def dcmtk() -> dict[str, str]:
    """DCMTK's tools, name -> path; empty where they are not installed. pynetdicom has tools of the same names."""
    found = {tool: path for tool in DCMTK if (path := shutil.which(tool, path="/usr/local/bin:/usr/bin:/bin"))}
    return found if len(found) == len(DCMTK) else {}


def _quietly(by: str, client: Callable[[], Got]) -> Got:
    """What a client got; where it fails on what the server sends, nothing."""
    try:
        return client()
    except Exception:  # noqa: BLE001 - not our client: its bugs are not looked for here
        return Got(by)


# -- pynetdicom -------------------------------------------------------------------------------------------------------


def _pynetdicom(ip: str, port: int, tls: bool) -> Got:
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    _config.LOG_RESPONSE_IDENTIFIERS = False
    got = Got("pynetdicom")
    for uid in FINDS:
        found = _found(ip, port, tls, uid)
        got = replace(got, level=max(got.level, found.level), named=got.named or found.named)
    if got.level >= LISTS:
        got = replace(got, images=any(_retrieved(ip, port, tls, sop_class) for sop_class in (CT, ENHANCED_MR, PRIVATE)))
    return got


def _entity() -> AE:
    entity = AE("X" + uuid.uuid4().hex[:12].upper())
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = _PATIENCE
    entity.connection_timeout = _PATIENCE
    return entity


def _tls_context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    return context


def _found(ip: str, port: int, tls: bool, uid: str) -> Got:
    entity = _entity()
    entity.add_requested_context(VERIFICATION)
    entity.add_requested_context(uid)
    association = entity.associate(ip, port, ae_title=CALLED, tls_args=(_tls_context(), NAME) if tls else None)
    if not association.is_established:
        answer = association.acceptor.primitive
        refused = association.is_rejected and answer is not None and answer.result == 1
        return Got("pynetdicom", REFUSES if refused else CLOSED)
    level, named = ASSOCIATES, False
    try:
        for unknown in (True, False):
            for status, identifier in association.send_c_find(_keys(uid, unknown=unknown), uid):
                code = status.get("Status")
                if code in _PENDING:
                    level = LISTS
                    named = named or bool(identifier is not None and str(identifier.get("PatientName", "")))
                elif code == 0x0000:
                    level = max(level, QUERYABLE)
    except (RuntimeError, ValueError):
        pass  # aborted, or not accepted
    finally:
        if association.is_established:
            association.release()
    return Got("pynetdicom", level, named)


def _keys(uid: str, *, unknown: bool) -> Dataset:
    keys = Dataset()
    if uid in (STUDY_FIND, PATIENT_FIND):
        keys.QueryRetrieveLevel = "STUDY" if uid == STUDY_FIND or unknown else "PATIENT"
    keys.StudyInstanceUID = f"2.25.{uuid.uuid4().int}" if unknown else ""
    keys.PatientName = ""
    keys.PatientID = ""
    return keys


def _retrieved(ip: str, port: int, tls: bool, sop_class: str) -> bool:
    received = []

    def store(event: Any) -> int:
        received.append(True)
        return 0x0000

    entity = _entity()
    entity.add_requested_context(STUDY_GET)
    entity.add_requested_context(sop_class, list(SYNTAXES))
    association = entity.associate(
        ip,
        port,
        ae_title=CALLED,
        ext_neg=[build_role(sop_class, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, store)],
        tls_args=(_tls_context(), NAME) if tls else None,
    )
    if association.is_established:
        keys = Dataset()
        keys.QueryRetrieveLevel = "STUDY"
        keys.StudyInstanceUID = "1.2.3.0"
        try:
            list(association.send_c_get(keys, STUDY_GET))
        except (RuntimeError, ValueError):
            pass
        finally:
            if association.is_established:
                association.abort()
    return bool(received)


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


def _run(*command: str) -> bytes:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=10, check=False
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
        """The status, 0 where none came, and the body."""
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
