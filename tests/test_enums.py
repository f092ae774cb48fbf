"""Which results of a query count as an answer."""

from __future__ import annotations

import pytest

from dicom_exporter.enums import QueryOutcome

ANSWERS = {QueryOutcome.ALLOWED, QueryOutcome.EMPTY, QueryOutcome.TRUNCATED}


@pytest.mark.parametrize("outcome", QueryOutcome)
def test_query_outcome_is_success_for_answers_only(outcome: QueryOutcome) -> None:
    assert outcome.is_success is (outcome in ANSWERS)
