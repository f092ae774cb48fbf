"""Which SOP classes real servers accept, without a message to them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pynetdicom import evt

from tests.testing.exporting import Exposition, exporter
from tests.testing.peers import Address, Orthanc, dcmtk
from tests.testing.readme import blocks

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs" / "services.md"
STORED = {
    "CTImageStorage/JPEG2000Lossless",
    "EnhancedCTImageStorage",
    "EnhancedMRImageStorage",
    "BreastTomosynthesisImageStorage",
    "EnhancedSRStorage",
}


def configuration(address: object, **module: Any) -> dict[str, Any]:
    """That of docs/services.md, on each scrape, for another address."""
    (text,) = blocks("yaml", DOCS)
    sections: dict[str, Any] = yaml.safe_load(text)
    del sections["modules"]["services"]["every"]
    sections["modules"]["services"] |= module
    sections["targets"][0] |= {"address": str(address), "modules": ["services"]}
    return sections


def accepted(shown: Exposition) -> dict[str, float]:
    return {
        sample.labels["sop_class"]: sample.value
        for sample in shown.samples
        if sample.name == "dicom_service_accepted" and sample.labels["sop_class"][0].isupper()
    }


async def test_services_of_orthanc(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(DicomAlwaysAllowStore=True)
    async with exporter(tmp_path, **configuration(archive.dicom)) as exporting:
        shown = accepted(await exporting.get())
    assert {name for name, value in shown.items() if value} == STORED | {"StorageCommitmentPushModel"}
    assert shown["ModalityPerformedProcedureStep"] == 0


async def test_services_of_storescp_without_compression(storescp: Callable[..., dcmtk.Server], tmp_path: Path) -> None:
    server = storescp()
    async with exporter(tmp_path, **configuration(server.dicom)) as exporting:
        shown = accepted(await exporting.get())
    assert {name for name, value in shown.items() if value} == STORED - {"CTImageStorage/JPEG2000Lossless"}


async def test_services_are_told_no_message(pynetdicom_scp: Callable[..., Address], tmp_path: Path) -> None:
    told: list[str] = []
    address = pynetdicom_scp((evt.EVT_DIMSE_RECV, lambda event: told.append(type(event.message).__name__)))
    async with exporter(tmp_path, **configuration(f"{address.host}:{address.port}")) as exporting:
        assert set(accepted(await exporting.get()).values()) == {0}
    assert told == []


async def test_services_where_the_association_is_rejected_are_not_known(
    pynetdicom_scp: Callable[..., Address], tmp_path: Path
) -> None:
    address = pynetdicom_scp(known_callers=["OTHER"])
    async with exporter(tmp_path, **configuration(f"{address.host}:{address.port}")) as exporting:
        assert accepted(await exporting.get()) == {}
