"""SOP classes and transfer syntaxes by their keywords (PS3.6 Annex A): ``CTImageStorage/JPEG2000Lossless``."""

from dicom_exporter.text import did_you_mean, shown
from dicom_exporter.uid_table import UIDS

SOP_CLASSES = {entry.keyword: entry.uid for entry in UIDS if entry.kind != "transfer_syntax" and entry.keyword}
TRANSFER_SYNTAXES = {entry.keyword: entry.uid for entry in UIDS if entry.kind == "transfer_syntax" and entry.keyword}


def check_service(text: str) -> str:
    """Return `text` if it names a SOP class, perhaps with a transfer syntax. Raises ValueError for the user."""
    parse_service(text)
    return text


def parse_service(text: str) -> tuple[str, str | None]:
    """The UIDs of a SOP class and of a transfer syntax, None where only the class is named.

    Raises ValueError with a message for the user.
    """
    sop_class, slash, syntax = text.partition("/")
    if sop_class not in SOP_CLASSES:
        example = did_you_mean(sop_class, SOP_CLASSES) or ", like EnhancedCTImageStorage"
        raise ValueError(f"{shown(sop_class)} is not the keyword of a SOP class{example}")
    if slash and syntax not in TRANSFER_SYNTAXES:
        example = did_you_mean(syntax, TRANSFER_SYNTAXES) or ", like JPEG2000Lossless"
        raise ValueError(f"{shown(syntax)} is not the keyword of a transfer syntax{example}")
    return SOP_CLASSES[sop_class], TRANSFER_SYNTAXES[syntax] if slash else None
