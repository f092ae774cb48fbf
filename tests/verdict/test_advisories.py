from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from dicom_exporter.dicom.products import product
from dicom_exporter.enums import WebAnswer
from dicom_exporter.results import Peer, SessionResult, WebResult
from dicom_exporter.text import SafeText
from dicom_exporter.verdict.advisories import known, matching, peers, products, release_year, version

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


OF_APRIL = tuple(f"CVE-2026-{number}" for number in range(5437, 5446))
OF_SEPTEMBER = ("CVE-2026-87020",)


@pytest.mark.parametrize(
    ("version_name", "expected"),
    [
        ("1.5.7", ("CVE-2023-33466", "CVE-2025-0896", *OF_APRIL, *OF_SEPTEMBER)),
        ("1.5.8", ("CVE-2023-33466", *OF_APRIL, *OF_SEPTEMBER)),
        ("1.9.7", ("CVE-2023-33466", *OF_APRIL, *OF_SEPTEMBER)),
        ("1.12.0", (*OF_APRIL, *OF_SEPTEMBER)),
        ("1.12.10", (*OF_APRIL, *OF_SEPTEMBER)),
        ("1.12.11", OF_SEPTEMBER),
        ("1.13.0", ()),
        ("1.5.6", ()),  # Debian's, which are repaired under these numbers
        ("1.9.1", ()),
        ("1.10.1", ()),
        ("1.12.7", ()),
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
    assert products().keys() == {product(SafeText(CONQUEST), SafeText("")), "Orthanc"}
    for advisory in advisories:
        assert re.fullmatch(r"CVE-\d{4}-\d{4,}", advisory.id)
        assert advisory.source.startswith("https://")
        assert advisory.product in products()
        assert advisory.since < advisory.before
    for about in products().values():
        assert about.version_name.groups == 1
        assert list(about.released.values()) == sorted(about.released.values())


RECORDS = yaml.safe_load((Path(__file__).parent / "testdata" / "advisory_records.yml").read_text())


def test_entries_agree_with_the_machine_readable_ones_that_they_name() -> None:
    """One that says `<=` names the last affected version: the first that is not is the next number."""
    named = {advisory.record: advisory for advisory in known() if advisory.record is not None}
    assert named.keys() == {record["record"] for record in RECORDS}
    for record in RECORDS:
        advisory = named[record["record"]]
        operator, affected = re.fullmatch(r"(<=?)([0-9.]+)", record["affected"]).groups()  # type: ignore[union-attr]
        last = version(affected)
        before = last if operator == "<" else (*last[:-1], last[-1] + 1)
        assert (advisory.id, advisory.before, advisory.since) == (record["cve"], before, ())


@pytest.mark.parametrize(
    ("version_name", "year"),
    [
        ("0.1.0", None),
        ("1.3.1", 2017),
        ("1.5.1", 2018),
        ("1.5.2", 2019),
        ("1.9.7", 2021),
        ("1.10.1", 2022),
        ("1.12.2", 2023),
        ("1.12.5", 2024),
        ("1.12.10", 2025),
        ("1.12.11", 2026),
        ("1.13.0", 2026),
        ("1.13.1", None),
        ("mainline", None),
        ("", None),
    ],
)
def test_release_year_is_that_of_the_version(version_name: str, year: int | None) -> None:
    assert release_year(Peer(SafeText(""), SafeText(version_name), 0, "Orthanc")) == year
    assert release_year(Peer(SafeText(""), SafeText(version_name), 0, "unknown")) is None


def test_what_orthanc_says_over_http_is_beside_what_it_says_over_dicom() -> None:
    toolkit = Peer(SafeText("1.2.276.0.7230010.3.0.3.6.7"), SafeText("OFFIS_DCMTK_367"), 0, "DCMTK")
    page = WebResult(WebAnswer.ENTRIES, version=SafeText("1.9.7"))
    session = SessionResult("monitor", None, peer=toolkit, web=(page, page), software=SafeText("1.9.7"))
    assert [(peer.product, peer.implementation_version) for peer in peers(session)] == [
        ("DCMTK", "OFFIS_DCMTK_367"),
        ("Orthanc", "1.9.7"),
    ]


def test_versions_compare_as_numbers() -> None:
    assert version("1.4.9") < version("1.4.16") < version("1.5.0")
