"""CSV: one line for each target, group and the total, and no cell that a spreadsheet would take for a formula."""

from __future__ import annotations

import csv
import io

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome
from dicom_exporter.report import Report
from dicom_exporter.report.formats.csv import COLUMNS, as_csv
from tests import builders

FORMULAS = ("=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "＝1")  # noqa: RUF001


def lines(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(as_csv(report), newline="")))


def test_csv_column_order_is_stable() -> None:
    """Spreadsheets refer to columns by position: new ones may only be added at the end."""
    assert " ".join(COLUMNS) == (
        "line name address called_ae_title expect standing echo_outcome systems as_expected exposed down unknown"
        " reachable reachable_unknown open_to_strangers open_to_strangers_unknown level_dimse level_dicomweb level_web"
        " level_allowed stranger_studies stranger_studies_complete stranger_patients stranger_patients_complete"
        " stranger_images stranger_images_complete our_studies our_studies_complete our_images our_images_complete"
        " dicomweb_services dicomweb_open checks_failed failed_checks product version findings level_unknown_reasons"
        " refuses_or_busy trouble released"
    )


def test_csv_has_a_line_for_each_target_group_and_the_total() -> None:
    found = lines(builders.report(*builders.ALL_FOUND, by="country"))
    assert [(line["line"], line["name"]) for line in found] == [
        *(("target", each.target.name) for each in builders.ALL_FOUND),
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


def test_csv_group_without_strangers_has_empty_stranger_columns() -> None:
    *_, total = lines(builders.report(builders.FOUND_DOWN))
    columns = ("open_to_strangers", "open_to_strangers_unknown", "checks_failed", "stranger_studies")
    assert [total[column] for column in columns] == [""] * 4


@pytest.mark.parametrize("formula", FORMULAS)
def test_csv_cell_that_begins_like_a_formula_is_quoted(formula: str) -> None:
    one = builders.record(
        builders.target("t", Expect.CLOSED, site=formula), builders.stranger(Outcome.REJECTED, version=formula.strip())
    )
    for line in lines(builders.report(one, by="site")):
        for name, cell in line.items():
            assert not cell.startswith(("=", "+", "-", "@", "\t", "＝")), name  # noqa: RUF001
