"""A synthetic image stored, found, retrieved and compared: each way of losing it is found at its step."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydicom.dataset import Dataset
from pynetdicom import evt
from pynetdicom.events import Event

from tests.testing.exporting import Exposition, exporter
from tests.testing.peers import Address, Orthanc, dcmtk
from tests.testing.peers.process import reserved_address
from tests.testing.readme import blocks

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs" / "canary.md"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FIND = "1.2.840.10008.5.1.4.1.2.2.1"
GET = "1.2.840.10008.5.1.4.1.2.2.3"
OVER_DICOM = {"dimse store": 1, "dimse findable": 1, "dimse retrieve": 1, "dimse compare": 1}
OVER_WEB = {f"dicomweb {step}": 1 for step in ("findable", "metadata", "retrieve", "compare", "frame")}
OPEN = {"DicomAlwaysAllowFind": True, "DicomAlwaysAllowGet": True, "DicomAlwaysAllowStore": True}


def configuration(
    address: object, *, web: str | None = None, title: str = "ANY-SCP", **settings: Any
) -> dict[str, Any]:
    """That of docs/canary.md, run on each scrape, for another address."""
    (text,) = blocks("yaml", DOCS)
    sections: dict[str, Any] = yaml.safe_load(text)
    module = sections["modules"]["canary"]
    del module["every"]
    module["canary"] |= settings
    module["timeout"] = "6s"
    (target,) = sections["targets"]
    target |= {"address": str(address), "called_ae_title": title, "dicomweb": web, "modules": ["canary"]}
    if web is None:
        del target["dicomweb"]
    return sections


def steps(shown: Exposition) -> dict[str, float]:
    """Success by protocol and step."""
    return {
        f"{sample.labels['protocol']} {sample.labels['step']}": sample.value
        for sample in shown.samples
        if sample.name == "dicom_canary_step_success"
    }


async def test_canary_in_orthanc_lives_over_dicom_and_dicomweb(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(dicomweb=True, **OPEN)
    async with exporter(tmp_path, **configuration(archive.dicom, web=f"http://{archive.http}/dicom-web")) as exporting:
        for _ in range(2):
            assert steps(await exporting.get()) == OVER_DICOM | OVER_WEB
        shown = await exporting.get()
    for protocol in ("dimse", "dicomweb"):
        seconds = shown.value("dicom_canary_step_duration_seconds", protocol=protocol, step="retrieve")
        first = shown.value("dicom_canary_retrieve_first_byte_seconds", protocol=protocol)
        size = shown.value("dicom_canary_retrieve_bytes", protocol=protocol)
        assert seconds is not None
        assert first is not None
        assert 0 < first <= seconds
        assert size is not None
        assert 64 << 10 < size < 66 << 10
    counts = archive.statistics()
    assert (counts["CountInstances"], counts["CountStudies"]) == (1, 1)
    (image,) = archive.request("POST", "/tools/find", json.dumps({"Level": "Instance", "Query": {}}).encode())
    tags = archive.request("GET", f"/instances/{image}/simplified-tags")
    assert tags["PatientID"].startswith("SYNTHETIC-")


async def test_canary_in_dcmqrscp_lives(dcmqrscp: Callable[..., dcmtk.Server], tmp_path: Path) -> None:
    server = dcmqrscp()
    async with exporter(tmp_path, **configuration(server.dicom, title="DCMQRSCP", size="512KiB")) as exporting:
        assert steps(await exporting.get()) == OVER_DICOM


async def test_canary_without_c_get_is_stored_and_found(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(DicomAlwaysAllowFind=True, DicomAlwaysAllowStore=True)  # not C-GET
    async with exporter(tmp_path, **configuration(archive.dicom)) as exporting:
        assert steps(await exporting.get()) == {"dimse store": 1, "dimse findable": 1, "dimse retrieve": 0}
    async with exporter(tmp_path, **configuration(archive.dicom, c_get=False)) as exporting:
        assert steps(await exporting.get()) == {"dimse store": 1, "dimse findable": 1}


class Losing:
    """A server that answers each C-STORE with Success, and then has what the test says."""

    def __init__(self, *, lists: bool = False, status: int = 0x0000) -> None:
        self.stored: list[Dataset] = []
        self.asked = 0
        self._lists = lists
        self._status = status

    def handlers(self) -> list[tuple[Any, ...]]:
        return [(evt.EVT_C_STORE, self._store), (evt.EVT_C_FIND, self._find), (evt.EVT_C_GET, self._get)]

    def _store(self, event: Event) -> int:
        image = event.dataset
        image.file_meta = event.file_meta
        self.stored.append(image)
        return self._status

    def _find(self, event: Event) -> Iterator[tuple[int, Dataset | None]]:
        self.asked += 1
        if self._lists:
            yield 0xFF00, event.identifier

    def _get(self, event: Event) -> Iterator[Any]:
        """Another image under the same UID."""
        image = self.stored[-1]
        image.PixelData = bytes(len(image.PixelData))
        yield 1
        yield 0xFF00, image


@pytest.mark.parametrize(
    ("server", "expected"),
    [
        (Losing(status=0xA700), {"dimse store": 0}),
        (Losing(), {"dimse store": 1, "dimse findable": 0}),
    ],
    ids=["disk full", "says 0000 and keeps nothing"],
)
async def test_canary_that_is_lost_fails_at_its_step(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path, server: Losing, expected: dict[str, float]
) -> None:
    services = ["1.2.840.10008.1.1", SECONDARY_CAPTURE, FIND, GET]
    address = pynetdicom_scp(*server.handlers(), services=services)
    async with exporter(tmp_path, **configuration(f"{address.host}:{address.port}")) as exporting:
        shown = await exporting.get()
    assert steps(shown) == expected
    assert len(server.stored) == 1
    assert server.asked in ({0} if expected == {"dimse store": 0} else range(2, 20))


async def test_canary_that_comes_back_as_another_image_fails_at_compare(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    server = Losing(lists=True)
    address = pynetdicom_scp(
        *server.handlers(), services=["1.2.840.10008.1.1", FIND, GET], both_roles=[SECONDARY_CAPTURE]
    )
    async with exporter(tmp_path, **configuration(f"{address.host}:{address.port}")) as exporting:
        assert steps(await exporting.get()) == OVER_DICOM | {"dimse compare": 0}


async def test_canary_of_later_days_is_another_image_of_one_study(
    orthanc: Callable[..., Orthanc], tmp_path: Path
) -> None:
    """By the number of the day: 7 images at most, whatever the day is."""
    archive = orthanc(**OPEN)
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):  # it is never the same day in both
        sections = configuration(archive.dicom)
        sections["targets"][0]["timezone"] = zone
        async with exporter(tmp_path, **sections) as exporting:
            assert steps(await exporting.get()) == OVER_DICOM
    counts = archive.statistics()
    assert (counts["CountInstances"], counts["CountStudies"], counts["CountSeries"]) == (2, 1, 1)


@pytest.fixture
def ours(peers: ExitStack) -> Address:
    """Where the exporter listens for what a C-MOVE brings."""
    return peers.enter_context(reserved_address())


async def test_canary_is_moved_by_orthanc_to_an_ae_of_ours(
    orthanc: Callable[..., Orthanc], ours: Address, tmp_path: Path
) -> None:
    archive = orthanc(
        DicomModalities={"monitor": ["PROMETHEUS", ours.host, ours.port]},
        DicomAlwaysAllowFind=True,
        DicomAlwaysAllowStore=True,
        DicomAlwaysAllowMove=True,  # and no C-GET
    )
    settings = configuration(archive.dicom, title="ORTHANC", move_to={"port": ours.port})
    async with exporter(tmp_path, **settings) as exporting:
        assert steps(await exporting.get()) == OVER_DICOM
        shown = await exporting.get()
    assert steps(shown) == OVER_DICOM
    first = shown.value("dicom_canary_retrieve_first_byte_seconds", protocol="dimse")
    assert first is not None
    assert first > 0
    with pytest.raises(ConnectionRefusedError):  # it listens only while the archive is asked to send
        socket.create_connection((ours.host, ours.port), timeout=5)


async def test_canary_is_moved_by_dcmqrscp_to_an_ae_of_ours(
    dcmqrscp: Callable[..., dcmtk.Server], ours: Address, tmp_path: Path
) -> None:
    server = dcmqrscp(destinations={"CANARY": ours.port})
    move_to = {"port": ours.port, "ae_title": "CANARY"}
    settings = configuration(server.dicom, title="DCMQRSCP", move_to=move_to, size="512KiB")
    async with exporter(tmp_path, **settings) as exporting:
        assert steps(await exporting.get()) == OVER_DICOM


async def test_canary_that_the_archive_sends_elsewhere_fails_at_retrieve(
    dcmqrscp: Callable[..., dcmtk.Server], ours: Address, peers: ExitStack, tmp_path: Path
) -> None:
    elsewhere = peers.enter_context(reserved_address())
    server = dcmqrscp(destinations={"PROMETHEUS": elsewhere.port})
    settings = configuration(server.dicom, title="DCMQRSCP", move_to={"port": ours.port})
    async with exporter(tmp_path, **settings) as exporting:
        assert steps(await exporting.get()) == {"dimse store": 1, "dimse findable": 1, "dimse retrieve": 0}


async def test_canary_where_this_machine_cannot_listen_fails_at_retrieve(
    dcmqrscp: Callable[..., dcmtk.Server], tmp_path: Path
) -> None:
    server = dcmqrscp()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        settings = configuration(server.dicom, title="DCMQRSCP", move_to={"port": taken.getsockname()[1]})
        async with exporter(tmp_path, **settings) as exporting:
            assert steps(await exporting.get())["dimse retrieve"] == 0


async def test_canary_is_stored_over_stow(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(dicomweb=True, **OPEN)
    settings = configuration(archive.dicom, web=f"http://{archive.http}/dicom-web", stow=True)
    async with exporter(tmp_path, **settings) as exporting:
        for _ in range(2):
            assert steps(await exporting.get()) == OVER_DICOM | OVER_WEB | {"dicomweb store": 1}
    counts = archive.statistics()
    assert (counts["CountInstances"], counts["CountStudies"]) == (2, 1)


async def test_canary_that_stow_refuses_fails_at_store(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(**OPEN)  # without DICOMweb
    settings = configuration(archive.dicom, web=f"http://{archive.http}/dicom-web", stow=True)
    async with exporter(tmp_path, **settings) as exporting:
        assert steps(await exporting.get()) == OVER_DICOM | {"dicomweb store": 0}
