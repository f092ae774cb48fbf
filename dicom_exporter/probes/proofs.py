"""The two upper steps of the ladder, taken only where the config says so: who it is, and an image.

What arrives is looked at where it lies and dropped: a value is tested for being empty, an image for having begun.
"""

from __future__ import annotations

from pynetdicom.presentation import StoragePresentationContexts

from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.dicom.errors import AssociationEnded, NotOffered
from dicom_exporter.dicom.find import FindEnded
from dicom_exporter.dicom.operations import find, get_first_bytes
from dicom_exporter.dicom.phases import Phases
from dicom_exporter.dicom.requests import associate_request, encode_identifier
from dicom_exporter.dicom.uids import STUDY_FIND, STUDY_GET
from dicom_exporter.probes.session import Plan, Wire, endpoint, random_title

_STUDY_UID = 0x0020000D
_IDENTITY = {0x00100010: "PatientName", 0x00100020: "PatientID", 0x00100030: "PatientBirthDate"}
_STORAGE = tuple(str(context.abstract_syntax) for context in StoragePresentationContexts[:120])
"""Nearly every Storage SOP class: an image can be sent only in a class that we take; 128 contexts are the most."""


async def probe_identity(plan: Plan, wire: Wire, deadline: float) -> bool | None:
    """Whether a match of a C-FIND carries a non-empty name, ID or birth date; None where it could not be told."""
    seen = False
    matched = False

    def consume(data: bytes) -> None:
        nonlocal seen, matched
        matched = True
        try:
            seen = seen or any(value.strip(b" \0^") for value in find_values(data, _IDENTITY).values())
        except MalformedDataset:
            pass

    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", **dict.fromkeys(_IDENTITY.values(), "")}
    request = associate_request(_called(plan), random_title(), [STUDY_FIND])
    try:
        async with associate(
            endpoint(plan),
            request,
            Phases(),
            resolver=wire.resolver,
            deadline=deadline,
            connect_timeout=wire.connect_timeout,
            gate=wire.gate,
        ) as association:
            await find(association, STUDY_FIND, encode_identifier(keys), 1, consume)
    except (AssociationEnded, FindEnded):
        pass  # what was seen before it ended was seen
    return seen if matched else None


async def probe_download(plan: Plan, wire: Wire, deadline: float) -> bool | None:
    """Whether bytes of an image arrive by C-GET (PS3.4 C.4.3), aborted at the first; None where it could not be
    told.
    """
    proposed = [STUDY_FIND, STUDY_GET, *_STORAGE]
    request = associate_request(_called(plan), random_title(), proposed, scp_roles=_STORAGE)
    try:
        async with associate(
            endpoint(plan),
            request,
            Phases(),
            resolver=wire.resolver,
            deadline=deadline,
            connect_timeout=wire.connect_timeout,
            gate=wire.gate,
        ) as association:
            study = await _first_study(association)
            if not study:
                return None
            keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study}
            return await get_first_bytes(association, STUDY_GET, encode_identifier(keys))
    except NotOffered:
        return False
    except (AssociationEnded, FindEnded):
        return None


async def _first_study(association: Connection) -> str:
    """The UID of some study. It leaves this module only towards the archive that it came from."""
    studies: list[bytes] = []

    def consume(data: bytes) -> None:
        try:
            studies.append(find_values(data, (_STUDY_UID,)).get(_STUDY_UID, b""))
        except MalformedDataset:
            pass

    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}
    await find(association, STUDY_FIND, encode_identifier(keys), 1, consume)
    uid = studies[0].strip(b" \0") if studies else b""
    return uid.decode("ascii") if uid.isascii() and uid.replace(b".", b"").isdigit() else ""


def _called(plan: Plan) -> str:
    return plan.called_ae_title or plan.target.called_ae_title
