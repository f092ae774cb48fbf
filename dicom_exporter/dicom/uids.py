"""SOP classes and the transfer syntax that we propose (PS3.4, PS3.6 Annex A), under our names for them."""

from __future__ import annotations

from pydicom.uid import ImplicitVRLittleEndian

from dicom_exporter.results import Service

__all__ = ["PATIENT_FIND", "SERVICES", "STUDY_FIND", "VERIFICATION", "WORKLIST_FIND", "ImplicitVRLittleEndian"]

VERIFICATION = "1.2.840.10008.1.1"
STUDY_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
PATIENT_FIND = "1.2.840.10008.5.1.4.1.2.1.1"
WORKLIST_FIND = "1.2.840.10008.5.1.4.31"
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"

SERVICES = {
    VERIFICATION: Service.VERIFICATION,
    STUDY_FIND: Service.STUDY_FIND,
    PATIENT_FIND: Service.PATIENT_FIND,
    WORKLIST_FIND: Service.WORKLIST_FIND,
    SECONDARY_CAPTURE: Service.STORAGE,
}
