"""The demo's peers, as DCMTK's clients see them."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dicom_exporter.demo import DemoPeers, demo_peers
from dicom_exporter.demo.config import GUARDED_TITLE, KNOWN_CALLER
from tests.testing.hostile import wire
from tests.testing.peers import dcmtk
from tests.testing.peers.process import Address

pytestmark = pytest.mark.integration

WORKLIST_KEYS = ("PatientName", "ScheduledProcedureStepSequence[0].Modality")


@pytest.fixture(scope="module")
def demo() -> Iterator[DemoPeers]:
    with demo_peers(studies=40, first_port=0) as peers:
        yield peers


def address(text: str) -> Address:
    host, _, port = text.rpartition(":")
    return Address(host, int(port))


def test_demo_open_peer_answers_anyone(demo: DemoPeers) -> None:
    assert dcmtk.echoscu(address(demo.open), calling="ANYONE", called="WHATEVER").ok
    found = dcmtk.findscu(
        address(demo.open), "QueryRetrieveLevel=STUDY", "StudyInstanceUID", "NumberOfStudyRelatedInstances"
    )
    assert found.matches == 40
    assert all(int(count) > 0 for count in found.values("NumberOfStudyRelatedInstances"))


def test_demo_answers_each_model(demo: DemoPeers) -> None:
    patients = dcmtk.findscu(address(demo.open), "QueryRetrieveLevel=PATIENT", "PatientID", options=["-P"])
    assert 0 < patients.matches <= 40
    assert dcmtk.findscu(address(demo.open), *WORKLIST_KEYS, options=["-W"]).matches == 5


def test_demo_unknown_level_is_refused_by_status(demo: DemoPeers) -> None:
    found = dcmtk.findscu(address(demo.open), "QueryRetrieveLevel=PATIENT", "PatientID")
    assert found.matches == 0
    assert "DataSetDoesNotMatchSOPClass" in found.output


def test_demo_open_peer_sends_images(demo: DemoPeers, tmp_path: Path) -> None:
    keys = "QueryRetrieveLevel=STUDY", "ModalitiesInStudy=DX", "StudyInstanceUID", "NumberOfStudyRelatedInstances"
    found = dcmtk.findscu(address(demo.open), *keys)
    uid, count = found.values("StudyInstanceUID")[0], int(found.values("NumberOfStudyRelatedInstances")[0])
    dcmtk.getscu(address(demo.open), tmp_path, "QueryRetrieveLevel=STUDY", f"StudyInstanceUID={uid}")
    assert len(list(tmp_path.iterdir())) == count


def test_demo_guarded_peer_answers_known_caller_only(demo: DemoPeers) -> None:
    guarded = address(demo.guarded)
    assert dcmtk.echoscu(guarded, called=GUARDED_TITLE, calling=KNOWN_CALLER).ok
    assert "Calling AE Title Not Recognized" in dcmtk.echoscu(guarded, called=GUARDED_TITLE).output
    assert "Called AE Title Not Recognized" in dcmtk.echoscu(guarded, calling=KNOWN_CALLER).output


def test_demo_closed_port_refuses(demo: DemoPeers) -> None:
    closed = address(demo.closed)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((closed.host, closed.port))


def test_demo_configuration_has_the_addresses(demo: DemoPeers) -> None:
    targets = yaml.safe_load(demo.config_text)["targets"]
    assert [target["address"] for target in targets] == [demo.open, demo.guarded, demo.closed, demo.open]
    assert [target["expect"] for target in targets] == ["guarded", "guarded", "closed", "control"]


def test_demo_ports_in_use_are_replaced() -> None:
    with demo_peers(studies=1) as first, demo_peers(studies=1) as second:
        addresses = {first.open, first.guarded, first.closed, second.open, second.guarded, second.closed}
        assert len(addresses) == 6
        assert dcmtk.echoscu(address(second.open)).ok


def test_demo_stops_with_open_connections() -> None:
    """The network threads of pynetdicom are not daemons: one that stays would keep the process from ending."""
    before = set(threading.enumerate())
    proposal = wire.associate_rq({1: "1.2.840.10008.1.1"})
    callers = []
    with demo_peers(studies=1, first_port=0) as demo:
        where = address(demo.open)
        for said in (b"", proposal[:3], proposal[:50], proposal, proposal + wire.pdu(wire.P_DATA, b"", length=99)):
            caller = socket.create_connection((where.host, where.port))
            caller.sendall(said)
            callers.append(caller)
        callers[3].recv(1)
    for caller in callers:
        caller.close()
    assert not [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
