"""What docs/letting-in.md and docs/sizing.md say of Orthanc and dcmqrscp, tried."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.testing.exporting import exporter
from tests.testing.peers import Orthanc, dcmtk
from tests.testing.peers.orthanc import EVERYTHING_OPEN
from tests.testing.running import started

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "letting-in.md").read_text()


async def lets_in_the_monitor_alone(directory: Path, **target: Any) -> None:
    targets = [{"name": "archive", "expect": "guarded", **target}]
    async with exporter(directory, targets) as exporting:
        shown = await exporting.get(timeout=60)
        assert shown.value("dicom_echo_success", target="archive", identity="monitor") == 1
        assert shown.value("dicom_query_success", target="archive", identity="monitor", query="studies") == 1
        assert shown.value("dicom_exposure_level", target="archive", protocol="dimse") == 2


async def test_letting_in_settings_of_orthanc_work(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    (block,) = re.findall(r"^```json\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)
    archive = orthanc(**json.loads(block))
    await lets_in_the_monitor_alone(tmp_path, address=archive.dicom, called_ae_title="ORTHANC")


async def test_letting_in_tables_of_dcmqrscp_work(dcmqrscp: Callable[..., dcmtk.Server], tmp_path: Path) -> None:
    """The test's server is made with the same two lines."""
    (host,) = re.findall(r"^(\w+) = \((\w+), localhost, \d+\)$", PAGE, flags=re.MULTILINE)
    (caller,) = re.findall(r"^ARCHIVE \S+ R \(.*\) (\w+)$", PAGE, flags=re.MULTILINE)
    assert host == (caller, "PROMETHEUS")
    archive = dcmqrscp(title="ARCHIVE", known={host[0]: host[1]})
    await lets_in_the_monitor_alone(tmp_path, address=archive.dicom, called_ae_title="ARCHIVE")


async def test_orthanc_as_it_is_installed_has_one_verdict_everywhere_and_the_cure(
    orthanc: Callable[..., Orthanc], tmp_path: Path
) -> None:
    """It answers anybody's C-ECHO, and aborts at a C-FIND of an AE title that it does not know."""
    archive, cure = orthanc(), "Allow C-FIND for our AE title at the archive, or send it a C-ECHO only"
    said = []
    async with exporter(tmp_path, [{"name": "archive", "address": archive.dicom}]) as exporting:
        shown = await exporting.get(timeout=60)
        assert shown.value("dicom_echo_success", target="archive", identity="monitor") == 1
        outcome = {"target": "archive", "identity": "monitor", "query": "studies", "outcome": "aborted"}
        assert shown.value("dicom_query_outcome", **outcome) == 1  # for which DicomQueryFailing fires
        async with exporting.client.get("/targets/archive") as response:
            said.append(await response.text())
    assert "runbooks/DicomQueryFailing?target=archive" in said[0]
    for arguments in (["probe", str(archive.dicom)], ["report"]):
        async with started(*arguments, directory=tmp_path) as command:
            out, _ = await command.process.communicate()
        assert command.process.returncode == 1
        said.append(out.decode())
    assert all(cure in text for text in said)


async def test_sizing_series_of_a_target_are_about_as_many(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    archive = orthanc(dicomweb=True, **EVERYTHING_OPEN)
    web = {"dicomweb": f"http://{archive.http}/dicom-web"}
    query = {"model": "study_root", "level": "STUDY"}
    modules = {
        "echo-only": {"timeout": "5s"},
        "store-only": {"echo": False, "store": {"count": 1, "size": "1KiB"}},
        "queries": {"queries": {"one": query, "two": query}},
    }
    address = archive.dicom
    targets: list[dict[str, Any]] = [
        {"name": "echo", "address": address, "modules": ["echo-only"]},
        {"name": "default", "address": address},
        {"name": "store", "address": address, "modules": ["store-only"]},
        {"name": "queries", "address": address, "modules": ["queries"]},
        {"name": "closed", "address": "127.0.0.1:1", "expect": "closed"},
        {"name": "guarded", "address": address, "expect": "guarded"},
        {"name": "web", "address": address, **web},
        {"name": "guarded-web", "address": address, "expect": "guarded", **web},
    ]
    async with exporter(tmp_path, targets, modules=modules) as exporting:
        shown = await exporting.get(timeout=60)
    count = Counter(sample.labels.get("target") for sample in shown.samples)
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \|$", (DOCS / "sizing.md").read_text(), flags=re.MULTILINE)
    told = {name: int(number) for name, number in rows}
    measured = {
        "C-ECHO only": count["echo"],
        "`availability`, the default: C-ECHO and the query `studies`": count["default"],
        "`expect: closed`": count["closed"],
        "`expect: guarded`": count["guarded"],
        "each further query": (count["queries"] - count["echo"]) // 2,
        "`store`": count["store"],
        "DICOMweb, asked by the monitor": count["web"] - count["default"],
        "DICOMweb, asked by the monitor and a stranger": count["guarded-web"] - count["guarded"],
    }
    assert {name: told[name] for name in measured} == {
        name: pytest.approx(number, rel=0.25, abs=3) for name, number in measured.items()
    }
