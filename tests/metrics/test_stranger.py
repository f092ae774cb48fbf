"""What a stranger got: levels, what is allowed, what could not be told, and single facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.config import Expect
from dicom_exporter.results import SessionResult, StrangerResult
from tests.builders import FULL, STRANGER, STRANGER_REJECTED, TARGET
from tests.metrics.samples import labels, shown

EXPOSURE = ("dicom_exposure_level", "dicom_exposure_level_allowed", "dicom_exposure_known", "dicom_exposure_check")


def test_how_far_a_stranger_got() -> None:
    assert shown(STRANGER)["dicom_exposure_level"] == {labels(service="dimse"): 3, labels(service="dicomweb"): 2}


def test_what_could_not_be_told_is_no_level_and_not_known() -> None:
    found = shown(STRANGER)
    assert found["dicom_exposure_known"] == {
        labels(service="dimse"): 1,
        labels(service="dicomweb"): 1,
        labels(service="web"): 0,
    }
    assert labels(service="web") not in found["dicom_exposure_level"]


def test_a_stranger_who_got_nowhere_near_is_not_known() -> None:
    found = shown(SessionResult("stranger", None, stranger=StrangerResult()))
    assert found["dicom_exposure_known"] == {labels(service="dimse"): 0}
    assert "dicom_exposure_level" not in found


@pytest.mark.parametrize(("expect", "level"), [(Expect.CLOSED, 0), (Expect.GUARDED, 2), (Expect.CONTROL, 7)])
def test_what_is_allowed_is_beside_it(expect: Expect, level: int) -> None:
    found = shown(STRANGER, target=replace(TARGET, expect=expect))
    assert found["dicom_exposure_level_allowed"] == dict.fromkeys(found["dicom_exposure_known"], level)


def test_nothing_is_said_of_strangers_where_it_must_only_be_available() -> None:
    assert "dicom_exposure_level_allowed" not in shown(STRANGER, target=replace(TARGET, expect=Expect.AVAILABLE))


def test_single_facts() -> None:
    checks = shown(STRANGER)["dicom_exposure_check"]
    assert checks[labels(check="calling_ae_title_unchecked")] == 1
    assert checks[labels(check="called_ae_title_unchecked")] == 0
    assert checks[labels(check="store_negotiable")] == 1
    assert checks[labels(check="retrieve_negotiable")] == 0
    assert labels(check="worklist_queryable") not in checks  # nobody asked


def test_the_verdict_is_the_targets_and_no_identitys() -> None:
    found = shown(FULL, STRANGER, target_label=True)
    for name in EXPOSURE:
        assert all(dict(key)["target"] == "main" and "identity" not in dict(key) for key in found[name])


def test_where_no_stranger_was_sent_nothing_is_said() -> None:
    assert not set(EXPOSURE) & shown(FULL, STRANGER_REJECTED).keys()
