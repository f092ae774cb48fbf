"""The formats of a report over time."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable

import pytest
from rich.console import Console

from dicom_exporter.report.over_time import OverTime
from dicom_exporter.report.over_time.formats import (
    CSV_COLUMNS,
    over_time_as_csv,
    over_time_as_html,
    over_time_as_json,
    over_time_as_markdown,
    print_over_time,
)
from tests.testing.over_time import over_time


def printed(report: OverTime, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    print_over_time(console, report)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


FORMATS: tuple[Callable[[OverTime], str], ...] = (
    over_time_as_csv,
    over_time_as_html,
    over_time_as_json,
    over_time_as_markdown,
    printed,
)


@pytest.mark.parametrize("write", FORMATS)
def test_format_has_the_episodes(write: Callable[[OverTime], str]) -> None:
    text = write(over_time())
    assert len(re.findall(r"\bmain\b", text)) >= 3
    assert "2026-01-02" in text
    assert "lists studies" in text
    assert "refused" in text


@pytest.mark.parametrize("write", FORMATS[1:2])
def test_html_escapes_and_loads_nothing(write: Callable[[OverTime], str]) -> None:
    page = write(over_time("<script>alert(1)</script>"))
    assert "<script" not in page
    assert "&lt;script&gt;" in page
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)=", page)


def test_markdown_escapes() -> None:
    assert r"\<b\>\|" in over_time_as_markdown(over_time("<b>|"))


def test_csv_columns_are_stable_and_no_formula() -> None:
    """Spreadsheets refer to columns by position: new ones may only be added at the end."""
    assert " ".join(CSV_COLUMNS) == (
        "line target kind service first_seen before_report good_before last_seen end state level what not_known alerts"
        " receivers due_24h due_72h due_month job instance name targets exposed exposed_not_over exposed_for down"
        " down_not_over down_for not_known_for"
    )
    lines = list(csv.DictReader(io.StringIO(over_time_as_csv(over_time("=1+2")), newline="")))
    assert [line["line"] for line in lines] == [*["episode"] * 3, "target", "target", "group", "group", "total"]
    assert {line["target"] for line in lines[:3]} == {"'=1+2"}


def test_json_is_for_programs() -> None:
    found = json.loads(over_time_as_json(over_time()))
    assert (found["format"], found["step"], found["pause"], found["begin"]) == (1, 60, 300, "2026-01-02T00:00:00+00:00")
    assert found["total"]["exposed_for"] == 3000
    down, dimse, web = found["episodes"]
    assert (down["before_report"], down["level"], dimse["level"], web["end"]) == (True, None, 5, None)
    assert dimse["not_known"] == [
        {"what": "unknown", "begin": "2026-01-02T00:15:00+00:00", "end": "2026-01-02T00:17:00+00:00"}
    ]
    assert dimse["alerts"][0]["alert"] == "DicomPatientDataListed"


def test_terminal_ends_with_the_summary() -> None:
    for width in (80, 200):
        last = " ".join(printed(over_time(), width).split())
        assert last.endswith(over_time().summary)
