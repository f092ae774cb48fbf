"""What a C-FIND asks for: the least that lets us count (PS3.4 C.6, K.6).

UIDs, and what the config names: no attribute that identifies a patient is ever asked for. The one exception is the
unique key of the PATIENT level, PatientID: a request at that level has to contain it (PS3.4 C.4.1.2.1). Orthanc and
pynetdicom count patients without it, but dcmqrscp (DCMTK 3.6.7), asked for NumberOfPatientRelatedStudies alone, ends
with Success and no match: an archive full of patients would read as empty. The query `patients` runs only if the
config names it, and the values are not read.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from dicom_exporter.config import Level, Model, Query, RelativeDate
from dicom_exporter.dicom import uids
from dicom_exporter.dicom.requests import encode_dataset

SOP_CLASSES = {
    Model.STUDY_ROOT: uids.STUDY_FIND,
    Model.PATIENT_ROOT: uids.PATIENT_FIND,
    Model.WORKLIST: uids.WORKLIST_FIND,
}
INSTANCES = "NumberOfStudyRelatedInstances"
STEP_SEQUENCE = "ScheduledProcedureStepSequence"

_UNIQUE_KEYS = {
    Level.PATIENT: "PatientID",
    Level.STUDY: "StudyInstanceUID",
    Level.SERIES: "SeriesInstanceUID",
    Level.IMAGE: "SOPInstanceUID",
}


def has_optional_keys(query: Query) -> bool:
    """Whether `identifier` asks for more than the minimal keys, which some archives answer with A-ABORT."""
    return counts_instances(query) or bool(query.count_by) or query.expect_within is not None


def counts_instances(query: Query) -> bool:
    """Whether the images behind the matches are summed: for the built-in query `studies`, and if asked to."""
    return query.level == Level.STUDY and (query.name == "studies" or query.count_images)


def identifier(query: Query, now: datetime) -> bytes:
    """Encode the identifier of `query`; relative dates are relative to `now`, the target's local time."""
    keys: dict[str, Any] = {}
    step: dict[str, Any] = {}
    if query.level is None:
        keys["StudyInstanceUID"] = ""
    else:
        keys["QueryRetrieveLevel"] = str(query.level)
        keys[_UNIQUE_KEYS[query.level]] = ""
    if not query.minimal_keys:
        if counts_instances(query):
            keys[INSTANCES] = ""
        if query.expect_within is not None:
            keys |= {"StudyDate": "", "StudyTime": ""}
        for keyword in query.count_by:
            (step if in_step(query, keyword) else keys)[keyword] = ""
    for keyword, value in query.match.items():
        (step if in_step(query, keyword) else keys)[keyword] = _value(value, now)
    if query.model == Model.WORKLIST:
        keys[STEP_SEQUENCE] = step
    return encode_dataset(keys)


def in_step(query: Query, keyword: str) -> bool:
    """Whether `keyword` belongs in the Scheduled Procedure Step Sequence of a worklist item (PS3.4 Table K.6-1)."""
    return query.model == Model.WORKLIST and keyword != "StudyInstanceUID"


def _value(value: Any, now: datetime) -> Any:
    return value.resolve(now) if isinstance(value, RelativeDate) else value
