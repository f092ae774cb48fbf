"""The demo's peers on loopback: `open` answers anyone, `guarded` knows its callers, on `closed` nothing listens.

They are pynetdicom SCPs with their threads; start and stop them outside of an event loop, or in a thread of their own.
"""

from __future__ import annotations

import datetime
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # the module makes these names at import
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from dicom_exporter.demo.archive import SOP_CLASSES, Archive, build_archive
from dicom_exporter.demo.config import GUARDED_TITLE, KNOWN_CALLER, OPEN_TITLE, config_text
from dicom_exporter.demo.instances import TRANSFER_SYNTAX, synthetic_instance
from dicom_exporter.demo.matching import UnknownLevel, find_records, find_studies, find_worklist
from dicom_exporter.demo.scp import keep_quiet, serve, stop

HOST = "127.0.0.1"
FIRST_PORT = 11112
"""Registered for DICOM (PS3.8 9.1.1). The peers take this one and the two after it, where they are free."""

_SUCCESS, _PENDING, _CANCEL, _DOES_NOT_MATCH = 0x0000, 0xFF00, 0xFE00, 0xA900  # PS3.4 Table C.4-1
_SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]


@dataclass(frozen=True, slots=True)
class DemoPeers:
    """Where the peers are, as `host:port`, and the configuration that probes them."""

    open: str
    guarded: str
    closed: str
    config_text: str


@contextmanager
def demo_peers(studies: int = 300, first_port: int = FIRST_PORT) -> Iterator[DemoPeers]:
    """Run the three peers until the block ends; 0 for `first_port` takes any free ports.

    Stopping aborts the associations that are still open and takes about a second.
    """
    keep_quiet()
    archive = build_archive(studies)
    ports = [first_port + offset if first_port else 0 for offset in range(3)]
    with ExitStack() as stack:
        open_address = _listen(_entity(OPEN_TITLE), archive, ports[0], stack)
        guarded_address = _listen(_entity(GUARDED_TITLE, known_caller=KNOWN_CALLER), archive, ports[1], stack)
        closed_address = stack.enter_context(_closed_port(ports[2]))
        text = config_text(open_address, guarded_address, closed_address)
        yield DemoPeers(open_address, guarded_address, closed_address, text)


def _entity(title: str, known_caller: str | None = None) -> ApplicationEntity:
    """An application entity that accepts `known_caller` calling it `title`, or anyone at all."""
    entity = ApplicationEntity(title)
    if known_caller is not None:
        entity.require_calling_aet = [known_caller]
        entity.require_called_aet = True
    entity.maximum_associations = 64
    entity.network_timeout = 30
    for service in (
        Verification,
        StudyRootQueryRetrieveInformationModelFind,
        PatientRootQueryRetrieveInformationModelFind,
        ModalityWorklistInformationFind,
        StudyRootQueryRetrieveInformationModelGet,
        PatientRootQueryRetrieveInformationModelGet,
    ):
        entity.add_supported_context(service, _SYNTAXES)
    for storage in SOP_CLASSES.values():
        # Only for C-GET, where the caller stores what we send; as an SCP we store nothing.
        entity.add_supported_context(storage, TRANSFER_SYNTAX, scu_role=False, scp_role=True)
    return entity


def _listen(entity: ApplicationEntity, archive: Archive, port: int, stack: ExitStack) -> str:
    """Start `entity` on `port`, or on a free one where that is taken, and return its address."""
    handlers = [(evt.EVT_C_FIND, _on_find, [archive]), (evt.EVT_C_GET, _on_get, [archive])]
    try:
        server = serve(entity, HOST, port, handlers)
    except OSError:
        server = serve(entity, HOST, 0, handlers)
    stack.callback(stop, server)
    return f"{HOST}:{server.server_address[1]}"


@contextmanager
def _closed_port(port: int) -> Iterator[str]:
    """An address where nothing listens. It stays bound, so that nobody else can listen there either."""
    with socket.socket() as reserved:
        try:
            reserved.bind((HOST, port))
        except OSError:
            reserved.bind((HOST, 0))
        yield f"{HOST}:{reserved.getsockname()[1]}"


def _on_find(event: Event, archive: Archive) -> Iterator[tuple[int, Dataset | None]]:
    today = _today()
    model = event.request.AffectedSOPClassUID
    try:
        if model == ModalityWorklistInformationFind:
            answers = find_worklist(archive, event.identifier, today)
        else:
            patient_root = model == PatientRootQueryRetrieveInformationModelFind
            answers = find_studies(archive, event.identifier, today, patient_root=patient_root)
    except UnknownLevel:
        yield _DOES_NOT_MATCH, None
        return
    for answer in answers:
        if event.is_cancelled:
            yield _CANCEL, None
            return
        yield _PENDING, answer


def _on_get(event: Event, archive: Archive) -> Iterator[int | tuple[int, Dataset | None]]:
    """Hand out an image for each instance that matches; pynetdicom wants their number first."""
    records = list(find_records(archive, "IMAGE", event.identifier, _today()))
    yield len(records)
    for record in records:
        if event.is_cancelled:
            yield _CANCEL, None
            return
        yield _PENDING, synthetic_instance(record)


def _today() -> datetime.date:
    return datetime.datetime.now().astimezone().date()
