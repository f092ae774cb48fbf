"""SOP classes and the transfer syntax that we propose (PS3.4, PS3.6 Annex A), under our names for them."""

from __future__ import annotations

from pydicom.uid import ImplicitVRLittleEndian as ImplicitVRLittleEndian

from dicom_exporter.results import Service

VERIFICATION = "1.2.840.10008.1.1"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
STUDY_GET = "1.2.840.10008.5.1.4.1.2.2.3"
STUDY_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
MR_IMAGE = "1.2.840.10008.5.1.4.1.1.4"
COMPUTED_RADIOGRAPHY = "1.2.840.10008.5.1.4.1.1.1"
DIGITAL_X_RAY = "1.2.840.10008.5.1.4.1.1.1.1"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"

STORAGE = (CT_IMAGE, MR_IMAGE, COMPUTED_RADIOGRAPHY, DIGITAL_X_RAY, ULTRASOUND, SECONDARY_CAPTURE)
"""A few Storage SOP classes, for whether an archive would take images: the commonest ones."""

SERVICES: dict[str, Service] = {
    VERIFICATION: Service.VERIFICATION,
    STUDY_FIND: Service.STUDY_FIND,
    PATIENT_FIND: Service.PATIENT_FIND,
    WORKLIST_FIND: Service.WORKLIST_FIND,
    STUDY_GET: Service.STUDY_GET,
    STUDY_MOVE: Service.STUDY_MOVE,
    **dict.fromkeys(STORAGE, Service.STORAGE),
}
