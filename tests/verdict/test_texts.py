from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import pytest

from dicom_exporter.enums import (
    Check,
    LadderLevel,
    LadderService,
    Outcome,
    QueryOutcome,
    StoreOutcome,
    SuiteClass,
    TLSVersion,
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.results import TLSPosture
from dicom_exporter.verdict.texts import (
    CHECKS,
    LEVELS,
    OUTCOMES,
    QUERY_OUTCOMES,
    SERVICES,
    STORE_OUTCOMES,
    UNKNOWN_REASONS,
    WEB_ANSWERS,
    tls_accepted,
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


def test_tls_accepted_names_what_is_accepted_and_what_is_refused() -> None:
    posture = TLSPosture(
        {TLSVersion.SSL_3: False, TLSVersion.TLS_1_2: True}, {SuiteClass.RC4: True, SuiteClass.DES: False}
    )
    nothing = TLSPosture({TLSVersion.TLS_1_3: True})
    assert list(tls_accepted({LadderService.DIMSE: (posture,), LadderService.WEB: (nothing,)})) == [
        ("Accepts, DICOM", "TLSv1.2, suites rc4"),
        ("Refuses, DICOM", "SSLv3, suites des"),
        ("Accepts, web pages", "TLSv1.3"),
        ("Refuses, web pages", "nothing that was offered"),
    ]
