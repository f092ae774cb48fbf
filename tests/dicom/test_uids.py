"""The UIDs are those of PS3.6 Annex A, and each has its service."""

from __future__ import annotations

import pytest
from pydicom.uid import UID

from dicom_exporter.dicom import uids
from dicom_exporter.enums import Service
from tools.uids import FILE
from tools.uids import uids as written


@pytest.mark.parametrize(
    ("uid", "name"),
    [
        (uids.VERIFICATION, "Verification SOP Class"),
        (uids.STUDY_FIND, "Study Root Query/Retrieve Information Model - FIND"),
        (uids.PATIENT_FIND, "Patient Root Query/Retrieve Information Model - FIND"),
        (uids.WORKLIST_FIND, "Modality Worklist Information Model - FIND"),
        (uids.STUDY_GET, "Study Root Query/Retrieve Information Model - GET"),
        (uids.STUDY_MOVE, "Study Root Query/Retrieve Information Model - MOVE"),
        (uids.SECONDARY_CAPTURE, "Secondary Capture Image Storage"),
        (uids.CT_IMAGE, "CT Image Storage"),
        (uids.MR_IMAGE, "MR Image Storage"),
        (uids.COMPUTED_RADIOGRAPHY, "Computed Radiography Image Storage"),
        (uids.DIGITAL_X_RAY, "Digital X-Ray Image Storage - For Presentation"),
        (uids.ULTRASOUND, "Ultrasound Image Storage"),
    ],
)
def test_uid_is_that_of_its_sop_class(uid: str, name: str) -> None:
    assert UID(uid).name == name
    assert uid in uids.SERVICES


def test_uids_file_is_what_pydicom_knows() -> None:
    assert FILE.read_text() == written(), "python -m tools.uids writes it"


def test_services_each_have_a_sop_class() -> None:
    assert set(uids.SERVICES.values()) == set(Service)
