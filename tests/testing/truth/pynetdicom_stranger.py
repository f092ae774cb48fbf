"""pynetdicom as a stranger: `python -m tests.testing.truth.pynetdicom_stranger PORT IP…` prints what it got, as JSON.

In a process of its own, as it leaves sockets unclosed if a peer does not behave.
"""

from __future__ import annotations

import contextlib
import json
import logging
import ssl
import sys
import uuid
import warnings
from dataclasses import asdict, replace
from typing import Any

from pydicom.dataset import Dataset
from pynetdicom import AE, _config, build_role, evt

from tests.testing.truth.levels import ASSOCIATES, CLOSED, LISTS, QUERYABLE, REFUSES
from tests.testing.truth.model import (
    CALLED,
    CT,
    ENHANCED_MR,
    FINDS,
    NAME,
    PATIENT_FIND,
    PRIVATE,
    STUDY_FIND,
    STUDY_GET,
    SYNTAXES,
    VERIFICATION,
)
from tests.testing.truth.strangers import Got

_PATIENCE = 1.5
"""Seconds for each answer."""
_PENDING = (0xFF00, 0xFF01)


def main(port: int, ips: list[str]) -> None:
    """Go as far as it gets at each address, plain and over TLS."""
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)
    _config.LOG_RESPONSE_IDENTIFIERS = False
    for ip in ips:
        for tls in (False, True):
            got = Got("pynetdicom")
            with contextlib.suppress(Exception):  # not our client: its bugs are not looked for here
                got = _got(ip, port, tls)
            sys.stdout.write(json.dumps(asdict(got)) + "\n")


def _got(ip: str, port: int, tls: bool) -> Got:
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


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
