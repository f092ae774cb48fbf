"""What the final status of a C-FIND says about the archive."""

from __future__ import annotations

import pytest

from dicom_exporter.dicom.find import Find
from dicom_exporter.enums import QueryOutcome
from dicom_exporter.probes.query import outcome_of

CASES = {
    0x0000: (QueryOutcome.EMPTY, QueryOutcome.ALLOWED),
    0xFE00: (QueryOutcome.TRUNCATED, QueryOutcome.TRUNCATED),
    0xB001: (QueryOutcome.TRUNCATED, QueryOutcome.TRUNCATED),
    0x0122: (QueryOutcome.UNSUPPORTED, QueryOutcome.UNSUPPORTED),
    0xA900: (QueryOutcome.UNSUPPORTED, QueryOutcome.UNSUPPORTED),
    0x0124: (QueryOutcome.REFUSED, QueryOutcome.REFUSED),
    0xA700: (QueryOutcome.REFUSED, QueryOutcome.FAILED),
    0xC000: (QueryOutcome.REFUSED, QueryOutcome.FAILED),
    0xC001: (QueryOutcome.REFUSED, QueryOutcome.FAILED),
    0xCFFF: (QueryOutcome.REFUSED, QueryOutcome.FAILED),
    0x0110: (QueryOutcome.FAILED, QueryOutcome.FAILED),
    0x1234: (QueryOutcome.FAILED, QueryOutcome.FAILED),
}
"""status -> without a match, after three"""


def ended(status: int | None, matches: int) -> Find:
    counted = Find(1, 1, 10, lambda data: None, begun=0.0)
    counted.matches = matches
    counted.status = status
    return counted


@pytest.mark.parametrize("status", CASES, ids=hex)
@pytest.mark.parametrize("matches", [0, 3])
def test_the_status_and_whether_matches_came_make_the_outcome(status: int, matches: int) -> None:
    assert outcome_of(ended(status, matches)) is CASES[status][bool(matches)]


@pytest.mark.parametrize("status", [None, 0x0000, 0xFE00, 0xC000])
def test_what_we_cancelled_is_truncated_however_the_archive_takes_it(status: int | None) -> None:
    counted = ended(status, 10)
    counted.wants_cancel = True
    assert outcome_of(counted) is QueryOutcome.TRUNCATED
