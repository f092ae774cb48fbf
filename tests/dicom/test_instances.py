"""Synthetic instances and their fragments."""

from __future__ import annotations

from io import BytesIO

import pytest
from pynetdicom.dimse_messages import C_STORE_RQ, DIMSEMessage
from pynetdicom.dsutils import decode
from pynetdicom.pdu import P_DATA_TF

from dicom_exporter.dicom.instances import fragments, synthetic_instances
from dicom_exporter.dicom.requests import store_command
from dicom_exporter.dicom.uids import SECONDARY_CAPTURE


@pytest.mark.parametrize("max_pdu_length", [17, 128, 16382, 1 << 17])
def test_store_fragments_fit_the_pdu_length_of_the_peer(max_pdu_length: int) -> None:
    (instance,) = synthetic_instances("main", 1, 4096)
    message = DIMSEMessage()
    pdus = [store_command(SECONDARY_CAPTURE, instance.sop_instance_uid, 1, 1, 16382)]
    pdus += [b"".join(buffers) for buffers in fragments(instance.parts, 1, max_pdu_length)]
    complete = False
    for encoded in pdus:
        assert not complete
        pdu = P_DATA_TF()
        pdu.decode(encoded)
        complete = message.decode_msg(pdu.to_primitive())
    assert complete
    assert all(len(encoded) - 6 <= max_pdu_length for encoded in pdus[1:])
    assert isinstance(message, C_STORE_RQ)
    assert message.command_set.AffectedSOPInstanceUID == instance.sop_instance_uid
    assert message.data_set is not None
    dataset = decode(BytesIO(message.data_set.getvalue()), True, True)
    assert dataset.Rows * dataset.Columns == len(dataset.PixelData) == 4096
    assert str(dataset.PatientName).startswith("SYNTHETIC")
    assert dataset.SOPInstanceUID == instance.sop_instance_uid


def test_synthetic_instances_pixels_are_not_copied() -> None:
    first, second = synthetic_instances("main", 2, 512 * 1024)
    assert first.parts[-1] is second.parts[-1]
    for buffers in fragments(first.parts, 1, 16384):
        assert all(isinstance(buffer, memoryview) for buffer in buffers[1:])


def test_synthetic_instances_uids_are_stable_and_differ_by_target() -> None:
    def uids(name: str) -> list[str]:
        return [instance.sop_instance_uid for instance in synthetic_instances(name, 3, 1024)]

    assert uids("main") == uids("main")
    assert len(set(uids("main")) | set(uids("other"))) == 6
    assert all(len(uid) <= 64 for uid in uids("main"))
