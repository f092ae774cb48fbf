"""Images stored in an archive, and studies compared between two archives, in /metrics."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydicom import dcmread
from pynetdicom import evt
from pynetdicom.events import Event

from dicom_exporter.config import Address, ConfigErrors, load
from dicom_exporter.enums import StoreOutcome
from tests.testing.exporting import Exporter, Exposition, configure, exporter
from tests.testing.peers import Orthanc, dcmtk, synthetic
from tests.testing.readme import blocks
from tests.testing.running import started

pytestmark = pytest.mark.integration

KIB = 1024
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def storing(address: object, *, count: int = 10, size: str = "512KiB", **module: Any) -> dict[str, Any]:
    """Sections of a configuration with one target, `archive`, to which images are stored."""
    store = {"count": count, "size": size}
    return {
        "targets": [{"name": "archive", "address": str(address), "modules": ["bandwidth"]}],
        "modules": {"bandwidth": {"timeout": "20s", "store": store, **module}},
    }


def stored(shown: Exposition) -> tuple[float | None, float | None, bool]:
    """Success, bytes, and whether there is a duration."""
    duration = shown.value("dicom_store_duration_seconds")
    assert duration is None or duration > 0
    return shown.value("dicom_store_success"), shown.value("dicom_store_bytes"), duration is not None


def store_outcome(shown: Exposition, target: str = "archive") -> str:
    """The one outcome whose series is 1."""
    (outcome,) = [
        each.value for each in StoreOutcome if shown.value("dicom_store_outcome", target=target, outcome=each) == 1
    ]
    return outcome


def assert_holds(count: int, size: int, total: float | None) -> None:
    """`total` is that of `count` images with `size` bytes of pixels and a header each."""
    assert total is not None
    assert count * size < total < count * (size + KIB)


async def test_store_to_orthanc_twice_keeps_one_copy(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(known={"monitor": "PROMETHEUS"})
    archive.upload(synthetic.studies(2))
    async with exporter(tmp_path, **storing(archive.dicom)) as exporting:
        first, again = await exporting.get(), await exporting.get()
    for shown in (first, again):
        success, total, timed = stored(shown)
        assert (success, timed) == (1, True)
        assert_holds(10, 512 * KIB, total)
    counts = archive.statistics()
    assert (counts["CountInstances"], counts["CountStudies"], counts["CountPatients"]) == (12, 3, 3)
    query = {"Level": "Instance", "Expand": True, "Query": {"PatientID": "SYNTHETIC-*"}}
    images = archive.request("POST", "/tools/find", json.dumps(query).encode())
    assert len(images) == 10
    assert sum(image["FileSize"] for image in images) >= (stored(first)[1] or 0)
    assert "abort" not in archive.log.lower()


@pytest.mark.parametrize("max_pdu", [4096, 131072])
async def test_store_to_storescp_is_received(
    storescp: Callable[..., dcmtk.Server], tmp_path: Path, max_pdu: int
) -> None:
    server = storescp(options=["--max-pdu", str(max_pdu)])
    async with exporter(tmp_path, **storing(server.dicom, count=3, size="100KB")) as exporting:
        first, again = await exporting.get(), await exporting.get()
    for shown in (first, again):
        success, total, timed = stored(shown)
        assert (success, timed) == (1, True)
        assert_holds(3, 97 * KIB, total)
    files = list((server.directory / "storage").iterdir())
    assert len(files) == 3
    for file in files:
        dataset = dcmread(file)
        assert dataset.SOPClassUID == SECONDARY_CAPTURE
        assert dataset.Modality == "OT"
        assert str(dataset.PatientName).startswith("SYNTHETIC^")
        assert dataset.PatientID.startswith("SYNTHETIC-")
        assert len(dataset.PixelData) == dataset.Rows * dataset.Columns


DOCS = Path(__file__).parents[2] / "docs" / "store.md"


async def test_store_docs_disk_full_and_sop_class_refused_differ(
    storescp: Callable[..., dcmtk.Server], pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    """The configuration of docs/store.md, for a server that stores, one that cannot write, and one without storage."""
    (text,) = blocks("yaml", DOCS)
    sections = yaml.safe_load(text.replace("every: 10m", "# on each scrape"))
    fine, full, without = storescp(), storescp(), pynetdicom_scp()
    shutil.rmtree(full.directory / "storage")
    (target,) = sections["targets"]
    sections["targets"] = [
        {**target, "name": name, "address": str(address), "modules": ["bandwidth"]}
        for name, address in (("fine", fine.dicom), ("full", full.dicom), ("without", without))
    ]
    async with exporter(tmp_path, **sections) as exporting:
        shown = await exporting.get()
    assert [store_outcome(shown, name) for name in ("fine", "full", "without")] == [
        "success",
        "out_of_resources",
        "sop_class",
    ]
    assert shown.values("dicom_echo_success") == [1, 1, 1]


async def test_store_does_not_change_other_probes(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(known={"monitor": "PROMETHEUS"})
    archive.upload(synthetic.studies(2))
    sections = storing(archive.dicom, count=1, size="1KiB", queries={"studies": {}})
    async with exporter(tmp_path, **sections) as exporting:
        first, second = await exporting.get(), await exporting.get()
        assert [shown.value("dicom_echo_success") for shown in (first, second)] == [1, 1]
        assert [shown.value("dicom_studies_visible") for shown in (first, second)] == [2, 3]


async def test_store_not_accepted_is_no_success(
    orthanc: Callable[..., Orthanc], pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    closed = orthanc(DicomAlwaysAllowStore=False)
    async with exporter(tmp_path, **storing(closed.dicom)) as exporting:
        assert stored(await exporting.get()) == (0, None, False)
        assert store_outcome(await exporting.get()) == "aborted"  # this is how Orthanc refuses
    assert closed.statistics()["CountInstances"] == 0
    address = pynetdicom_scp()  # it offers no storage
    async with exporter(tmp_path, **storing(f"{address.host}:{address.port}")) as exporting:
        shown = await exporting.get()
        assert stored(shown) == (0, None, False)
        assert store_outcome(shown) == "sop_class"


async def test_store_failure_status_half_way_is_no_success(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    """Out of resources from the fourth image on; a warning, PS3.4 Table B.2-1, still counts as stored."""
    statuses = iter([0x0000, 0xB000, 0x0000, 0xA700])

    def on_store(event: Event) -> int:
        return next(statuses)

    address = pynetdicom_scp((evt.EVT_C_STORE, on_store), services=[SECONDARY_CAPTURE, "1.2.840.10008.1.1"])
    sections = storing(f"{address.host}:{address.port}", count=10, size="64KiB")
    async with exporter(tmp_path, **sections) as exporting:
        shown = await exporting.get()
    success, total, timed = stored(shown)
    assert (success, timed) == (0, True)
    assert store_outcome(shown) == "out_of_resources"
    assert_holds(3, 64 * KIB, total)
    assert next(statuses, None) is None


async def test_store_abort_and_no_association_are_told_apart(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    def aborts(event: Event) -> int:
        event.assoc.abort()
        return 0x0000

    services = [SECONDARY_CAPTURE, "1.2.840.10008.1.1"]
    aborting = pynetdicom_scp((evt.EVT_C_STORE, aborts), services=services)
    warning = pynetdicom_scp((evt.EVT_C_STORE, lambda _: 0xB006), services=services)
    sections = storing("127.0.0.1:1", count=1, size="1KiB")
    (target,) = sections["targets"]
    sections["targets"] += [
        {**target, "name": name, "address": f"{address.host}:{address.port}"}
        for name, address in (("aborting", aborting), ("warning", warning))
    ]
    async with exporter(tmp_path, **sections) as exporting:
        shown = await exporting.get()
    assert store_outcome(shown) == "no_association"
    assert store_outcome(shown, "aborting") == "aborted"
    assert store_outcome(shown, "warning") == "warning"
    assert shown.value("dicom_store_success", target="warning") == 1


async def test_store_without_response_is_no_success(pynetdicom_scp: Callable[..., Address], tmp_path: Path) -> None:
    """The duration of the store is exposed: from it, the rules know that no time was left for DICOMweb."""
    over = threading.Event()

    def on_store(_: Event) -> int:
        over.wait()
        return 0x0000

    address = pynetdicom_scp((evt.EVT_C_STORE, on_store), services=[SECONDARY_CAPTURE, "1.2.840.10008.1.1"])
    sections = storing(f"{address.host}:{address.port}", count=1, size="1KiB", timeout="2s")
    sections["targets"][0]["dicomweb"] = "http://127.0.0.1:1/dicom-web"
    try:
        async with exporter(tmp_path, **sections) as exporting:
            shown = await exporting.get()
    finally:
        over.set()
    assert shown.value("dicom_echo_success") == 1
    assert stored(shown) == (0, None, False)
    assert store_outcome(shown) == "timeout"
    assert shown.value("dicomweb_success") == 0
    taken, given = shown.value("dicom_probe_duration_seconds"), shown.value("dicom_probe_timeout_seconds")
    assert taken is not None
    assert given is not None
    assert taken > 0.8 * given


@pytest.mark.parametrize("expect", ["closed", "control"])
async def test_store_is_refused_for_expect_closed(tmp_path: Path, expect: str) -> None:
    sections = storing("127.0.0.1:104")
    sections["targets"][0]["expect"] = expect
    configure(tmp_path, **sections)
    with pytest.raises(ConfigErrors, match=f"stores images, and nothing is written to a target with expect: {expect}"):
        load([tmp_path / "config.yml"])
    async with started("--config.check", directory=tmp_path) as running:
        assert await running.ended() == 2


# -- flows ------------------------------------------------------------------------------------------------------------

TODAY = {"model": "study_root", "level": "STUDY", "match": {"StudyDate": "today"}}


class Flow:
    """Two archives, and an exporter's configuration that compares them."""

    def __init__(self, source: Orthanc, destination: Orthanc, **query: Any) -> None:
        self.source, self.destination = source, destination
        self.sections: dict[str, Any] = {
            "targets": [
                {"name": name, "address": str(archive.dicom), "modules": ["flow"]}
                for name, archive in (("modality", source), ("archive", destination))
            ],
            "modules": {"flow": {"queries": {"today": TODAY | query}}},
            "compare": [{"source": "modality", "destination": "archive", "query": "today"}],
        }

    async def missing(self, exporting: Exporter) -> float | None:
        """The value of the metric. No label beside it holds the UID of a study."""
        shown = await exporting.get()
        assert not any(synthetic.uid(number) in shown.text for number in range(1, 400))
        return shown.value("dicom_flow_missing_studies", source="modality", destination="archive")


@pytest.fixture
def flow(orthanc: Callable[..., Orthanc]) -> Callable[..., Flow]:
    def start(*, destination: dict[str, Any] | None = None, **query: Any) -> Flow:
        allowed = {"DicomAlwaysAllowFind": True}
        return Flow(orthanc(**allowed), orthanc(**allowed, **(destination or {})), **query)

    return start


async def test_flow_missing_studies_are_counted(flow: Callable[..., Flow], tmp_path: Path) -> None:
    two = flow()
    two.source.upload(synthetic.studies(7))
    two.destination.upload(synthetic.studies(4))
    two.destination.upload(synthetic.studies(20, first=100))  # from elsewhere: it is not for us to say
    async with exporter(tmp_path, **two.sections) as exporting:
        assert await two.missing(exporting) == 3
        two.destination.upload(synthetic.studies(2, first=5))
        assert await two.missing(exporting) == 1
        two.destination.upload(synthetic.studies(1, first=7))
        assert await two.missing(exporting) == 0
        alone = await exporting.get("/probe?target=modality")
        assert alone.values("dicom_flow_missing_studies") == []
        two.destination.stop()
        assert await two.missing(exporting) is None


async def test_flow_empty_destination_misses_all(flow: Callable[..., Flow], tmp_path: Path) -> None:
    two = flow()
    async with exporter(tmp_path, **two.sections) as exporting:
        assert await two.missing(exporting) == 0
        two.source.upload(synthetic.studies(5))
        assert await two.missing(exporting) == 5


async def test_flow_truncated_count_is_not_missing(flow: Callable[..., Flow], tmp_path: Path) -> None:
    """By the archive's own limit, or by ours: what would have followed is not known."""
    two = flow(destination={"LimitFindResults": 3})
    says_what_it_cuts = two.destination.says_what_it_cuts
    for archive in (two.source, two.destination):
        archive.upload(synthetic.studies(7))
    async with exporter(tmp_path, **two.sections) as exporting:
        assert await two.missing(exporting) is None or not says_what_it_cuts
    two.sections["modules"]["flow"]["queries"]["today"]["max_matches"] = 5
    async with exporter(tmp_path, **two.sections) as exporting:
        assert await two.missing(exporting) is None
