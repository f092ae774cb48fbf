"""The demo's three archives, as DCMTK's clients see them."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from dicom_exporter.demo import THREE, Region, demo_region
from dicom_exporter.demo.targets import GUARDED_TITLE, KNOWN_CALLER
from tests.testing.hostile import wire
from tests.testing.peers import dcmtk
from tests.testing.peers.process import Address

pytestmark = pytest.mark.integration

WORKLIST_KEYS = ("PatientName", "ScheduledProcedureStepSequence[0].Modality")


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    with demo_region(tmp_path_factory.mktemp("demo"), THREE, first_port=0) as region:
        yield region


def address(demo: Region, name: str) -> Address:
    """The address of the target `demo-{name}`."""
    (text,) = (text for target, text in zip(demo.targets, demo.addresses, strict=True) if target.name == f"demo-{name}")
    host, _, port = text.rpartition(":")
    return Address(host, int(port))


def test_demo_open_peer_answers_anyone(demo: Region) -> None:
    assert dcmtk.echoscu(address(demo, "open"), calling="ANYONE", called="WHATEVER").ok
    found = dcmtk.findscu(
        address(demo, "open"), "QueryRetrieveLevel=STUDY", "StudyInstanceUID", "NumberOfStudyRelatedInstances"
    )
    assert found.matches == 300
    assert all(int(count) > 0 for count in found.values("NumberOfStudyRelatedInstances"))


def test_demo_answers_each_model(demo: Region) -> None:
    patients = dcmtk.findscu(address(demo, "open"), "QueryRetrieveLevel=PATIENT", "PatientID", options=["-P"])
    assert 0 < patients.matches <= 300
    assert dcmtk.findscu(address(demo, "open"), *WORKLIST_KEYS, options=["-W"]).matches == 5


def test_demo_unknown_level_is_refused_by_status(demo: Region) -> None:
    found = dcmtk.findscu(address(demo, "open"), "QueryRetrieveLevel=PATIENT", "PatientID")
    assert found.matches == 0
    assert "DataSetDoesNotMatchSOPClass" in found.output


def test_demo_open_peer_sends_images(demo: Region, tmp_path: Path) -> None:
    keys = "QueryRetrieveLevel=STUDY", "ModalitiesInStudy=DX", "StudyInstanceUID", "NumberOfStudyRelatedInstances"
    found = dcmtk.findscu(address(demo, "open"), *keys)
    uid, count = found.values("StudyInstanceUID")[0], int(found.values("NumberOfStudyRelatedInstances")[0])
    dcmtk.getscu(address(demo, "open"), tmp_path, "QueryRetrieveLevel=STUDY", f"StudyInstanceUID={uid}")
    assert len(list(tmp_path.iterdir())) == count


def test_demo_guarded_peer_answers_known_caller_only(demo: Region) -> None:
    guarded = address(demo, "guarded")
    assert dcmtk.echoscu(guarded, called=GUARDED_TITLE, calling=KNOWN_CALLER).ok
    assert "Calling AE Title Not Recognized" in dcmtk.echoscu(guarded, called=GUARDED_TITLE).output
    assert "Called AE Title Not Recognized" in dcmtk.echoscu(guarded, calling=KNOWN_CALLER).output


def test_demo_closed_port_refuses(demo: Region) -> None:
    closed = address(demo, "closed")
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((closed.host, closed.port))


def test_demo_configuration_has_the_addresses(demo: Region) -> None:
    targets = yaml.safe_load(demo.config_text)["targets"]
    assert tuple(target["address"] for target in targets) == demo.addresses
    assert [target["expect"] for target in targets] == ["guarded", "guarded", "closed", "control"]


def test_demo_ports_in_use_are_replaced(tmp_path: Path) -> None:
    with demo_region(tmp_path, THREE) as first, demo_region(tmp_path, THREE) as second:
        assert len({*first.addresses, *second.addresses}) == 6
        assert dcmtk.echoscu(address(second, "open")).ok


def test_demo_stops_with_open_connections(tmp_path: Path) -> None:
    """The network threads of pynetdicom are not daemons: one that stays would keep the process from ending."""
    before = set(threading.enumerate())
    proposal = wire.associate_rq({1: "1.2.840.10008.1.1"})
    callers = []
    with demo_region(tmp_path, THREE, first_port=0) as demo:
        where = address(demo, "open")
        for said in (b"", proposal[:3], proposal[:50], proposal, proposal + wire.pdu(wire.P_DATA, b"", length=99)):
            caller = socket.create_connection((where.host, where.port))
            caller.sendall(said)
            callers.append(caller)
        callers[3].recv(1)
    for caller in callers:
        caller.close()
    assert not [thread for thread in threading.enumerate() if thread not in before and not thread.daemon]
