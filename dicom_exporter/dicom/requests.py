"""The bytes we send, encoded by pynetdicom and pydicom once and kept.

An A-ASSOCIATE-RQ has its two AE titles at fixed offsets (PS3.8 Table 9-11), so one encoded request per set of
presentation contexts serves every target: only the titles are put in. The others are cached by their arguments.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from typing import Any, TypeAlias

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset
from pydicom.uid import UID, ImplicitVRLittleEndian
from pynetdicom import _config
from pynetdicom.dimse_messages import C_CANCEL_RQ, C_ECHO_RQ, C_FIND_RQ, C_GET_RQ, C_STORE_RQ, C_STORE_RSP, DIMSEMessage
from pynetdicom.dimse_primitives import C_CANCEL, C_ECHO, C_FIND, C_GET, C_STORE
from pynetdicom.dsutils import encode
from pynetdicom.pdu import A_ASSOCIATE_RQ, P_DATA_TF
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
    UserIdentityNegotiation,
)
from pynetdicom.presentation import build_context

# pynetdicom would log every C-FIND answer, names and all, at INFO.
_config.LOG_RESPONSE_IDENTIFIERS = False

IMPLEMENTATION_CLASS_UID = "2.25.183309741245806270345862901447109628233"
"""Ours (PS3.7 D.3.3.2): a UUID-derived UID (PS3.5 B.2), so that an archive's log can name who probed it."""
IMPLEMENTATION_VERSION = "DICOM_EXPORTER"
MAX_PDU_LENGTH = 16384
"""What we say we can receive, and what we send at most to a peer that states no limit; bytes."""

_APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
_TITLES_AT = 10
_TITLE_LENGTH = 16
_LOW_PRIORITY = 2


ProposedContext: TypeAlias = tuple[str, tuple[str, ...]]
"""An abstract syntax and the transfer syntaxes to propose it with, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """User identity with a passcode, PS3.7 D.3.3.7 (user identity type 2)."""

    username: str
    passcode: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """An encoded A-ASSOCIATE-RQ, and the presentation context ID of each abstract syntax it proposes."""

    data: bytes = field(repr=False)
    context_ids: Mapping[str, int]


def associate_request(
    called_ae_title: str,
    calling_ae_title: str,
    abstract_syntaxes: Sequence[str],
    credentials: Credentials | None = None,
    storage: Sequence[ProposedContext] = (),
    others: Sequence[ProposedContext] = (),
) -> AssociateRequest:
    """Encode an A-ASSOCIATE-RQ (PS3.8 9.3.2).

    Each abstract syntax is proposed with implicit VR little endian alone, which every SCP must take (PS3.5 10.1).
    Titles are at most 16 ASCII characters. For the SOP classes of `storage` we offer to be the SCP, which a C-GET needs
    (PS3.7 D.3.3.4): a context for each, of those transfer syntaxes; the same SOP class may have several.
    `others` are proposed last, with their own transfer syntaxes.
    """
    # What is in `storage` came from the peer, so it is not kept.
    encode = _associate_template.__wrapped__ if storage else _associate_template
    template, context_ids = encode(tuple(abstract_syntaxes), credentials, tuple(storage), tuple(others))
    before, after = template
    return AssociateRequest(before + _title(called_ae_title) + _title(calling_ae_title) + after, context_ids)


@lru_cache(maxsize=64)
def _associate_template(
    abstract_syntaxes: tuple[str, ...],
    credentials: Credentials | None,
    storage: tuple[ProposedContext, ...],
    others: tuple[ProposedContext, ...],
) -> tuple[tuple[bytes, bytes], Mapping[str, int]]:
    """The bytes before and after the two AE titles (PS3.8 Table 9-11), and the context IDs."""
    primitive = A_ASSOCIATE()
    primitive.application_context_name = UID(_APPLICATION_CONTEXT)
    primitive.called_ae_title = "CALLED"
    primitive.calling_ae_title = "CALLING"
    length = MaximumLengthNotification()
    length.maximum_length_received = MAX_PDU_LENGTH
    class_uid = ImplementationClassUIDNotification()
    class_uid.implementation_class_uid = UID(IMPLEMENTATION_CLASS_UID)
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = IMPLEMENTATION_VERSION
    primitive.user_information = [length, class_uid, version]
    if credentials is not None:
        identity = UserIdentityNegotiation()
        identity.user_identity_type = 2
        identity.primary_field = credentials.username.encode()
        identity.secondary_field = credentials.passcode.encode()
        identity.positive_response_requested = False
        primitive.user_information.append(identity)
    for sop_class in dict.fromkeys(sop_class for sop_class, _ in storage):
        role = SCP_SCU_RoleSelectionNegotiation()
        role.sop_class_uid = UID(sop_class)
        role.scu_role = False
        role.scp_role = True
        primitive.user_information.append(role)
    contexts = []
    context_ids: dict[str, int] = {}
    plain = [(abstract_syntax, (str(ImplicitVRLittleEndian),)) for abstract_syntax in abstract_syntaxes]
    for index, (abstract_syntax, transfer_syntaxes) in enumerate((*plain, *storage, *others)):
        context = build_context(abstract_syntax, list(transfer_syntaxes))
        context.context_id = 2 * index + 1  # odd numbers, PS3.8 9.3.2.2
        context_ids.setdefault(abstract_syntax, context.context_id)
        contexts.append(context)
    primitive.presentation_context_definition_list = contexts
    pdu = A_ASSOCIATE_RQ()
    pdu.from_primitive(primitive)
    encoded = bytes(pdu.encode())
    return (encoded[:_TITLES_AT], encoded[_TITLES_AT + 2 * _TITLE_LENGTH :]), context_ids


@lru_cache(maxsize=256)
def _title(title: str) -> bytes:
    encoded = title.encode("ascii")
    if not 1 <= len(encoded) <= _TITLE_LENGTH:
        raise ValueError("an AE title has 1 to 16 characters")
    return encoded.ljust(_TITLE_LENGTH)


@lru_cache(maxsize=256)
def echo_request(sop_class: str, context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-ECHO-RQ (PS3.7 9.3.5.1) as P-DATA-TF PDUs of at most `max_pdu_length` bytes (0: ours)."""
    primitive = C_ECHO()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = UID(sop_class)
    return _encode(C_ECHO_RQ(), primitive, context_id, max_pdu_length)


@lru_cache(maxsize=1024)
def find_request(sop_class: str, identifier: bytes, context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-FIND-RQ (PS3.7 9.3.2.1) with an encoded `identifier`, at low priority."""
    primitive = C_FIND()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = UID(sop_class)
    primitive.Priority = _LOW_PRIORITY
    primitive.Identifier = BytesIO(identifier)
    return _encode(C_FIND_RQ(), primitive, context_id, max_pdu_length)


@lru_cache(maxsize=256)
def cancel_request(context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-CANCEL-RQ (PS3.7 9.3.2.3) for the request with `message_id`."""
    primitive = C_CANCEL()
    primitive.MessageIDBeingRespondedTo = message_id
    return _encode(C_CANCEL_RQ(), primitive, context_id, max_pdu_length)


def get_request(sop_class: str, identifier: bytes, context_id: int, message_id: int, max_pdu_length: int) -> bytes:
    """Encode a C-GET-RQ (PS3.7 9.3.3.1) with an encoded `identifier`, at low priority."""
    primitive = C_GET()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = UID(sop_class)
    primitive.Priority = _LOW_PRIORITY
    primitive.Identifier = BytesIO(identifier)
    return _encode(C_GET_RQ(), primitive, context_id, max_pdu_length)


def store_command(
    sop_class: str, sop_instance_uid: str, context_id: int, message_id: int, max_pdu_length: int
) -> bytes:
    """Encode the command of a C-STORE-RQ (PS3.7 9.3.1.1); its dataset follows, as PDVs of `instances.fragments`."""
    primitive = C_STORE()
    primitive.MessageID = message_id
    primitive.AffectedSOPClassUID = UID(sop_class)
    primitive.AffectedSOPInstanceUID = UID(sop_instance_uid)
    primitive.Priority = _LOW_PRIORITY
    primitive.DataSet = BytesIO(b"\0\0")  # in place of the dataset, so that the command announces one
    return _encode(C_STORE_RQ(), primitive, context_id, max_pdu_length, command_only=True)


def store_response(
    sop_class: str, sop_instance_uid: str, context_id: int, message_id: int, max_pdu_length: int
) -> bytes:
    """Encode a C-STORE-RSP (PS3.7 9.3.1.2) with status Success to the request with `message_id`."""
    primitive = C_STORE()
    primitive.MessageIDBeingRespondedTo = message_id
    primitive.AffectedSOPClassUID = UID(sop_class)
    primitive.AffectedSOPInstanceUID = UID(sop_instance_uid)
    primitive.Status = 0x0000
    return _encode(C_STORE_RSP(), primitive, context_id, max_pdu_length)


def _encode(
    message: DIMSEMessage, primitive: Any, context_id: int, max_pdu_length: int, *, command_only: bool = False
) -> bytes:
    message.primitive_to_message(primitive)
    encoded = bytearray()
    for data in message.encode_msg(context_id, max_pdu_length or MAX_PDU_LENGTH):
        is_dataset = not data.presentation_data_value_list[0][1][0] & 1  # message control header, PS3.8 E.2
        if command_only and is_dataset:
            continue
        pdu = P_DATA_TF()
        pdu.from_primitive(data)
        encoded += pdu.encode()
    return bytes(encoded)


def encode_identifier(keys: Mapping[str, str | Sequence[str] | Mapping[str, str]]) -> bytes:
    """Encode the identifier of a C-FIND: attribute keyword -> value, "" for a return key (PS3.4 C.2.2).

    A mapping as value is the one item of a sequence (PS3.4 C.2.2.2.6). Implicit VR little endian.
    """
    return encode_dataset(_dataset(keys))


def encode_dataset(dataset: Dataset) -> bytes:
    """Encode a dataset of ours in implicit VR little endian (PS3.5 7.1.3)."""
    encoded = encode(dataset, True, True)
    if encoded is None:
        raise ValueError("pydicom could not encode the dataset")
    return encoded


def _dataset(keys: Mapping[str, Any]) -> Dataset:
    dataset = Dataset()
    for keyword, value in keys.items():
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise ValueError(f"{keyword} is no DICOM keyword")
        if isinstance(value, Mapping):
            dataset.add_new(tag, "SQ", [_dataset(value)])
        else:
            dataset.add_new(tag, dictionary_VR(tag), value if isinstance(value, str) else list(value))
    return dataset
