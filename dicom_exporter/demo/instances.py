"""The one image that the demo's archive returns, for every instance."""

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian

from dicom_exporter.demo.archive import Record

TRANSFER_SYNTAX = ImplicitVRLittleEndian
"""The transfer syntax that every caller must support (PS3.5 10.1), so the only one we need."""

_SIDE = 8  # pixels
_TAKEN = (
    "SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID",
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex",
    "StudyID", "StudyDate", "StudyTime", "AccessionNumber", "Modality", "SeriesNumber", "InstanceNumber",
)  # fmt: skip


def synthetic_instance(record: Record) -> Dataset:
    """An image of 8 by 8 grey pixels with the identity of `record` (level IMAGE).

    It is complete enough to be sent and stored; the acquisition parameters of its SOP class are left out.
    """
    instance = Dataset()
    instance.file_meta = FileMetaDataset()
    instance.file_meta.TransferSyntaxUID = TRANSFER_SYNTAX
    for keyword in _TAKEN:
        setattr(instance, keyword, record[keyword])
    instance.ImageType = ["DERIVED", "SECONDARY"]
    instance.BurnedInAnnotation = "NO"
    instance.SamplesPerPixel = 1
    instance.PhotometricInterpretation = "MONOCHROME2"
    instance.Rows = instance.Columns = _SIDE
    instance.BitsAllocated = instance.BitsStored = 8
    instance.HighBit = 7
    instance.PixelRepresentation = 0
    instance.add_new("PixelData", "OB", bytes(range(0, 4 * _SIDE * _SIDE, 4)))
    return instance
