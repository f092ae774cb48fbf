"""The image that the archive of the demo sends."""

import datetime

from dicom_exporter.demo.archive import build_archive, image_records
from dicom_exporter.demo.instances import synthetic_instance

TODAY = datetime.date(2026, 3, 1)


def test_synthetic_instance_has_the_identity_that_was_asked_for() -> None:
    study = build_archive(1).studies[0]
    record = next(iter(image_records(study, study.series[0], TODAY)))
    instance = synthetic_instance(record)
    assert instance.StudyInstanceUID == study.uid
    assert instance.SOPInstanceUID == record["SOPInstanceUID"]
    assert len(instance.PixelData) == instance.Rows * instance.Columns
