"""The report in each of its forms: the same facts, and nobody's text does harm there."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import Any

import pytest
from rich.console import Console

from dicom_exporter.config import Expect
from dicom_exporter.report import Report
from dicom_exporter.report.formats.csv import as_csv
from dicom_exporter.report.formats.json import as_json
from dicom_exporter.report.formats.markdown import as_markdown
from dicom_exporter.report.formats.terminal import print_report
from dicom_exporter.results import Outcome, QueryOutcome, QueryResult
from dicom_exporter.verdict.texts import CHECKS
from tests.report import found as made
from tools.reference import ROOT

FORMULAS = ("=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "＝1")  # noqa: RUF001


def lines(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(report), newline="")))


def table(report: Report, width: int) -> list[str]:
    file = io.StringIO()
    print_report(Console(file=file, width=width), report)
    return file.getvalue().splitlines()


def test_csv_has_a_line_for_each_target_group_and_the_total() -> None:
    found = lines(made.report(*made.ALL, by="country"))
    assert [(line["line"], line["name"]) for line in found] == [
        *(("target", record.target.name) for record in made.ALL),
        ("group", "DE"),
        ("group", "FR"),
        ("group", "(none)"),
        ("total", "total"),
    ]
    by_name = {line["name"]: line for line in found}
    assert (by_name["open"]["stranger_studies"], by_name["open"]["stranger_studies_complete"]) == ("1000", "no")
    assert (by_name["unknown"]["stranger_studies"], by_name["unknown"]["stranger_studies_complete"]) == ("", "unknown")
    assert (by_name["closed"]["stranger_studies"], by_name["closed"]["stranger_studies_complete"]) == ("", "")
    assert [by_name[name]["reachable"] for name in ("open", "closed", "unknown")] == ["yes", "no", "unknown"]
    assert [by_name[name]["level_dimse"] for name in ("open", "closed", "unknown", "down")] == ["5", "0", "unknown", ""]
    assert by_name["open"]["label_country"] == "DE"


@pytest.mark.parametrize("formula", FORMULAS)
def test_csv_starts_no_formula(formula: str) -> None:
    one = made.found(
        made.target("t", Expect.CLOSED, site=formula), made.stranger(Outcome.REJECTED, version=formula.strip())
    )
    for line in lines(made.report(one, by="site")):
        for name, cell in line.items():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "＝")), name  # noqa: RUF001


def test_json_keeps_unknown_apart_from_not_asked() -> None:
    document = json.loads(as_json(made.report(*made.ALL, by="country")))
    targets: dict[str, Any] = {target["name"]: target for target in document["targets"]}
    assert document["format"] == 1
    assert document["time"] == "2026-01-02T03:04:05+00:00"
    assert targets["open"]["strangers"]["studies"] == {"count": 1000, "complete": False}
    assert targets["unknown"]["strangers"]["studies"] == {"count": None, "complete": False}
    assert targets["closed"]["strangers"]["studies"] is None
    assert (targets["unknown"]["levels"], targets["down"]["levels"]) == ({"dimse": None}, None)
    assert targets["open"]["findings"][0]["kind"] == "exposed"
    assert [group["name"] for group in document["groups"]] == ["DE", "FR", "(none)"]
    assert document["total"]["strangers"]["images"] == {"count": 3000, "complete": False}


def test_the_documentation_names_every_field() -> None:
    described = (ROOT / "docs/report.md").read_text().partition("## JSON")[2]
    named = set(re.findall(r"`([a-z_]+)`", described))
    document = json.loads(as_json(made.report(*made.ALL, by="country")))
    open_target = document["targets"][0]
    for fields in (document, open_target, open_target["strangers"], open_target["ours"], document["total"]):
        assert fields.keys() - {"name", "time"} <= named
    assert set(CHECKS) & named == set()  # they are described where they are explained


def test_markdown_shows_text_as_text() -> None:
    name = "a|b `c` *d* [e](f) <i>"
    text = as_markdown(made.report(made.found(made.target(name, Expect.AVAILABLE), made.ours(Outcome.BUSY))))
    (line,) = [line for line in text.splitlines() if line.startswith("| a")]
    assert line.startswith(r"| a\|b \`c\` \*d\* \[e\](f) \<i\> | available | busy |")


@pytest.mark.parametrize("by", [None, "country"])
def test_markdown_tables_are_rectangles(by: str | None) -> None:
    text = as_markdown(made.report(*made.ALL, by=by))
    widths = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    assert len(set(widths)) == 2 if by is None else len(widths) > 10
    assert "**6 systems: 2 as expected" in text


@pytest.mark.parametrize("width", [80, 200])
def test_the_table_fits_and_says_it_all(width: int) -> None:
    shown = table(made.report(*made.ALL, by="country"), width)
    assert max(map(len, shown)) <= width
    heads = [line.split()[0] for line in shown if line]
    names = ["Target", "open", "web", "down", "unknown", "closed", "guarded", "control"]
    assert heads[: len(names)] == names  # none of them folded, the worst first
    assert shown[1].split()[-3:] == ["1,000+", "700", "3,000+"] if width == 80 else "5 lists studies" in shown[1]
    assert "6 systems: 2 as expected, 2 exposed" in " ".join(shown[-3:])


def test_without_strangers_a_narrow_table_shows_what_we_see() -> None:
    studies = QueryResult(QueryOutcome.ALLOWED, matches=12, complete=True)
    inside = made.found(made.target("inside", Expect.AVAILABLE), made.ours(studies=studies))
    shown = table(made.report(inside), 80)
    assert shown[0].split() == ["Target", "Result", "We", "see"]
    assert shown[1].split() == ["inside", "as", "expected", "12"]
    assert "see" not in table(made.report(made.GUARDED, inside), 80)[0].split()


def test_the_table_is_ascii_but_for_names() -> None:
    assert "\n".join(table(made.report(*made.ALL), 200)).isascii()


def test_a_terminal_is_told_nothing_by_a_label() -> None:
    report = made.report(made.found(made.target("t", Expect.AVAILABLE, site="\x1b]0;x\x07[red]")), by="site")
    assert any(r"\x1b]0;x\x07[red]" in line for line in table(report, 200))
