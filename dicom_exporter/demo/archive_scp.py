"""A synthetic archive, as a pynetdicom application entity: which callers it accepts, and what it answers."""

import datetime
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import evt
from pynetdicom.ae import ApplicationEntity
from pynetdicom.events import Event
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # the module makes these names at import
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    SecondaryCaptureImageStorage,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    Verification,
)

from dicom_exporter.demo.archive import SOP_CLASSES, Archive
from dicom_exporter.demo.instances import TRANSFER_SYNTAX, synthetic_instance
from dicom_exporter.demo.matching import UnknownLevel, find_records, find_studies, find_worklist
from dicom_exporter.demo.targets import GUARDED_TITLE

_SUCCESS, _PENDING, _CANCEL, _DOES_NOT_MATCH, _NOT_AUTHORISED = 0x0000, 0xFF00, 0xFE00, 0xA900, 0x0124  # PS3.4 C.4.1
_OUT_OF_RESOURCES = 0xA700  # PS3.4 B.2.3
_MOST_KEPT = 100
"""Images that were stored and can be retrieved."""
_SYNTAXES = [ImplicitVRLittleEndian, ExplicitVRLittleEndian]


@dataclass(frozen=True, slots=True)
class Manner:
    """How an archive deviates from one that answers everything at once."""

    echo_delay: float = 0.0
    """Seconds before a C-ECHO is answered."""
    match_delay: float = 0.0
    """Seconds before each match of a C-FIND."""
    refuses_queries: bool = False
    """Whether queries end with the status not authorised, as with some archives that accepted the association."""
    disk_full: bool = False
    """Whether no image can be stored."""
    loses_images: bool = False
    """Whether it says that it stored an image, and keeps nothing."""


def archive_entity(known_caller: str | None = None, *, takes_images: bool = False) -> ApplicationEntity:
    """An application entity that accepts `known_caller` calling it GUARDED_TITLE, or anyone at all.

    `takes_images` makes it accept the images of a bandwidth test.
    """
    entity = ApplicationEntity(GUARDED_TITLE)
    if known_caller is not None:
        entity.require_calling_aet = [known_caller]
        entity.require_called_aet = True
    entity.maximum_associations = 512  # several hundred targets are one archive
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
        # Only for C-GET, if the caller stores what we send; as an SCP we store nothing.
        entity.add_supported_context(storage, TRANSFER_SYNTAX, scu_role=False, scp_role=True)
    if takes_images:
        entity.add_supported_context(SecondaryCaptureImageStorage, _SYNTAXES, scu_role=True, scp_role=True)
    return entity


def archive_handlers(archive: Archive, manner: Manner = Manner()) -> Sequence[tuple[Any, ...]]:
    """The handlers that pynetdicom calls for each request to that archive."""
    kept: dict[str, Dataset] = {}
    return [
        (evt.EVT_C_ECHO, _on_echo, [manner]),
        (evt.EVT_C_FIND, _on_find, [archive, manner, kept]),
        (evt.EVT_C_GET, _on_get, [archive, kept]),
        (evt.EVT_C_STORE, _on_store, [manner, kept]),
    ]


def _on_echo(event: Event, manner: Manner) -> int:
    time.sleep(manner.echo_delay)
    return _SUCCESS


def _on_find(
    event: Event, archive: Archive, manner: Manner, kept: Mapping[str, Dataset]
) -> Iterator[tuple[int, Dataset | None]]:
    if manner.refuses_queries:
        yield _NOT_AUTHORISED, None
        return
    if event.identifier.get("SOPInstanceUID") in kept:
        yield _PENDING, event.identifier
        return
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
        time.sleep(manner.match_delay)
        yield _PENDING, answer


def _on_get(event: Event, archive: Archive, kept: Mapping[str, Dataset]) -> Iterator[int | tuple[int, Dataset | None]]:
    """Yield an image for each instance that matches; pynetdicom wants their number first."""
    stored = kept.get(event.identifier.get("SOPInstanceUID", ""))
    if stored is not None:
        yield 1
        yield _PENDING, stored
        return
    records = list(find_records(archive, "IMAGE", event.identifier, _today()))
    yield len(records)
    for record in records:
        if event.is_cancelled:
            yield _CANCEL, None
            return
        yield _PENDING, synthetic_instance(record)


def _on_store(event: Event, manner: Manner, kept: dict[str, Dataset]) -> int:
    """Accept an image, and keep a few."""
    if manner.disk_full:
        return _OUT_OF_RESOURCES
    if not manner.loses_images and len(kept) < _MOST_KEPT:
        image = event.dataset
        image.file_meta = event.file_meta
        kept[image.SOPInstanceUID] = image
    return _SUCCESS


def _today() -> datetime.date:
    return datetime.datetime.now().astimezone().date()
