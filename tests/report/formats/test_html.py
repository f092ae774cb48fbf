"""The page for the security officer's file."""

from __future__ import annotations

import base64
import hashlib
import html
import re

from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome
from dicom_exporter.report.formats.html import as_html
from tests import builders


def words(page: str) -> str:
    """The visible text, with runs of white space as one space."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<(style).*?</\1>|<[^>]*>", " ", page, flags=re.S)))


def test_page_has_time_vantage_and_findings() -> None:
    said = words(as_html(builders.report(*builders.ALL_FOUND, by="country")))
    for expected in (
        "2026-01-02 03:04 UTC",
        "Seen from vantage",
        "Configuration config.yml",
        "dicom_exporter 1.2.3",
        "6 systems: 2 as expected, 2 exposed",
        "exposed open open.example:104 Anybody can list the studies in here."
        " DICOM: allowed 0 (closed), got 5 (lists studies).",
        "at least 1,000",
        "Unknown is not safe",
        "unknown (unknown.example:104): DICOM: it is not known how far a stranger gets: the name does not resolve",
        "No stranger was sent to down,",
        "7 hands out images Anybody can fetch images.",
        "guessed no password and wrote nothing",
    ):
        assert expected in said


def test_long_list_of_targets_is_a_number() -> None:
    many = [
        builders.record(builders.target(f"inside-{number}", Expect.AVAILABLE), builders.monitor())
        for number in range(30)
    ]
    assert "No stranger was sent to 30 targets" in words(as_html(builders.report(*many)))


def test_page_without_control_explains_it() -> None:
    assert "There is no control among the targets" in words(as_html(builders.report(builders.FOUND_CLOSED)))
    assert "There is no control" not in words(as_html(builders.report(builders.FOUND_CLOSED, builders.FOUND_CONTROL)))


def test_page_loads_nothing_and_its_policy_allows_only_its_style() -> None:
    page = as_html(builders.report(*builders.ALL_FOUND))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"<(script|img|link|iframe|form)\b|\b(src|href|style|on\w+)=|url\(|@import|https?:", page)


def test_names_labels_and_versions_are_escaped() -> None:
    name, site = "<b>name</b>", "<i>site</i>"
    one = builders.record(
        builders.target(name, Expect.CLOSED, site=site),
        builders.stranger(Outcome.SUCCESS, builders.listing(1), version=builders.MARKUP),
    )
    page = as_html(builders.report(one, by="site"))
    for text in (name, site, builders.MARKUP):
        assert text not in page
        assert html.escape(text) in page
