"""The page for the security officer's file."""

from __future__ import annotations

import base64
import hashlib
import html
import re

from dicom_exporter.config import Expect
from dicom_exporter.report.formats.html import as_html
from dicom_exporter.results import Outcome
from tests.report import found as made


def words(page: str) -> str:
    """What a reader reads, with runs of white space as one space."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<(style).*?</\1>|<[^>]*>", " ", page, flags=re.S)))


def test_it_says_when_where_and_what() -> None:
    said = words(as_html(made.report(*made.ALL, by="country")))
    for expected in (
        "2026-01-02 03:04:05 UTC",
        "Seen from vantage",
        "Configuration config.yml",
        "dicom_exporter 1.2.3",
        "6 systems: 2 as expected, 2 exposed",
        "open (open.example:104): exposed . Anybody can list the studies in here. DICOM level 5, lists studies;"
        " allowed is 0, closed.",
        "at least 1,000",
        "Unknown is not safe",
        "unknown (unknown.example:104): DICOM: it is not known how far a stranger gets: the name does not resolve",
        "No stranger was sent to down,",
        "7 hands out images Anybody can fetch images.",
        "guessed no password and wrote nothing",
    ):
        assert expected in said


def test_a_list_of_hundreds_becomes_a_number() -> None:
    many = [made.found(made.target(f"inside-{number}", Expect.AVAILABLE), made.ours()) for number in range(30)]
    assert "No stranger was sent to 30 targets" in words(as_html(made.report(*many)))


def test_without_a_control_it_says_what_that_means() -> None:
    assert "There is no control among the targets" in words(as_html(made.report(made.CLOSED)))
    assert "There is no control" not in words(as_html(made.report(made.CLOSED, made.CONTROL)))


def test_it_is_one_file_and_its_policy_lets_in_nothing_else() -> None:
    page = as_html(made.report(*made.ALL))
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert not re.search(r"<(script|img|link|iframe|form)\b|\b(src|href|style|on\w+)=|url\(|@import|https?:", page)


def test_nobodys_text_becomes_markup() -> None:
    name, site = "<b>name</b>", "<i>site</i>"
    one = made.found(
        made.target(name, Expect.CLOSED, site=site),
        made.stranger(Outcome.SUCCESS, made.listing(1), version=made.SCRIPT),
    )
    page = as_html(made.report(one, by="site"))
    for text in (name, site, made.SCRIPT):
        assert text not in page
        assert html.escape(text) in page
