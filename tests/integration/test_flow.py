"""Two archives compared: the number of missing studies, without a name or a UID."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Compare, Config, Level, Model, Module, Query, Target
from dicom_exporter.metrics import flow_families
from dicom_exporter.prober.prober import Prober
from dicom_exporter.results import Flow
from dicom_exporter.verdict.comparison import missing_studies
from tests.testing.peers import Orthanc, synthetic

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
    return missing_studies([COMPARE], [record.result for record in records])


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
