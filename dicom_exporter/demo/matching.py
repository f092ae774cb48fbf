"""C-FIND matching (PS3.4 C.2.2.2) of the demo's records against a request's identifier."""

import datetime
import fnmatch
from collections.abc import Iterator, Mapping
from typing import cast

from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from dicom_exporter.demo.archive import (
    Archive,
    Record,
    image_records,
    patient_record,
    series_record,
    study_record,
    worklist_records,
)

_NOT_KEYS = frozenset({"QueryRetrieveLevel", "SpecificCharacterSet", "TimezoneOffsetFromUTC"})
_RANGES = frozenset({"DA", "TM", "DT"})


class UnknownLevel(ValueError):
    """The identifier asks for a level that this model does not have, or for none."""


def find_studies(
    archive: Archive, identifier: Dataset, today: datetime.date, *, patient_root: bool
) -> Iterator[Dataset]:
    """The answers to a query of the Study Root or Patient Root model (PS3.4 C.6), each with the attributes asked for.

    Matching is relational: keys of the levels above are welcome and not required. Raises UnknownLevel before any match.
    """
    level = str(identifier.get("QueryRetrieveLevel", ""))
    levels = ("PATIENT", "STUDY", "SERIES", "IMAGE") if patient_root else ("STUDY", "SERIES", "IMAGE")
    if level not in levels:
        raise UnknownLevel(f"level {level!r} is not one of {', '.join(levels)}")
    return (answer(record, identifier) for record in find_records(archive, level, identifier, today))


def find_worklist(archive: Archive, identifier: Dataset, today: datetime.date) -> Iterator[Dataset]:
    """The answers to a Modality Worklist query (PS3.4 K.4.1)."""
    return (answer(record, identifier) for record in worklist_records(archive, today) if matches(record, identifier))


def find_records(archive: Archive, level: str, identifier: Dataset, today: datetime.date) -> Iterator[Record]:
    """The records of one level that match `identifier`."""
    return (record for record in _records(archive, level, identifier, today) if matches(record, identifier))


def matches(record: Record, identifier: Dataset) -> bool:
    """Whether `record` has a value that matches for each key of `identifier`; keys it does not have match anything."""
    for element in identifier:
        keyword = keyword_for_tag(element.tag)
        if keyword in record and keyword not in _NOT_KEYS and not _element_matches(record[keyword], element):
            return False
    return True


def answer(record: Record, identifier: Dataset) -> Dataset:
    """The attributes of `record` that `identifier` asks for; those it does not have come back empty."""
    response = Dataset()
    for element in identifier:
        keyword = keyword_for_tag(element.tag)
        value = record.get(keyword, "")
        if keyword in _NOT_KEYS:
            response.add(element)
        elif element.VR == "SQ":
            asked = element.value[0] if element.value else Dataset()
            items = cast("tuple[Record, ...]", value or ())
            response.add_new(element.tag, "SQ", [answer(item, asked) for item in items])
        else:
            response.add_new(element.tag, element.VR, list(value) if isinstance(value, tuple) else value)
    return response


def _records(archive: Archive, level: str, identifier: Dataset, today: datetime.date) -> Iterator[Record]:
    if level == "PATIENT":
        for patient in sorted({study.patient for study in archive.studies}):
            yield patient_record(patient)
        return
    for study in archive.studies:
        if level == "STUDY":
            yield study_record(study, today)
            continue
        # Thirty thousand instances: do not build the records of a study that its own attributes rule out.
        if not matches(study_record(study, today), identifier):
            continue
        for series in study.series:
            if level == "SERIES":
                yield series_record(study, series, today)
            else:
                yield from image_records(study, series, today)


def _element_matches(value: str | tuple[str, ...] | tuple[Record, ...], element: DataElement) -> bool:
    if element.VR == "SQ":
        asked = element.value[0] if element.value else Dataset()
        return any(matches(item, asked) for item in value if isinstance(item, Mapping))
    keys = _texts(element)
    if not keys:
        return True  # universal matching
    values = (value,) if isinstance(value, str) else tuple(item for item in value if isinstance(item, str))
    return any(_value_matches(item, key, element.VR) for item in values for key in keys)


def _texts(element: DataElement) -> tuple[str, ...]:
    value = element.value
    several = value if element.VM > 1 else [value]
    return tuple(text for text in (str(item).strip() for item in several if item is not None) if text)


def _value_matches(value: str, key: str, vr: str) -> bool:
    if vr in _RANGES:
        first, dash, last = key.partition("-")
        return (not first or value >= first) and (not last or value <= last) if dash else value == key
    if vr == "PN":  # PS3.4 C.2.2.2.1.1: names may be matched without regard to case
        value, key = value.upper(), key.upper()
    if "*" in key or "?" in key:
        return fnmatch.fnmatchcase(value, key.replace("[", "[[]"))  # only * and ? are wildcards in DICOM
    return value == key
