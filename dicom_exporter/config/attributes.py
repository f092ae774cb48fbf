"""Which DICOM attributes a query may match and count: some of those that identify no patient.

A fixed list of what is allowed, not of what is forbidden: an attribute that nobody thought of is refused.
PS3.15 Annex E lists what can identify a patient.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydicom.datadict import dictionary_VR, keyword_dict

from dicom_exporter.config.settings import Level, Model
from dicom_exporter.config.wording import did_you_mean, shown

_LEVELS = tuple(Level)

MATCHED: Mapping[str, Level] = {
    "StudyDate": Level.STUDY,
    "StudyTime": Level.STUDY,
    "StudyInstanceUID": Level.STUDY,
    "ModalitiesInStudy": Level.STUDY,
    "SOPClassesInStudy": Level.STUDY,
    "InstitutionName": Level.STUDY,  # the standard has it in the series; most archives answer it for a study too
    "Modality": Level.SERIES,
    "SeriesInstanceUID": Level.SERIES,
    "SeriesDate": Level.SERIES,
    "SeriesTime": Level.SERIES,
    "StationName": Level.SERIES,
    "BodyPartExamined": Level.SERIES,
    "SOPInstanceUID": Level.IMAGE,
    "SOPClassUID": Level.IMAGE,
}
"""What `match` takes -> the highest level at which it can be asked; it can at every level below, too."""

MATCHED_IN_WORKLIST = (
    "Modality",
    "ScheduledStationAETitle",
    "ScheduledProcedureStepStartDate",
    "StudyInstanceUID",
)

COUNTED: Mapping[str, tuple[Level, ...]] = {
    "ModalitiesInStudy": (Level.STUDY,),
    "SOPClassesInStudy": (Level.STUDY,),
    "Modality": (Level.SERIES,),
    "InstitutionName": (Level.STUDY, Level.SERIES, Level.IMAGE),
}
"""What `count_by` takes -> the levels whose matches carry it."""

COUNTED_IN_WORKLIST = ("Modality", "ScheduledStationAETitle")
"""Both as they stand in the Scheduled Procedure Step Sequence: `Modality` is what is scheduled."""

MATCH_KEYWORDS = tuple(dict.fromkeys((*MATCHED, *MATCHED_IN_WORKLIST)))
COUNT_KEYWORDS = tuple(dict.fromkeys((*COUNTED, *COUNTED_IN_WORKLIST)))

_IDENTIFYING_PREFIXES = ("Patient", "OtherPatient", "ResponsiblePerson", "IssuerOfPatient", "Admi")
_IDENTIFYING = frozenset(
    {
        "AccessionNumber",
        "AdditionalPatientHistory",
        "EthnicGroup",
        "FillerOrderNumberImagingServiceRequest",
        "MedicalRecordLocator",
        "MilitaryRank",
        "Occupation",
        "PlacerOrderNumberImagingServiceRequest",
        "ReferencedPatientPhotoSequence",
        "RequestedProcedureID",
        "ScheduledProcedureStepID",
        "StudyID",
    }
)
"""Beside these, every attribute that holds a name. The list only chooses the words of the refusal."""


def check_match_keyword(keyword: str) -> str:
    """Give `keyword` back where some query may match it. Raises ValueError with a message for the user."""
    if keyword in MATCH_KEYWORDS:
        return keyword
    if keyword not in keyword_dict:
        raise ValueError(
            f"{shown(keyword)} is not the keyword of a DICOM attribute{did_you_mean(keyword, MATCH_KEYWORDS)}"
        )
    reason = "can identify a person, which no query here does" if _identifies(keyword) else "is not on the list"
    raise ValueError(f"{keyword} {reason}; match takes {', '.join(MATCH_KEYWORDS)}")


def why_not_matched(keyword: str, model: Model, level: Level | None) -> str | None:
    """Say why a query of `model` at `level` cannot match `keyword`, one of `MATCH_KEYWORDS`; None where it can."""
    if level is None:
        return None if keyword in MATCHED_IN_WORKLIST else _not_in(keyword, model, MATCHED_IN_WORKLIST)
    highest = MATCHED.get(keyword)
    if highest is None:
        return _not_in(keyword, model, MATCHED)
    if _LEVELS.index(level) < _LEVELS.index(highest):
        return f"{keyword} belongs to level {highest} and cannot be matched at level {level}"
    return None


def why_not_counted(keyword: str, model: Model, level: Level | None) -> str | None:
    """Say why matches of a query of `model` at `level` cannot be counted by `keyword`; None where they can."""
    if level is None:
        return None if keyword in COUNTED_IN_WORKLIST else _not_in(keyword, model, COUNTED_IN_WORKLIST)
    levels = COUNTED.get(keyword)
    if levels is None:
        return _not_in(keyword, model, COUNTED)
    if level in levels:
        return None
    other = [name for name, its_levels in COUNTED.items() if level in its_levels]
    instead = f"; at level {level} there is {', '.join(other)}" if other else ""
    return f"{keyword} belongs to level {levels[0]}, and matches at level {level} do not carry it{instead}"


def _not_in(keyword: str, model: Model, choices: Mapping[str, object] | tuple[str, ...]) -> str:
    return f"a query of the model {model} does not know {keyword}; it knows {', '.join(choices)}"


def _identifies(keyword: str) -> bool:
    tag = keyword_dict[keyword]
    return keyword in _IDENTIFYING or keyword.startswith(_IDENTIFYING_PREFIXES) or dictionary_VR(tag) == "PN"
