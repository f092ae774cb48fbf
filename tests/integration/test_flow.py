"""Two archives compared: the number of missing studies, without a name or a UID."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from dicom_exporter.config import Address, Compare, Config, Level, Model, Module, Query, Target
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.metrics import flow_families
from dicom_exporter.prober.prober import Prober
from dicom_exporter.results import Flow, QueryResult, SessionResult, TargetResult
from dicom_exporter.verdict.comparison import MissingSince, missing_studies
from tests.testing.exporting import Exporter, exporter, until
from tests.testing.peers import Orthanc, synthetic
from tests.testing.readme import blocks

pytestmark = pytest.mark.integration

ALL = Query("all", Model.STUDY_ROOT, Level.STUDY)
COMPARE = Compare("source", "destination", "all")


async def flows(source: Orthanc, destination: Orthanc, query: Query = ALL) -> Sequence[Flow]:
    module = Module("studies", queries={"all": query})
    targets = tuple(
        Target(name, Address(archive.dicom.host, archive.dicom.port), modules=("studies",))
        for name, archive in (("source", source), ("destination", destination))
    )
    prober = Prober(Config(targets, modules={"studies": module}, compare=(COMPARE,)))
    try:
        records = await prober.probe_targets(targets, 10.0)
    finally:
        await prober.close()
    return missing_studies([COMPARE], [record.result for record in records], MissingSince(), 0.0)


async def test_flow_missing_studies_are_counted(orthanc: Callable[..., Orthanc]) -> None:
    source, destination = orthanc(DicomAlwaysAllowFind=True), orthanc(DicomAlwaysAllowFind=True)
    source.upload(synthetic.studies(10))
    destination.upload(synthetic.studies(7))
    found = await flows(source, destination)
    assert found == [Flow("source", "destination", 3)]
    assert "2.25." not in str([metric.samples for metric in flow_families(found)])
    destination.upload(synthetic.studies(10))
    assert await flows(source, destination) == [Flow("source", "destination", 0)]


async def test_flow_with_incomplete_count_is_unknown(orthanc: Callable[..., Orthanc]) -> None:
    source, destination = orthanc(DicomAlwaysAllowFind=True), orthanc(DicomAlwaysAllowFind=True)
    source.upload(synthetic.studies(10))
    destination.upload(synthetic.studies(10))
    assert await flows(source, destination, replace(ALL, max_matches=5)) == []
    destination.stop()
    assert await flows(source, destination) == []


async def test_flow_docs_incomplete_studies_are_counted(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    """The configuration of docs/flow.md."""
    (text,) = blocks("yaml", Path(__file__).parents[2] / "docs" / "flow.md")
    source, destination = orthanc(DicomAlwaysAllowFind=True), orthanc(DicomAlwaysAllowFind=True)
    sections = yaml.safe_load(text)
    for target, archive in zip(sections["targets"], (source, destination), strict=True):
        target["address"] = str(archive.dicom)
    source.upload(synthetic.studies(5, instances=3))
    destination.upload(synthetic.studies(3, instances=3))
    destination.upload(synthetic.studies(1, first=4))
    async with exporter(tmp_path, **sections) as exporting:
        shown = await exporting.get()
        assert shown.values("dicom_flow_missing_studies") == [1]
        assert shown.values("dicom_flow_incomplete_studies") == [1]
        destination.upload(synthetic.studies(5, instances=4))  # one more than was sent
        shown = await exporting.get()
        assert shown.values("dicom_flow_missing_studies") == [0]
        assert shown.values("dicom_flow_incomplete_studies") == [0]


def test_flow_images_that_are_not_known_of_one_study_leave_it_open() -> None:
    def listed(**images: int | None) -> TargetResult:
        digests = {name.encode(): count for name, count in images.items()}
        query = QueryResult(QueryOutcome.ALLOWED, matches=len(images), complete=True, digests=digests)
        return TargetResult("source", (SessionResult("monitor", None, {"all": query}),))

    def incomplete(source: TargetResult, destination: TargetResult) -> int | None:
        both = [source, replace(destination, target="destination")]
        (flow,) = missing_studies([replace(COMPARE, images=True)], both, MissingSince(), 0.0)
        return flow.incomplete

    assert incomplete(listed(a=3, b=2), listed(a=2, b=2)) == 1
    assert incomplete(listed(a=3, b=None), listed(a=2, b=2)) is None
    assert incomplete(listed(a=3, b=2), listed(a=2, b=None)) is None
    assert incomplete(listed(a=3, b=None), listed(a=2)) == 1
    assert incomplete(listed(a=3), listed()) == 0


async def test_flow_is_on_probe_of_the_destination_too(orthanc: Callable[..., Orthanc], tmp_path: Path) -> None:
    source, destination = orthanc(DicomAlwaysAllowFind=True), orthanc(DicomAlwaysAllowFind=True)
    source.upload(synthetic.studies(5))
    destination.upload(synthetic.studies(3))
    sections = yaml.safe_load(blocks("yaml", Path(__file__).parents[2] / "docs" / "flow.md")[0])
    for target, archive in zip(sections["targets"], (source, destination), strict=True):
        target["address"] = str(archive.dicom)
    async with exporter(tmp_path, **sections) as exporting:
        shown = await exporting.get("/probe?target=main-pacs")
        assert shown.values("dicom_flow_missing_studies", source="gateway", destination="main-pacs") == [2]
        assert len(shown.values("dicom_target_info")) == 1  # of the target that was asked for
        assert not (await exporting.get("/probe?target=gateway")).values("dicom_flow_missing_studies")
        first = shown.values("dicom_flow_oldest_missing_seconds")
        assert first == [0]
        await until(lambda: _grown(exporting, "/metrics"), "one that is missing for longer")
        destination.upload(synthetic.studies(5))
        shown = await exporting.get("/probe?target=main-pacs")
        assert shown.values("dicom_flow_oldest_missing_seconds") == [0]


async def _grown(exporting: Exporter, path: str) -> bool:
    (oldest,) = (await exporting.get(path)).values("dicom_flow_oldest_missing_seconds")
    return oldest > 0


def test_flow_oldest_is_the_one_that_is_missing_for_longest() -> None:
    since = MissingSince()
    assert since.oldest(COMPARE, [b"a"], 100) == 0
    assert since.oldest(COMPARE, [b"a", b"b"], 160) == 60
    assert since.oldest(COMPARE, [b"b"], 200) == 40  # a has arrived
    assert since.oldest(COMPARE, [], 300) == 0
    assert since.oldest(COMPARE, [b"b"], 400) == 0  # missing anew
    since.keep([])
    assert since.oldest(COMPARE, [b"b"], 500) == 0
