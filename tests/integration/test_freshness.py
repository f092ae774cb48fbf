"""A modality that stops sending is named by its time: not at night, not on a holiday, and not by a part of the list."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from tests.testing.exporting import Exposition, exporter
from tests.testing.peers import Orthanc, dcmtk, synthetic
from tests.testing.readme import blocks

pytestmark = pytest.mark.integration

DOCS = Path(__file__).parents[2] / "docs" / "freshness.md"
BERLIN = ZoneInfo("Europe/Berlin")
ALWAYS = "Mo-Su 00:00-24:00"


def ago(**duration: int) -> dict[str, Any]:
    """Date and time of a study, in Berlin."""
    when = datetime.now(BERLIN) - timedelta(**duration)
    return {"date": when.date(), "time": f"{when:%H%M%S}"}


def configuration(targets: Mapping[str, object], **query: Any) -> dict[str, Any]:
    """That of docs/freshness.md, asked on each scrape, for other addresses."""
    (text,) = blocks("yaml", DOCS)
    sections: dict[str, Any] = yaml.safe_load(text)
    newest = sections["modules"]["newest"]["queries"]["newest"]
    del newest["every"]
    newest |= query
    (target,) = sections["targets"]
    sections["targets"] = [{**target, "name": name, "address": str(address)} for name, address in targets.items()]
    return sections


def overdue(shown: Exposition, target: str) -> dict[str, float]:
    """By modality."""
    return {
        sample.labels.get("value", ""): sample.value
        for sample in shown.samples
        if sample.name == "dicom_query_overdue" and sample.labels["target"] == target
    }


@pytest.fixture
def archive(orthanc: Callable[..., Orthanc]) -> Orthanc:
    """CT sent an hour ago, MR a few minutes ago."""
    server = orthanc(DicomAlwaysAllowFind=True)
    server.upload(synthetic.studies(1, modalities=["CT"], **ago(minutes=60)))
    server.upload(synthetic.studies(1, modalities=["CT"], first=2, **ago(hours=30)))
    server.upload(synthetic.studies(1, modalities=["MR"], first=3, **ago(minutes=5)))
    return server


async def test_freshness_names_the_modality_that_stopped(archive: Orthanc, tmp_path: Path) -> None:
    async with exporter(tmp_path, **configuration({"main": archive.dicom}, working_hours=ALWAYS)) as exporting:
        shown = await exporting.get()
        assert overdue(shown, "main") == {"CT": 1, "MR": 0}
        age = shown.value("dicom_query_newest_age_seconds", value="CT", attribute="ModalitiesInStudy")
        assert age is not None
        assert 3600 <= age < 3600 + 300
        archive.upload(synthetic.studies(1, modalities=["CT"], first=4, **ago(minutes=1)))
        assert overdue(await exporting.get(), "main") == {"CT": 0, "MR": 0}


async def test_freshness_at_night_and_on_a_holiday_names_nothing(archive: Orthanc, tmp_path: Path) -> None:
    now = datetime.now(BERLIN)
    other_days = ",".join(
        day for number, day in enumerate(("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")) if number != now.weekday()
    )
    at_night = configuration({"main": archive.dicom}, working_hours=f"{other_days} 07:00-07:01")
    holiday = configuration(
        {"main": archive.dicom},
        working_hours=ALWAYS,
        holidays=[f"{now.date() + timedelta(days=days)}" for days in (0, 1)],
    )
    for sections in (at_night, holiday):
        async with exporter(tmp_path, **sections) as exporting:
            shown = await exporting.get()
            assert overdue(shown, "main") == {"CT": 0, "MR": 0}
            assert len(shown.values("dicom_query_newest_age_seconds")) == 2


async def test_freshness_of_a_cut_list_is_not_known(archive: Orthanc, tmp_path: Path) -> None:
    sections = configuration({"main": archive.dicom}, working_hours=ALWAYS, max_matches=2)
    async with exporter(tmp_path, **sections) as exporting:
        shown = await exporting.get()
    assert shown.values("dicom_query_newest_age_seconds") == []
    assert 1 not in overdue(shown, "main").values()


async def test_freshness_of_the_whole_archive_on_dcmqrscp(
    dcmqrscp: Callable[..., dcmtk.Server], tmp_path: Path
) -> None:
    """It does not answer ModalitiesInStudy: then CT may have sent, and nothing is said of it."""
    server = dcmqrscp()
    for number, when in ((1, ago(minutes=30)), (2, ago(hours=30))):
        synthetic.write_files(synthetic.studies(1, first=number, **when), tmp_path / f"files {number}")
        assert dcmtk.storescu(server.dicom, tmp_path / f"files {number}", called="DCMQRSCP").ok
    titled = {"called_ae_title": "DCMQRSCP"}
    by_modality = configuration({"main": server.dicom}, working_hours=ALWAYS)
    by_modality["targets"][0] |= titled
    async with exporter(tmp_path, **by_modality) as exporting:
        shown = await exporting.get()
        assert overdue(shown, "main") == {}
        assert shown.value("dicom_query_success") == 1
    for minutes, late in (("20m", 1), ("45m", 0)):
        whole = configuration(
            {"main": server.dicom}, working_hours=ALWAYS, count_by=None, expect_within={"default": minutes}
        )
        del whole["modules"]["newest"]["queries"]["newest"]["count_by"]
        whole["targets"][0] |= titled
        async with exporter(tmp_path, **whole) as exporting:
            shown = await exporting.get()
        assert overdue(shown, "main") == {"": late}
        age = shown.value("dicom_query_newest_age_seconds")
        assert age is not None
        assert 1800 <= age < 1800 + 300


async def test_freshness_over_dicomweb_is_that_of_dicom(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    server = orthanc(dicomweb=True, DicomAlwaysAllowFind=True)
    server.upload(synthetic.studies(3, modalities=["CT"], **ago(minutes=60)))
    server.upload(synthetic.studies(1, modalities=["MR"], first=4, **ago(minutes=5)))
    shown = {}
    for over_dicomweb in (False, True):
        settings = configuration({"main": server.dicom}, working_hours=ALWAYS, over_dicomweb=over_dicomweb)
        settings["targets"][0]["dicomweb"] = f"http://{server.http}/dicom-web"
        directory = tmp_path / str(over_dicomweb)
        directory.mkdir()
        async with exporter(directory, **settings) as exporting:
            shown[over_dicomweb] = await exporting.get()
    for each in shown.values():
        assert overdue(each, "main") == {"CT": 1, "MR": 0}
        assert each.query_outcome("main", "newest") == "allowed"
        assert each.value("dicom_query_matches", query="newest") == 4
        age = each.value("dicom_query_newest_age_seconds", value="CT", attribute="ModalitiesInStudy")
        assert age is not None
        assert 3600 <= age < 3600 + 300


async def test_freshness_over_dicomweb_that_is_refused_is_not_known(
    orthanc: Callable[..., Orthanc], tmp_path: Path
) -> None:
    server = orthanc(dicomweb=True, AuthenticationEnabled=True, RegisteredUsers={"somebody": "else"})
    settings = configuration({"main": server.dicom}, working_hours=ALWAYS, over_dicomweb=True)
    settings["targets"][0]["dicomweb"] = f"http://{server.http}/dicom-web"
    async with exporter(tmp_path, **settings) as exporting:
        shown = await exporting.get()
    assert overdue(shown, "main") == {}
    assert shown.query_outcome("main", "newest") == "refused"
