"""PDUs of a peer, encoded by pynetdicom: an encoder that is not ours, so that a shared mistake cannot pass."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from io import BytesIO
from typing import Any

from pydicom.dataset import Dataset
from pydicom.uid import UID
from pynetdicom.dimse_messages import C_ECHO_RSP, C_FIND_RSP
from pynetdicom.dimse_primitives import C_ECHO, C_FIND
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ABORT,
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
)
from pynetdicom.presentation import PresentationContext

from dicom_exporter.dicom.uids import STUDY_FIND, VERIFICATION

IMPLICIT = "1.2.840.10008.1.2"


def accept(results: dict[int, int] | None = None, *, max_pdu: int = 16382, version: str = "SYNTHETIC_1") -> bytes:
    """A-ASSOCIATE-AC with presentation context ID -> result."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID("1.2.840.10008.3.1.1.1")
    primitive.calling_ae_title = "CALLING"
    primitive.called_ae_title = "CALLED"
    primitive.result = 0
    primitive.result_source = 1
    length = MaximumLengthNotification()
    length.maximum_length_received = max_pdu
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = UID("1.2.3.4")
    name = ImplementationVersionNameNotification()
    name.implementation_version_name = version
    primitive.user_information = [length, class_uid, name]
    contexts = []
    for context_id, result in (results or {1: 0, 3: 0}).items():
        context = PresentationContext()
        context.context_id = context_id
        context.add_transfer_syntax(IMPLICIT)
        context.result = result
        contexts.append(context)
    primitive.presentation_context_definition_results_list = contexts
    pdu = A_ASSOCIATE_AC()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


def reject(result: int, source: int, reason: int) -> bytes:
    """A-ASSOCIATE-RJ; pynetdicom encodes no unlisted codes, so those are packed here."""
    try:
        primitive = A_ASSOCIATE()
        primitive.result, primitive.result_source, primitive.diagnostic = result, source, reason
        pdu = A_ASSOCIATE_RJ()
        pdu.from_primitive(primitive)
        return bytes(pdu.encode())
    except ValueError:
        return struct.pack(">BxIxBBB", 3, 4, result, source, reason)


def abort(source: int = 0) -> bytes:
    """A-ABORT."""
    primitive = A_ABORT()
    primitive.abort_source = source
    pdu = A_ABORT_RQ()
    pdu.from_primitive(primitive)
    return bytes(pdu.encode())


def echo_response(status: int = 0, *, message_id: int = 1, context_id: int = 1, max_pdu: int = 16382) -> bytes:
    """C-ECHO-RSP in P-DATA-TF PDUs of at most `max_pdu` bytes."""
    primitive = C_ECHO()
    primitive.MessageIDBeingRespondedTo = message_id
    primitive.AffectedSOPClassUID = UID(VERIFICATION)
    primitive.Status = status
    return b"".join(_pdus(C_ECHO_RSP(), primitive, context_id, max_pdu))


def find_response(
    status: int, match: Dataset | None = None, *, message_id: int = 1, context_id: int = 3, max_pdu: int = 16382
) -> bytes:
    """C-FIND-RSP, with a match if given."""
    primitive = C_FIND()
    primitive.MessageIDBeingRespondedTo = message_id
    primitive.AffectedSOPClassUID = UID(STUDY_FIND)
    primitive.Status = status
    if match is not None:
        primitive.Identifier = BytesIO(implicit(match))
    return b"".join(_pdus(C_FIND_RSP(), primitive, context_id, max_pdu))


def implicit(dataset: Dataset) -> bytes:
    """`dataset` in implicit VR little endian."""
    encoded = encode(dataset, True, True)
    assert encoded is not None
    return encoded


def study(uid: str = "1.2.3", instances: str | None = "7", **more: Any) -> Dataset:
    """A synthetic match at STUDY level."""
    dataset = Dataset()
    dataset.QueryRetrieveLevel = "STUDY"
    dataset.StudyInstanceUID = uid
    if instances is not None:
        dataset.NumberOfStudyRelatedInstances = instances
    for keyword, value in more.items():
        setattr(dataset, keyword, value)
    return dataset


def pdu(pdu_type: int, body: bytes, length: int | None = None) -> bytes:
    """Any PDU, also one that lies about its length."""
    return struct.pack(">BxI", pdu_type, len(body) if length is None else length) + body


def pdv(context_id: int, control: int, fragment: bytes) -> bytes:
    """One presentation data value."""
    return struct.pack(">IBB", len(fragment) + 2, context_id, control) + fragment


def _pdus(message: Any, primitive: Any, context_id: int, max_pdu: int) -> Iterable[bytes]:
    message.primitive_to_message(primitive)
    for data in message.encode_msg(context_id, max_pdu):
        encoded = P_DATA_TF()
        encoded.from_primitive(data)
        yield bytes(encoded.encode())
