"""Markdown: no name can break a table."""

from __future__ import annotations

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.enums import Outcome
from dicom_exporter.report.formats.markdown import as_markdown
from tests import builders


def test_markdown_in_a_name_is_escaped() -> None:
    name = "a|b `c` *d* [e](f) <i>"
    text = as_markdown(
        builders.report(builders.record(builders.target(name, Expect.AVAILABLE), builders.monitor(Outcome.BUSY)))
    )
    (line,) = [line for line in text.splitlines() if line.startswith("| a")]
    assert line.startswith(r"| a\|b \`c\` \*d\* \[e\](f) \<i\> | available | busy |")


@pytest.mark.parametrize("by", [None, "country"])
def test_markdown_table_rows_have_the_same_number_of_cells(by: str | None) -> None:
    text = as_markdown(builders.report(*builders.ALL_FOUND, by=by))
    widths = [line.count("|") for line in text.splitlines() if line.startswith("|")]
    assert len(set(widths)) == 2 if by is None else len(widths) > 10
    assert "**6 systems: 2 as expected" in text
