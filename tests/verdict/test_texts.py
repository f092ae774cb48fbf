from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import pytest

from dicom_exporter.results import (
    Check,
    LadderLevel,
    LadderService,
    Outcome,
    QueryOutcome,
    StoreOutcome,
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.verdict.texts import (
    CHECKS,
    LEVELS,
    OUTCOMES,
    QUERY_OUTCOMES,
    SERVICES,
    STORE_OUTCOMES,
    UNKNOWN_REASONS,
    WEB_ANSWERS,
)


@pytest.mark.parametrize(
    ("texts", "members"),
    [
        (CHECKS, Check),
        (LEVELS, LadderLevel),
        (OUTCOMES, Outcome),
        (QUERY_OUTCOMES, QueryOutcome),
        (STORE_OUTCOMES, StoreOutcome),
        (SERVICES, LadderService),
        (UNKNOWN_REASONS, UnknownReason),
        (WEB_ANSWERS, WebAnswer),
    ],
)
def test_every_member_of_an_enum_has_a_text_in_its_order(texts: Mapping[Enum, object], members: type[Enum]) -> None:
    assert list(texts) == list(members)
