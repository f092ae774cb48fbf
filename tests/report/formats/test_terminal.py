"""The table on a terminal, wide and narrow."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from dicom_exporter.config import Expect
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.report import Report
from dicom_exporter.report.formats.terminal import print_report
from dicom_exporter.results import QueryResult
from tests import builders


def table(report: Report, width: int) -> list[str]:
    file = io.StringIO()
    print_report(Console(file=file, width=width), report)
    return file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 200])
def test_table_fits_the_width_and_names_every_target_worst_first(width: int) -> None:
    shown = table(builders.report(*builders.ALL_FOUND, by="country"), width)
    assert max(map(len, shown)) <= width
    heads = [line.split()[0] for line in shown if line]
    names = ["Target", "open", "web", "down", "unknown", "closed", "guarded", "control"]
    assert heads[: len(names)] == names  # none of them folded, the worst first
    assert shown[1].split()[-3:] == ["1,000+", "700", "3,000+"] if width == 80 else "5 lists studies" in shown[1]
    assert "6 systems: 2 as expected, 2 exposed" in " ".join(shown[-3:])


def test_narrow_table_without_strangers_has_our_own_counts() -> None:
    studies = QueryResult(QueryOutcome.ALLOWED, matches=12, complete=True)
    inside = builders.record(builders.target("inside", Expect.AVAILABLE), builders.monitor(studies=studies))
    shown = table(builders.report(inside), 80)
    assert shown[0].split() == ["Target", "Result", "We", "see"]
    assert shown[1].split() == ["inside", "as", "expected", "12"]
    assert "see" not in table(builders.report(builders.FOUND_GUARDED, inside), 80)[0].split()


@pytest.mark.parametrize("width", [80, 200])
def test_table_has_no_blanks_at_the_end_of_a_line(width: int) -> None:
    shown = table(builders.report(*builders.ALL_FOUND, by="country"), width)
    assert all(line == line.rstrip() for line in shown)


def test_table_of_ascii_names_is_ascii() -> None:
    assert "\n".join(table(builders.report(*builders.ALL_FOUND), 200)).isascii()


def test_control_characters_and_markup_in_a_label_are_shown_as_text() -> None:
    report = builders.report(
        builders.record(builders.target("t", Expect.AVAILABLE, site="\x1b]0;x\x07[red]")), by="site"
    )
    assert any(r"\x1b]0;x\x07[red]" in line for line in table(report, 200))
