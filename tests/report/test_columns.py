"""The tables of columns, which every format walks."""

from __future__ import annotations

import pytest

from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.report.columns import FIELDS, GROUP_COLUMNS, TARGET_COLUMNS, Data, Layout, shown
from tests import builders

SINGLE_LAYOUTS = (Layout.DOCUMENT, Layout.WIDE, Layout.WIDE | Layout.WIDE_WEB, Layout.NARROW, Layout.NARROW_OWN)


@pytest.mark.parametrize("layout", SINGLE_LAYOUTS)
def test_layout_has_each_heading_once(layout: Layout) -> None:
    for headings in (
        [column.heading for column in shown(TARGET_COLUMNS, layout)],
        [column.heading for column in shown(GROUP_COLUMNS, layout)],
    ):
        assert len(set(headings)) == len(headings)


def test_web_pages_column_needs_a_stranger_that_tried_them() -> None:
    def headings(layout: Layout) -> list[str]:
        return [column.heading for column in shown(TARGET_COLUMNS, layout)]

    assert "Web pages" in headings(Layout.WIDE | Layout.WIDE_WEB)
    assert "Web pages" not in headings(Layout.WIDE)


@pytest.mark.parametrize("formats", [Data.CSV, Data.JSON])
@pytest.mark.parametrize("side", ["target", "group"])
def test_field_name_is_unique_in_one_format(formats: Data, side: str) -> None:
    names = [field.name for field in FIELDS if field.formats & formats and getattr(field, side) is not None]
    assert len(set(names)) == len(names)


def cell(heading: str, found: ProbeRecord, layout: Layout) -> str:
    columns = {column.heading: column for column in shown(TARGET_COLUMNS, layout)}
    (row,) = builders.report(found).rows
    return columns[heading].text(row) if layout is Layout.DOCUMENT else columns[heading].short(row)


def test_level_is_words_where_there_is_room_and_a_number_elsewhere() -> None:
    assert cell("Anonymous access", builders.FOUND_OPEN, Layout.DOCUMENT) == "5 lists studies"
    assert cell("Anonymous access", builders.FOUND_OPEN, Layout.WIDE) == "5 lists studies"
    assert cell("Level", builders.FOUND_OPEN, Layout.NARROW) == "5"
    assert cell("Level", builders.FOUND_UNKNOWN, Layout.NARROW) == "unknown"


def test_columns_not_asked_is_a_dash_of_the_format() -> None:
    assert cell("Anonymous access", builders.FOUND_DOWN, Layout.DOCUMENT) == "\N{EN DASH}"
    assert cell("Anonymous access", builders.FOUND_DOWN, Layout.WIDE) == "-"


def test_control_is_allowed_any_level_from_association_on() -> None:
    assert cell("Allowed", builders.FOUND_CONTROL, Layout.DOCUMENT).endswith(", or further")
    assert cell("Allowed", builders.FOUND_CONTROL, Layout.NARROW) == "3+"
