"""The DICOM values of a configuration: AE titles, query models and levels, the attributes of a query.

A query may match and count a fixed list of attributes, none of which identifies a patient (PS3.15 Annex E). An
attribute that is not in the list is refused. A value to match is checked by the value
representation of its attribute (PS3.5 6.2, PS3.4 C.2.2.2).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum

from dicom_exporter.attributes import ATTRIBUTES
from dicom_exporter.config.values.time import RelativeDate, parse_date
from dicom_exporter.text import did_you_mean, shown

MAX_AE_TITLE_LENGTH = 16
"""Characters, PS3.5 6.2."""

MatchValue = str | tuple[str, ...] | RelativeDate
"""A DICOM value; or several UIDs, any of which matches (PS3.4 C.2.2.2.2); or a date that is relative to now."""


class Model(StrEnum):
    """The information model of a query."""

    STUDY_ROOT = "study_root"
    PATIENT_ROOT = "patient_root"
    WORKLIST = "worklist"


class Level(StrEnum):
    """Query/Retrieve Level (0008,0052), PS3.4 C.6.1.1 and C.6.2.1."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


def parse_ae_title(text: str) -> str:
    """Return an AE title without its padding: leading and trailing spaces do not count (PS3.8 Table 9-11).

    Raises ValueError with a message for the user.
    """
    title = text.strip(" ")
    if not title:
        raise ValueError("an AE title cannot be empty")
    if len(title) > MAX_AE_TITLE_LENGTH:
        raise ValueError(f"{shown(title)} has {len(title)} characters; an AE title has at most {MAX_AE_TITLE_LENGTH}")
    if "\\" in title:
        raise ValueError(f"{shown(title)}: an AE title cannot hold a backslash")
    if not all(" " <= character <= "~" for character in title):
        raise ValueError(f"{shown(title)}: an AE title holds printable ASCII characters only")
    return title


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
"""What `match` takes -> the highest level at which it can be asked; it can also be asked at every level below."""

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
    "StationName": (
        Level.STUDY,
        Level.SERIES,
    ),  # the standard has it in the series; some archives answer it for a study
}
"""What `count_by` takes -> the levels whose matches carry it."""

COUNTED_IN_WORKLIST = ("Modality", "ScheduledStationAETitle")
"""Both in the Scheduled Procedure Step Sequence: `Modality` is that of the scheduled step."""

_TERMS = """
ANN AR ASMT AU BDUS BI BMD CFM CR CT CTPROTOCOL DMS DG DOC DX ECG EEG EMG EOG EPS ES FID GM HC HD IO IOL IVOCT
IVUS KER KO LEN LS M3D MG MR NM OAM OCT OP OPM OPT OPTBSV OPTENF OPV OSS OT PA PLAN POS PR PT PX REG RESP RF
RG RTDOSE RTIMAGE RTINTENT RTPLAN RTRAD RTRECORD RTSEGANN RTSTRUCT RWV SEG SM SMR SR SRF STAIN TEXTUREMAP TG
US VA XA XAPROTOCOL XC AS CD CF CP CS DD DF DM DS EC FA FS LP MA MS OPR ST TM VF
"""

MODALITIES = tuple(_TERMS.split())
"""The defined terms of Modality (0008,0060), PS3.3 C.7.3.1.1.1, and the retired ones: archives keep old studies."""

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
"""These and every attribute of value representation PN. This list affects only the text of the error."""


def check_match_keyword(keyword: str) -> str:
    """Return `keyword` if some query may match it. Raises ValueError with a message for the user."""
    if keyword in MATCH_KEYWORDS:
        return keyword
    from pydicom.datadict import dictionary_VR, keyword_dict  # only for the words of the mistake: it takes 20 MiB

    if keyword not in keyword_dict:
        raise ValueError(
            f"{shown(keyword)} is not the keyword of a DICOM attribute{did_you_mean(keyword, MATCH_KEYWORDS)}"
        )
    identifies = (
        keyword in _IDENTIFYING
        or keyword.startswith(_IDENTIFYING_PREFIXES)
        or dictionary_VR(keyword_dict[keyword]) == "PN"
    )
    reason = "can identify a person, so no query may match it" if identifies else "cannot be matched"
    raise ValueError(f"{keyword} {reason}; match takes {', '.join(MATCH_KEYWORDS)}")


def why_not_matched(keyword: str, model: Model, level: Level | None) -> str | None:
    """Say why a query of `model` at `level` cannot match `keyword`, one of `MATCH_KEYWORDS`; None if it can."""
    if level is None:
        return None if keyword in MATCHED_IN_WORKLIST else _not_in(keyword, model, MATCHED_IN_WORKLIST)
    highest = MATCHED.get(keyword)
    if highest is None:
        return _not_in(keyword, model, MATCHED)
    if _LEVELS.index(level) < _LEVELS.index(highest):
        return f"{keyword} belongs to level {highest} and cannot be matched at level {level}"
    return None


def why_not_counted(keyword: str, model: Model, level: Level | None) -> str | None:
    """Say why matches of a query of `model` at `level` cannot be counted by `keyword`; None if they can."""
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
    return f"a query of the model {model} does not support {keyword}; it supports {', '.join(choices)}"


_UID = re.compile(r"(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+")
_MAX_UID_LENGTH = 64
_TIME = r"([01][0-9]|2[0-3])([0-5][0-9]([0-5][0-9](\.[0-9]{1,6})?)?)?"
_TIMES = re.compile(f"{_TIME}|{_TIME}-({_TIME})?|-{_TIME}")
_CODE = re.compile(r"[A-Z0-9 _*?]{1,16}")
_TEXT_LENGTHS = {"SH": 16, "LO": 64}


def parse_match_value(keyword: str, values: Sequence[str]) -> MatchValue:
    """Check and read what the attribute `keyword` has to match; only UIDs take more than one value.

    Raises ValueError with a message for the user.
    """
    vr = ATTRIBUTES[keyword].vr
    if not values or "" in values:
        raise ValueError("an empty value matches everything: leave it out")
    if vr == "UI":
        return tuple(_uid(value) for value in values)
    if len(values) > 1:
        raise ValueError("takes one value; only UIDs take a list")
    return _PARSERS[vr](values[0])


def _uid(text: str) -> str:
    if len(text) > _MAX_UID_LENGTH or not _UID.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a UID (digits and dots, at most {_MAX_UID_LENGTH} characters)")
    return text


def _time(text: str) -> str:
    if not _TIMES.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a time like '0830', '0800-1200' or '1800-'")
    return text


def _code(text: str) -> str:
    if not _CODE.fullmatch(text):
        raise ValueError(f"{shown(text)} is not a code like CT: at most 16 upper case letters, digits, and * or ?")
    return text


def _text(length: int) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if len(text) > length:
            raise ValueError(f"{shown(text)} has {len(text)} characters; the maximum is {length}")
        if "\\" in text or not all(" " <= character <= "~" for character in text):
            raise ValueError(f"{shown(text)}: only printable ASCII without a backslash; use ? for any other character")
        return text

    return parse


_PARSERS: Mapping[str, Callable[[str], MatchValue]] = {
    "AE": parse_ae_title,
    "CS": _code,
    "DA": parse_date,
    "TM": _time,
    **{vr: _text(length) for vr, length in _TEXT_LENGTHS.items()},
}
