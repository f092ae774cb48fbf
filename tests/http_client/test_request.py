"""What the statuses of HTTP mean."""

from __future__ import annotations

import pytest

from dicom_exporter.enums import UnknownReason, WebAnswer
from dicom_exporter.http_client.request import status_meaning


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 507, 520, 530, 599])
def test_request_status_about_this_moment_is_unknown(status: int) -> None:
    assert status_meaning(status) == (WebAnswer.UNKNOWN, UnknownReason.UNAVAILABLE)


@pytest.mark.parametrize("status", [401, 403, 407, 495, 496])
def test_request_status_that_demands_credentials_is_denied(status: int) -> None:
    assert status_meaning(status) == (WebAnswer.DENIED, None)


@pytest.mark.parametrize("status", [404, 405, 410, 501])
def test_request_status_of_no_such_resource_is_known(status: int) -> None:
    assert status_meaning(status) == (WebAnswer.OTHER, None)


@pytest.mark.parametrize("status", [400, 406, 413, 414, 415, 422])
def test_request_status_that_refuses_the_question_is_in_doubt(status: int) -> None:
    assert status_meaning(status) == (WebAnswer.OTHER, UnknownReason.NOT_OFFERED)


@pytest.mark.parametrize("status", [201, 202, 205])
def test_request_status_of_another_success_is_unreadable(status: int) -> None:
    assert status_meaning(status) == (WebAnswer.OTHER, UnknownReason.UNREADABLE)
