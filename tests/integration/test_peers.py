"""The peers themselves: each starts, answers DCMTK's clients, and has the data that was stored in it."""

import datetime
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.events import Event

from tests.testing.peers import Certificates, Orthanc, dcmtk, synthetic
from tests.testing.peers import orthanc as run_orthanc
from tests.testing.peers.process import Address

pytestmark = pytest.mark.integration

STUDY_KEYS = ("QueryRetrieveLevel=STUDY", "StudyInstanceUID", "NumberOfStudyRelatedInstances")
WORKLIST_KEYS = ("PatientName", "ScheduledProcedureStepSequence[0].Modality=CT")


def test_orthanc_holds_what_is_uploaded(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(known={"test": "FINDSCU"})
    assert archive.upload(synthetic.studies(200, instances=2)) == 400
    assert archive.statistics()["CountStudies"] == 200
    assert archive.statistics()["CountInstances"] == 400
    assert dcmtk.echoscu(archive.dicom).ok
    found = dcmtk.findscu(archive.dicom, *STUDY_KEYS)
    assert found.matches == 200
    assert found.values("NumberOfStudyRelatedInstances") == ["2"] * 200
    assert sum(change["ChangeType"] == "NewInstance" for change in archive.changes()) == 400


def test_orthanc_with_its_defaults_knows_nobody(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc()
    assert dcmtk.echoscu(archive.dicom).ok
    assert dcmtk.findscu(archive.dicom, *STUDY_KEYS).matches == 0


def test_orthanc_that_checks_titles_rejects_strangers(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(
        known={"monitor": "PROMETHEUS"},
        DicomCheckCalledAet=True,
        DicomAlwaysAllowEcho=False,
        DicomAlwaysAllowStore=False,
    )
    assert "Calling AE Title Not Recognized" in dcmtk.echoscu(archive.dicom, called="ORTHANC").output
    assert "Called AE Title Not Recognized" in dcmtk.echoscu(archive.dicom, calling="PROMETHEUS").output
    assert dcmtk.echoscu(archive.dicom, called="ORTHANC", calling="PROMETHEUS").ok


def test_orthanc_learns_and_forgets_callers_at_run_time(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(DicomAlwaysAllowEcho=False, DicomAlwaysAllowStore=False)
    assert not dcmtk.echoscu(archive.dicom).ok
    archive.know("newcomer", "ECHOSCU", AllowEcho=True)
    assert dcmtk.echoscu(archive.dicom).ok
    archive.forget("newcomer")
    assert not dcmtk.echoscu(archive.dicom).ok


def test_orthanc_restarts_with_the_same_data(tmp_path: Path) -> None:
    with run_orthanc(tmp_path) as first:
        first.upload(synthetic.studies(3))
        first.stop()
        assert not dcmtk.echoscu(first.dicom).ok
    with run_orthanc(tmp_path, dicom=first.dicom, http=first.http, DicomAlwaysAllowFind=True) as second:
        assert second.statistics()["CountStudies"] == 3
        assert dcmtk.findscu(first.dicom, *STUDY_KEYS).matches == 3


def test_orthanc_serves_dicomweb(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(dicomweb=True)
    archive.upload(synthetic.studies(2))
    assert len(archive.request("GET", "/dicom-web/studies")) == 2


def test_orthanc_serves_a_worklist(orthanc: Callable[..., Orthanc]) -> None:
    archive = orthanc(worklists=True, known={"test": "FINDSCU"})
    archive.add_worklist_items(synthetic.worklist_item(number) for number in range(3))
    assert dcmtk.findscu(archive.dicom, *WORKLIST_KEYS, options=["-W"]).matches == 3


@pytest.mark.parametrize("demand", [False, True])
def test_orthanc_with_tls(orthanc: Callable[..., Orthanc], certificates: Certificates, demand: bool) -> None:
    archive = orthanc(tls=certificates, require_client_certificate=demand)
    anonymous = ["--anonymous-tls", "+cf", str(certificates.authority)]
    assert not dcmtk.echoscu(archive.dicom).ok
    assert dcmtk.echoscu(archive.dicom, *anonymous).ok is not demand
    assert dcmtk.echoscu(archive.dicom, *_as_client(certificates)).ok


def test_dcmqrscp_holds_what_is_stored(dcmqrscp: Callable[..., dcmtk.Server], tmp_path: Path) -> None:
    archive = dcmqrscp()
    synthetic.write_files(synthetic.studies(6, instances=2), tmp_path / "files")
    assert dcmtk.echoscu(archive.dicom, called="DCMQRSCP").ok
    assert dcmtk.storescu(archive.dicom, tmp_path / "files", called="DCMQRSCP").ok
    found = dcmtk.findscu(archive.dicom, *STUDY_KEYS, "StudyDate", called="DCMQRSCP")
    assert found.matches == 6
    assert set(found.values("StudyDate")) == {f"{datetime.datetime.now().astimezone():%Y%m%d}"}


def test_dcmqrscp_rejects_who_it_does_not_know(dcmqrscp: Callable[..., dcmtk.Server]) -> None:
    archive = dcmqrscp(known={"monitor": "PROMETHEUS"})
    assert dcmtk.echoscu(archive.dicom, called="DCMQRSCP", calling="PROMETHEUS").ok
    assert "Rejected" in dcmtk.echoscu(archive.dicom, called="DCMQRSCP").output


def test_storescp_stores(storescp: Callable[..., dcmtk.Server], tmp_path: Path) -> None:
    server = storescp()
    synthetic.write_files(synthetic.studies(3), tmp_path / "files")
    assert dcmtk.echoscu(server.dicom).ok
    assert dcmtk.storescu(server.dicom, tmp_path / "files").ok
    assert len(list((server.directory / "storage").iterdir())) == 3


@pytest.mark.parametrize("demand", [False, True])
def test_storescp_with_tls(storescp: Callable[..., dcmtk.Server], certificates: Certificates, demand: bool) -> None:
    server = storescp(tls=certificates, require_client_certificate=demand)
    assert dcmtk.echoscu(server.dicom, *_as_client(certificates)).ok
    assert dcmtk.echoscu(server.dicom, "--anonymous-tls", "+cf", str(certificates.authority)).ok is not demand


def test_wlmscpfs_serves_its_items(wlmscpfs: Callable[..., dcmtk.Server]) -> None:
    server = wlmscpfs(items=[synthetic.worklist_item(number) for number in range(4)])
    assert dcmtk.echoscu(server.dicom, called="WORKLIST").ok
    found = dcmtk.findscu(server.dicom, *WORKLIST_KEYS, options=["-W"], called="WORKLIST")
    assert found.matches == 4
    assert all(name.startswith("SYNTHETIC^WORKLIST^") for name in found.values("PatientName"))


def test_wlmscpfs_without_items_finds_none(wlmscpfs: Callable[..., dcmtk.Server]) -> None:
    server = wlmscpfs()
    found = dcmtk.findscu(server.dicom, *WORKLIST_KEYS, options=["-W"], called="WORKLIST")
    assert found.ok
    assert found.matches == 0


def test_pynetdicom_answers_by_its_handlers(pynetdicom_scp: Callable[..., Address]) -> None:
    def on_find(event: Event) -> Iterator[tuple[int, Dataset | None]]:
        for number in range(3):
            match = Dataset()
            match.StudyInstanceUID = synthetic.uid(number)
            yield 0xFF01, match
        yield 0xB001, None

    address = pynetdicom_scp((evt.EVT_C_FIND, on_find))
    assert dcmtk.echoscu(address).ok
    found = dcmtk.findscu(address, *STUDY_KEYS)
    assert found.matches == 3


def test_certificates_are_good_for_their_names(certificates: Certificates) -> None:
    context = ssl.create_default_context(cafile=certificates.authority)
    context.load_cert_chain(certificates.client, certificates.client_key)
    assert certificates.server_expiry > datetime.datetime.now(datetime.UTC)


def _as_client(certificates: Certificates) -> list[str]:
    return ["+tls", str(certificates.client_key), str(certificates.client), "+cf", str(certificates.authority)]
