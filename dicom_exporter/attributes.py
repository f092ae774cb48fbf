"""The attributes that we send, match and count: keyword -> tag and value representation (PS3.6 clause 6).

A table of our own, as pydicom's dictionary of all attributes takes 20 MiB with what it imports. Tests compare the two.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Attribute(NamedTuple):
    """An attribute, as the standard has it."""

    tag: int
    vr: str


ATTRIBUTES: Mapping[str, Attribute] = {
    "SOPClassUID": Attribute(0x00080016, "UI"),
    "SOPInstanceUID": Attribute(0x00080018, "UI"),
    "StudyDate": Attribute(0x00080020, "DA"),
    "SeriesDate": Attribute(0x00080021, "DA"),
    "StudyTime": Attribute(0x00080030, "TM"),
    "SeriesTime": Attribute(0x00080031, "TM"),
    "AccessionNumber": Attribute(0x00080050, "SH"),
    "QueryRetrieveLevel": Attribute(0x00080052, "CS"),
    "Modality": Attribute(0x00080060, "CS"),
    "ModalitiesInStudy": Attribute(0x00080061, "CS"),
    "SOPClassesInStudy": Attribute(0x00080062, "UI"),
    "ConversionType": Attribute(0x00080064, "CS"),
    "InstitutionName": Attribute(0x00080080, "LO"),
    "ReferringPhysicianName": Attribute(0x00080090, "PN"),
    "StationName": Attribute(0x00081010, "SH"),
    "StudyDescription": Attribute(0x00081030, "LO"),
    "PatientName": Attribute(0x00100010, "PN"),
    "PatientID": Attribute(0x00100020, "LO"),
    "PatientBirthDate": Attribute(0x00100030, "DA"),
    "PatientSex": Attribute(0x00100040, "CS"),
    "BodyPartExamined": Attribute(0x00180015, "CS"),
    "StudyInstanceUID": Attribute(0x0020000D, "UI"),
    "SeriesInstanceUID": Attribute(0x0020000E, "UI"),
    "StudyID": Attribute(0x00200010, "SH"),
    "SeriesNumber": Attribute(0x00200011, "IS"),
    "InstanceNumber": Attribute(0x00200013, "IS"),
    "PatientOrientation": Attribute(0x00200020, "CS"),
    "NumberOfStudyRelatedInstances": Attribute(0x00201208, "IS"),
    "SamplesPerPixel": Attribute(0x00280002, "US"),
    "PhotometricInterpretation": Attribute(0x00280004, "CS"),
    "Rows": Attribute(0x00280010, "US"),
    "Columns": Attribute(0x00280011, "US"),
    "BitsAllocated": Attribute(0x00280100, "US"),
    "BitsStored": Attribute(0x00280101, "US"),
    "HighBit": Attribute(0x00280102, "US"),
    "PixelRepresentation": Attribute(0x00280103, "US"),
    "ScheduledStationAETitle": Attribute(0x00400001, "AE"),
    "ScheduledProcedureStepStartDate": Attribute(0x00400002, "DA"),
    "ScheduledProcedureStepSequence": Attribute(0x00400100, "SQ"),
}
