"""The builders, read back by pynetdicom: what we mean to be right must be right, or a hostile test proves nothing."""

import io

from pydicom.dataset import Dataset
from pydicom.filereader import read_dataset
from pynetdicom.pdu import A_ABORT_RQ, A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ, A_RELEASE_RP, P_DATA_TF

from tests.testing.hostile import messages, wire
from tests.testing.hostile.parsing import Reassembly, parse_proposal, take_pdu


def read(data: bytes) -> Dataset:
    return read_dataset(io.BytesIO(data), is_implicit_VR=True, is_little_endian=True)


def test_associate_ac_reads_back() -> None:
    answer = A_ASSOCIATE_AC()
    answer.decode(wire.associate_ac({1: 0, 3: 3}, called="MAINPACS"))
    assert [(context.context_id, context.result) for context in answer.presentation_context] == [(1, 0), (3, 3)]
    assert answer.user_information is not None
    assert answer.user_information.maximum_length == 16384
    assert answer.reserved_aet.strip() == "MAINPACS"


def test_associate_rj_reads_back() -> None:
    rejection = A_ASSOCIATE_RJ()
    rejection.decode(wire.associate_rj(2, 3, 1))
    assert (rejection.result, rejection.source, rejection.reason_diagnostic) == (2, 3, 1)


def test_abort_and_release_rp_read_back() -> None:
    abort = A_ABORT_RQ()
    abort.decode(wire.abort(2, 6))
    assert (abort.source, abort.reason_diagnostic) == (2, 6)
    A_RELEASE_RP().decode(wire.release_rp())


def test_associate_rq_reads_back_in_both_readers() -> None:
    data = wire.associate_rq({1: messages.VERIFICATION, 3: messages.STUDY_ROOT_FIND}, calling="US", called="THEM")
    request = A_ASSOCIATE_RQ()
    request.decode(data)
    assert request.called_ae_title == "THEM"
    proposal = parse_proposal(data[6:])
    assert (proposal.called, proposal.calling) == ("THEM", "US")
    assert proposal.contexts == {1: messages.VERIFICATION, 3: messages.STUDY_ROOT_FIND}
    assert {context.context_id: context.abstract_syntax for context in request.presentation_context} == {
        1: messages.VERIFICATION,
        3: messages.STUDY_ROOT_FIND,
    }


def test_find_rsp_reads_back() -> None:
    command = read(messages.find_rsp(7, 0xFF00, dataset=True))
    assert command.CommandField == 0x8020
    assert command.MessageIDBeingRespondedTo == 7
    assert command.Status == 0xFF00
    assert command.CommandDataSetType != 0x0101
    assert command.AffectedSOPClassUID == messages.STUDY_ROOT_FIND
    assert command.CommandGroupLength == len(messages.find_rsp(7, 0xFF00, dataset=True)) - 12


def test_match_reads_back() -> None:
    match = read(messages.match(5, instances=12))
    assert str(match.StudyInstanceUID).startswith("2.25.")
    assert match.NumberOfStudyRelatedInstances == 12


def test_message_fragments_read_back_whole() -> None:
    command, dataset = messages.find_rsp(1, 0xFF00, dataset=True), messages.match(1)
    for one_pdu in (False, True):
        data = bytearray(messages.message(3, command, dataset, max_pdv=9, pdus=not one_pdu))
        fragments: dict[bool, bytes] = {True: b"", False: b""}
        while data:
            length = 6 + int.from_bytes(data[2:6], "big")
            part = P_DATA_TF()
            part.decode(bytes(data[:length]))
            del data[:length]
            for item in part.presentation_data_value_items:
                assert item.presentation_context_id == 3
                value = item.presentation_data_value
                assert value is not None
                fragments[bool(value[0] & 1)] += value[1:]
        assert fragments == {True: command, False: dataset}


def test_reassembly_of_client_requests() -> None:
    command = messages.command_set(
        {0x0002: messages.uid(messages.STUDY_ROOT_FIND), 0x0100: messages.C_FIND_RQ, 0x0110: 4, 0x0800: 1}
    )
    dataset = messages.element(messages.STUDY_INSTANCE_UID, b"") + messages.element(messages.STUDY_INSTANCES, b"")
    buffer = bytearray(messages.message(3, command, dataset, max_pdv=5))
    reassembly = Reassembly()
    received = []
    while (found := take_pdu(buffer)) is not None:
        received += list(reassembly.feed(found[1]))
    (request,) = received
    assert (request.kind, request.message_id, request.context_id) == (messages.C_FIND_RQ, 4, 3)
    assert request.sop_class == messages.STUDY_ROOT_FIND
    assert request.asks_for(messages.STUDY_INSTANCES)
    assert not request.asks_for(messages.PATIENT_NAME)
