"""The content of the demo's archive: obviously synthetic studies, the same ones on every run.

Dates are kept as days before today, so an archive that runs for a week has studies of today on each of its days.
"""

import datetime
import random
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Record: TypeAlias = Mapping[str, "str | tuple[str, ...] | tuple[Record, ...]"]
"""One entity as a C-FIND sees it: attribute keyword -> value, values (multi-valued), or items (sequences)."""

SOP_CLASSES: Mapping[str, str] = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "US": "1.2.840.10008.5.1.4.1.1.6.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
}
"""Modality -> the storage SOP class of its images (PS3.6 Table A-1)."""

_INSTANCES: Mapping[str, tuple[int, int]] = {
    "CT": (40, 200),
    "MR": (20, 100),
    "CR": (1, 3),
    "US": (5, 30),
    "DX": (1, 4),
    "MG": (2, 4),
}
_MODALITIES = ("CT", "CT", "MR", "CR", "CR", "US", "DX", "DX", "DX", "MG")
_ORGANISATION = uuid.UUID("2f0b9a52-6c1e-5d0f-9e55-70726f6d6574")  # any fixed value: it only makes our UIDs unique


@dataclass(frozen=True, slots=True)
class Series:
    """One series; its instances differ by number only, so they are computed when asked for."""

    uid: str
    modality: str
    number: int
    instances: int


@dataclass(frozen=True, slots=True)
class Study:
    """One study and the patient it belongs to."""

    uid: str
    number: int
    patient: int
    days_ago: int
    time: str
    """HHMMSS, as DICOM writes it."""
    series: tuple[Series, ...]

    @property
    def instances(self) -> int:
        """The images of the whole study."""
        return sum(series.instances for series in self.series)


@dataclass(frozen=True, slots=True)
class Archive:
    """Everything the archive holds."""

    studies: tuple[Study, ...]
    worklist: tuple[Record, ...]
    """The items without their start date, which is always today."""


def synthetic_uid(*parts: object) -> str:
    """A UID made from `parts`, the same on every run, under the root for UUIDs (PS3.5 B.2)."""
    return f"2.25.{uuid.uuid5(_ORGANISATION, '/'.join(map(str, parts))).int}"


def build_archive(studies: int = 300, worklist_items: int = 5) -> Archive:
    """An archive of that many studies, at most about 400 instances each, the newest of them of today."""
    # The same on every run, so that documentation and screenshots match what users see.
    rng = random.Random(104)  # noqa: S311  # nothing here is secret
    return Archive(
        studies=tuple(_study(number, studies, rng) for number in range(1, studies + 1)),
        worklist=tuple(_worklist_item(number) for number in range(1, worklist_items + 1)),
    )


def patient_record(patient: int) -> Record:
    """The attributes at the level PATIENT."""
    return {
        "PatientName": f"SYNTHETIC^PATIENT^{patient:04}",
        "PatientID": f"SYN-{patient:04}",
        "PatientBirthDate": "19000101",
        "PatientSex": "O",
    }


def study_record(study: Study, today: datetime.date) -> Record:
    """The attributes at the level STUDY, and those of its patient."""
    modalities = tuple(sorted({series.modality for series in study.series}))
    return {
        **patient_record(study.patient),
        "StudyInstanceUID": study.uid,
        "StudyID": f"{study.number}",
        "StudyDate": f"{today - datetime.timedelta(days=study.days_ago):%Y%m%d}",
        "StudyTime": study.time,
        "StudyDescription": "SYNTHETIC STUDY",
        "AccessionNumber": f"SYN-A{study.number:05}",
        "ModalitiesInStudy": modalities,
        "SOPClassesInStudy": tuple(SOP_CLASSES[modality] for modality in modalities),
        "NumberOfStudyRelatedSeries": f"{len(study.series)}",
        "NumberOfStudyRelatedInstances": f"{study.instances}",
        "InstitutionName": "SYNTHETIC HOSPITAL",
    }


def series_record(study: Study, series: Series, today: datetime.date) -> Record:
    """The attributes at the level SERIES, and those of its study and patient."""
    return {
        **study_record(study, today),
        "SeriesInstanceUID": series.uid,
        "SeriesNumber": f"{series.number}",
        "Modality": series.modality,
        "NumberOfSeriesRelatedInstances": f"{series.instances}",
    }


def image_records(study: Study, series: Series, today: datetime.date) -> Iterator[Record]:
    """The attributes at the level IMAGE of each instance of a series, and those above."""
    above = series_record(study, series, today)
    for number in range(1, series.instances + 1):
        yield {
            **above,
            "SOPClassUID": SOP_CLASSES[series.modality],
            "SOPInstanceUID": synthetic_uid(series.uid, number),
            "InstanceNumber": f"{number}",
        }


def worklist_records(archive: Archive, today: datetime.date) -> Iterator[Record]:
    """The worklist as of `today`."""
    for item in archive.worklist:
        steps = tuple(
            {**step, "ScheduledProcedureStepStartDate": f"{today:%Y%m%d}"}
            for step in item["ScheduledProcedureStepSequence"]
            if isinstance(step, Mapping)
        )
        yield {**item, "ScheduledProcedureStepSequence": steps}


def _study(number: int, count: int, rng: random.Random) -> Study:
    modality = rng.choice(_MODALITIES)
    uid = synthetic_uid("study", number)
    low, high = _INSTANCES[modality]
    series = tuple(
        Series(synthetic_uid(uid, "series", index), modality, index, rng.randint(low, high))
        for index in range(1, 1 + rng.choice((1, 1, 2)))
    )
    days_ago = int(60 * (1 - number / count) ** 2)  # more of them in the last days
    hour, minute = rng.randint(0, 23), rng.randint(0, 59)
    return Study(
        uid=uid,
        number=number,
        patient=1 + number * 7 % max(1, count * 3 // 4),  # some patients have two studies
        days_ago=days_ago,
        time=f"{hour if days_ago else 0:02}{minute:02}00",  # those of today are of the first hour: not later than now
        series=series,
    )


def _worklist_item(number: int) -> Record:
    modality = ("CT", "MR", "US", "DX", "MG")[number % 5]
    return {
        **patient_record(9000 + number),
        "AccessionNumber": f"SYN-W{number:05}",
        "StudyInstanceUID": synthetic_uid("scheduled", number),
        "RequestedProcedureID": f"SYN-P{number}",
        "RequestedProcedureDescription": "SYNTHETIC PROCEDURE",
        "ScheduledProcedureStepSequence": (
            {
                "Modality": modality,
                "ScheduledStationAETitle": f"DEMO_{modality}",
                "ScheduledProcedureStepStartTime": f"{8 + number % 10:02}0000",
                "ScheduledProcedureStepID": f"SYN-S{number}",
                "ScheduledProcedureStepDescription": "SYNTHETIC STEP",
            },
        ),
    }
