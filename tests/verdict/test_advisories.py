from __future__ import annotations

import re

import pytest

from dicom_exporter.dicom.products import product
from dicom_exporter.results import Peer
from dicom_exporter.text import SafeText
from dicom_exporter.verdict.advisories import known, matching, version

CONQUEST = "1.2.826.0.1.3680043.2.135.1066.101"


@pytest.mark.parametrize(
    ("uid", "version_name", "expected"),
    [
        (CONQUEST, "1.4.16/WIN32", ("CVE-2020-35308",)),
        (CONQUEST, "1.4.19d1/LINUX", ("CVE-2020-35308",)),
        (CONQUEST, "1.4.17/OTHER\0", ("CVE-2020-35308",)),
        (CONQUEST, "1.5.0/WIN32", ()),
        (CONQUEST, "1.5.0c/WIN32", ()),
        (CONQUEST, "1.4", ()),
        (CONQUEST, "", ()),
        (CONQUEST, "x1.4.16/WIN32", ()),
        ("2.25.1", "1.4.16/WIN32", ()),
        ("1.2.276.0.7230010.3.0.3.6.2", "OFFIS_DCMTK_362", ()),
        ("1.2.826.0.1.3680043.9.3811.2.0.0", "PYNETDICOM_200", ()),
    ],
)
def test_only_what_leaves_no_doubt_matches(uid: str, version_name: str, expected: tuple[str, ...]) -> None:
    uid_text, version_text = SafeText(uid), SafeText(version_name)
    peer = Peer(uid_text, version_text, 0, product(uid_text, version_text))
    assert matching(peer) == expected


OF_2026 = tuple(f"CVE-2026-{number}" for number in range(5437, 5446))


@pytest.mark.parametrize(
    ("version_name", "expected"),
    [
        ("1.5.7", ("CVE-2025-0896", *OF_2026)),
        ("1.5.8", OF_2026),
        ("1.9.7", OF_2026),
        ("1.12.10", OF_2026),
        ("1.12.11", ()),
        ("1.13.0", ()),
        ("1.10.1", ()),  # Debian's, which is repaired under this number
        ("mainline", ()),
        ("1.12", ()),
        ("1.12.10+dfsg", ()),
    ],
)
def test_orthanc_by_the_version_that_it_says_over_http(version_name: str, expected: tuple[str, ...]) -> None:
    assert matching(Peer(SafeText(""), SafeText(version_name), 0, "Orthanc")) == expected


def test_every_entry_of_the_file_is_sound() -> None:
    advisories = known()
    assert advisories
    assert len({advisory.id for advisory in advisories}) == len(advisories)
    products = {product(SafeText(CONQUEST), SafeText("")), "Orthanc"}
    for advisory in advisories:
        assert re.fullmatch(r"CVE-\d{4}-\d{4,}", advisory.id)
        assert advisory.source.startswith("https://")
        assert advisory.product in products
        assert advisory.version_name.groups == 1
        assert advisory.since < advisory.before


def test_versions_compare_as_numbers() -> None:
    assert version("1.4.9") < version("1.4.16") < version("1.5.0")
