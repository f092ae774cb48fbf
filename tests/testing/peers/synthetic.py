"""Tiny valid DICOM files: Secondary Capture images of made-up patients, and worklist items."""

from __future__ import annotations

import datetime
import io
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

_NAMESPACE = uuid.UUID("7d3c1f0e-3b58-5b0a-8a3e-74657374696e")
_MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file."""

    dataset: Dataset
    data: bytes


def uid(*parts: object) -> str:
    """The same UID for the same parts."""
    return f"2.25.{uuid.uuid5(_NAMESPACE, '/'.join(map(str, parts))).int}"


def studies(
    count: int,
    *,
    instances: int = 1,
    modalities: Sequence[str] = ("CT", "MR", "US"),
    date: datetime.date | None = None,
    patient_name: str = "SYNTHETIC^PATIENT^{:04}",
    patient_id: str = "SYN-{:04}",
    first: int = 1,
    time: str = "120000",
) -> Iterator[Instance]:
    """`count` studies of `instances` images each, one patient and one series a study.

    Study number n has the n-th modality, round and round, and is of `date` (default today). The format fields of name
    and ID get the study's number; `first` is the number of the first study, so that two calls make different ones.
    """
    day = date or datetime.datetime.now().astimezone().date()
    for number in range(first, first + count):
        for image in range(1, instances + 1):
            yield instance(
                number,
                image,
                modality=modalities[number % len(modalities)],
                date=day,
                patient_name=patient_name.format(number),
                patient_id=patient_id.format(number),
                time=time,
            )


def instance(
    study: int,
    image: int,
    *,
    modality: str,
    date: datetime.date,
    patient_name: str,
    patient_id: str,
    time: str = "120000",
) -> Instance:
    """One Secondary Capture image of two by two pixels (PS3.3 A.8.1)."""
    dataset = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    dataset.SOPClassUID = SecondaryCaptureImageStorage
    dataset.SOPInstanceUID = uid(study, "instance", image)
    dataset.StudyInstanceUID = uid(study)
    dataset.SeriesInstanceUID = uid(study, "series")
    dataset.PatientName = patient_name
    dataset.PatientID = patient_id
    dataset.PatientBirthDate = "19000101"
    dataset.PatientSex = "O"
    dataset.StudyID = str(study)
    dataset.StudyDate = f"{date:%Y%m%d}"
    dataset.StudyTime = time
    dataset.AccessionNumber = f"SYN-A{study}"
    dataset.ReferringPhysicianName = ""
    dataset.Modality = modality
    dataset.ConversionType = "SYN"
    dataset.SeriesNumber = 1
    dataset.InstanceNumber = image
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows = dataset.Columns = 2
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    dataset.add_new("PixelData", "OB", bytes(4))
    return Instance(dataset, _file(dataset, SecondaryCaptureImageStorage, dataset.SOPInstanceUID))


def worklist_item(
    number: int, *, modality: str = "CT", station: str = "STATION", date: datetime.date | None = None
) -> Instance:
    """One Modality Worklist item (PS3.4 K.6.1.2.2), scheduled on `date` (default today)."""
    day = date or datetime.datetime.now().astimezone().date()
    step = Dataset()
    step.Modality = modality
    step.ScheduledStationAETitle = station
    step.ScheduledProcedureStepStartDate = f"{day:%Y%m%d}"
    step.ScheduledProcedureStepStartTime = "100000"
    step.ScheduledPerformingPhysicianName = ""
    step.ScheduledProcedureStepDescription = "SYNTHETIC STEP"
    step.ScheduledProcedureStepID = f"SYN-S{number}"
    item = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    item.PatientName = f"SYNTHETIC^WORKLIST^{number:04}"
    item.PatientID = f"SYN-W{number:04}"
    item.PatientBirthDate = "19000101"
    item.PatientSex = "O"
    item.StudyInstanceUID = uid("worklist", number)
    item.AccessionNumber = f"SYN-A{number}"
    item.ReferringPhysicianName = ""
    item.RequestingPhysician = ""
    item.RequestedProcedureID = f"SYN-P{number}"
    item.RequestedProcedureDescription = "SYNTHETIC PROCEDURE"
    item.ScheduledProcedureStepSequence = [step]
    return Instance(item, _file(item, _MODALITY_WORKLIST, uid("worklist item", number)))


def write_files(
    instances: Iterator[Instance] | Sequence[Instance], directory: Path, suffix: str = ".dcm"
) -> list[Path]:
    """Write each into a file of its own, numbered."""
    directory.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, each in enumerate(instances):
        path = directory / f"{number:05}{suffix}"
        path.write_bytes(each.data)
        paths.append(path)
    return paths


def _file(dataset: FileDataset, sop_class: str, sop_instance: str) -> bytes:
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = UID(sop_class)
    dataset.file_meta.MediaStorageSOPInstanceUID = UID(sop_instance)
    buffer = io.BytesIO()
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()
