from __future__ import annotations

import pytest

from dicom_exporter.dicom.products import product
from dicom_exporter.text import SafeText


@pytest.mark.parametrize(
    ("uid", "version", "expected"),
    [
        ("1.2.276.0.7230010.3.0.3.6.7", "OFFIS_DCMTK_367", "DCMTK"),
        ("1.2.276.0.7230010.3.0.3.6", "", "DCMTK"),
        ("1.2.276.0.7230010.3.0.3.60", "", "unknown"),
        ("1.2.40.0.13.1.3", "dcm4che-5.31.2", "dcm4che"),
        ("1.2.40.0.13.1.1.1", "dcm4che-2.0", "dcm4che 2"),
        ("1.2.826.0.1.3680043.9.3811.3.0.4", "PYNETDICOM_304", "pynetdicom"),
        ("1.3.6.1.4.1.30071.8", "fo-dicom 5.1.2", "fo-dicom"),
        ("1.2.826.0.1.3680043.2.135.1066.101", "1.4.16/WIN32", "ConQuest"),
        ("1.2.826.0.1.3680043.8.641", "RUBY-DCM_0.9.8", "ruby-dicom"),
        ("1.2.840.113619.6.55", "", "GE"),
        ("2.25.1", "OFFIS_DCMTK_367", "DCMTK"),
        ("2.25.1", "dcm4che-2.0.29", "dcm4che 2"),
        ("2.25.1", "DCMTK", "unknown"),
        ("", "", "unknown"),
        ("." * 64, "\x00", "unknown"),
    ],
)
def test_who_it_is(uid: str, version: str, expected: str) -> None:
    assert product(SafeText(uid), SafeText(version)) == expected
