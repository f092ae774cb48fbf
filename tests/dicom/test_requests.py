"""What we send, as pynetdicom and pydicom read it back."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.config import disable_value_validation
from pydicom.dataset import Dataset
from pynetdicom.dimse_messages import C_CANCEL_RQ, C_ECHO_RQ, C_FIND_RQ, DIMSEMessage
from pynetdicom.dsutils import decode, encode
from pynetdicom.pdu import A_ASSOCIATE_RQ, P_DATA_TF
from pynetdicom.pdu_items import UserIdentitySubItemRQ

from dicom_exporter.attributes import ATTRIBUTES
from dicom_exporter.dicom import requests
from dicom_exporter.dicom.uids import STUDY_FIND, VERIFICATION


def read(data: bytes) -> DIMSEMessage:
    """Have pynetdicom put the message in `data` together; every PDU must keep to its length."""
    message = DIMSEMessage()
    complete = False
    while data:
        length = 6 + int.from_bytes(data[2:6], "big")
        pdu = P_DATA_TF()
        pdu.decode(data[:length])
        complete = message.decode_msg(pdu.to_primitive())
        data = data[length:]
    assert complete
    return message


def test_associate_request_reads_back() -> None:
    request = requests.associate_request("MAINPACS", "PROMETHEUS", [VERIFICATION, STUDY_FIND])
    pdu = A_ASSOCIATE_RQ()
    pdu.decode(request.data)
    assert (pdu.called_ae_title, pdu.calling_ae_title) == ("MAINPACS", "PROMETHEUS")
    assert [(c.abstract_syntax, c.context_id) for c in pdu.presentation_context] == [(VERIFICATION, 1), (STUDY_FIND, 3)]
    assert all(c.transfer_syntax == ["1.2.840.10008.1.2"] for c in pdu.presentation_context)
    assert pdu.user_information is not None
    assert pdu.user_information.maximum_length == requests.MAX_PDU_LENGTH
    assert pdu.user_information.implementation_class_uid == requests.IMPLEMENTATION_CLASS_UID
    assert pdu.user_information.user_identity is None
    assert request.context_ids == {VERIFICATION: 1, STUDY_FIND: 3}


def test_associate_request_titles_are_its_own() -> None:
    first = requests.associate_request("A", "B", [VERIFICATION]).data
    requests.associate_request("LONGER_THAN_A_16", "C", [VERIFICATION])
    assert requests.associate_request("A", "B", [VERIFICATION]).data == first


def test_associate_request_has_user_identity() -> None:
    request = requests.associate_request("A", "B", [VERIFICATION], requests.Credentials("monitor", "geheim"))
    pdu = A_ASSOCIATE_RQ()
    pdu.decode(request.data)
    assert pdu.user_information is not None
    identity = pdu.user_information.user_identity
    assert isinstance(identity, UserIdentitySubItemRQ)
    assert (identity.id_type, identity.primary, identity.secondary) == (2, b"monitor", b"geheim")
    assert identity.response_requested is False


def test_associate_request_for_storage_has_a_context_for_each_and_one_role() -> None:
    storage = [("1.2.3", ("1.2.840.10008.1.2",)), ("1.2.3", ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.70"))]
    request = requests.associate_request("A", "B", [STUDY_FIND], storage=storage)
    pdu = A_ASSOCIATE_RQ()
    pdu.decode(request.data)
    proposed = [(c.abstract_syntax, tuple(c.transfer_syntax)) for c in pdu.presentation_context]
    assert proposed == [(STUDY_FIND, ("1.2.840.10008.1.2",)), *storage]
    assert request.context_ids == {STUDY_FIND: 1, "1.2.3": 3}
    assert pdu.user_information is not None
    assert {str(role) for role in pdu.user_information.role_selection} == {"1.2.3"}


def test_request_secret_is_not_in_repr() -> None:
    credentials = requests.Credentials("monitor", "geheim")
    request = requests.associate_request("A", "B", [VERIFICATION], credentials)
    assert "geheim" not in f"{credentials!r} {credentials} {request!r}"


@pytest.mark.parametrize("title", ["", "X" * 17, "Ä"])
def test_associate_request_invalid_title_is_refused(title: str) -> None:
    with pytest.raises(ValueError):
        requests.associate_request(title, "B", [VERIFICATION])


@pytest.mark.parametrize("max_pdu_length", [0, 16, 20, 16384])
def test_messages_fit_the_pdu_length_of_the_peer(max_pdu_length: int) -> None:
    data = requests.echo_request(VERIFICATION, 1, 5, max_pdu_length)
    message = read(data)
    assert isinstance(message, C_ECHO_RQ)
    assert message.command_set.MessageID == 5
    while data:
        length = int.from_bytes(data[2:6], "big")
        assert length <= (max_pdu_length or requests.MAX_PDU_LENGTH)
        data = data[6 + length :]


def test_find_request_reads_back() -> None:
    identifier = requests.encode_dataset(
        {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", "ScheduledProcedureStepSequence": {"Modality": "CT"}}
    )
    message = read(requests.find_request(STUDY_FIND, identifier, 3, 2, 30))
    assert isinstance(message, C_FIND_RQ)
    assert message.command_set.AffectedSOPClassUID == STUDY_FIND
    assert message.data_set is not None
    dataset = decode(BytesIO(message.data_set.getvalue()), True, True)
    assert dataset.QueryRetrieveLevel == "STUDY"
    assert dataset.StudyInstanceUID == ""
    assert dataset.ScheduledProcedureStepSequence[0].Modality == "CT"


def test_cancel_request_has_message_id_of_its_request() -> None:
    message = read(requests.cancel_request(3, 9, 0))
    assert isinstance(message, C_CANCEL_RQ)
    assert message.command_set.MessageIDBeingRespondedTo == 9


VALUES: dict[str, st.SearchStrategy[requests.Value]] = {
    "UI": st.lists(st.from_regex(r"[12]\.[0-9]{1,20}", fullmatch=True), min_size=1, max_size=3),
    "US": st.integers(0, 65535),
    "IS": st.integers(-99999, 99999),
    "DA": st.sampled_from(["", "20260131", "20260131-"]),
    "TM": st.sampled_from(["", "0830", "0800-1200"]),
}
TEXT = st.text("ABC*? ", max_size=16).map(str.strip)


@settings(deadline=None)
@given(st.data())
def test_dataset_is_encoded_as_by_pydicom(data: st.DataObject) -> None:
    def keys(sequences: bool) -> dict[str, requests.Value]:
        keywords = [keyword for keyword, (_, vr) in ATTRIBUTES.items() if sequences or vr != "SQ"]
        chosen = data.draw(st.lists(st.sampled_from(keywords), unique=True, max_size=6))
        representations = {keyword: ATTRIBUTES[keyword].vr for keyword in chosen}
        return {
            keyword: keys(False) if vr == "SQ" else data.draw(VALUES.get(vr, TEXT))
            for keyword, vr in representations.items()
        }

    def dataset(keys: Mapping[str, Any]) -> Dataset:
        made = Dataset()
        for keyword, value in keys.items():
            setattr(made, keyword, [dataset(value)] if isinstance(value, Mapping) else value)
        return made

    drawn = keys(True)
    with disable_value_validation():
        assert requests.encode_dataset(drawn) == encode(dataset(drawn), True, True)
