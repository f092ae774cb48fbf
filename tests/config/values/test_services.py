"""SOP classes and transfer syntaxes by their keywords."""

from __future__ import annotations

import pytest

from dicom_exporter.config.values.services import parse_service


@pytest.mark.parametrize(
    ("text", "uids"),
    [
        ("CTImageStorage", ("1.2.840.10008.5.1.4.1.1.2", None)),
        ("StorageCommitmentPushModel", ("1.2.840.10008.1.20.1", None)),
        ("ModalityPerformedProcedureStep", ("1.2.840.10008.3.1.2.3.3", None)),
        ("CTImageStorage/JPEG2000Lossless", ("1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.1.2.4.90")),
    ],
)
def test_parse_service(text: str, uids: tuple[str, str | None]) -> None:
    assert parse_service(text) == uids


@pytest.mark.parametrize("text", ["", "CT", "1.2.840.10008.5.1.4.1.1.2", "CTImageStorage/", "CTImageStorage/JPEG"])
def test_parse_service_that_the_standard_does_not_have_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not the keyword of"):
        parse_service(text)
