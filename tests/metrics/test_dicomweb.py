"""What a DICOMweb service answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.results import SessionResult, TLSFacts, WebAnswer, WebResult
from dicom_exporter.text import SafeText
from tests.metrics.results import FULL, REJECTED, labels, shown

MONITOR = labels(identity="monitor")


def answer(result: WebResult) -> SessionResult:
    return SessionResult("monitor", None, dicomweb=result)


def test_an_answer() -> None:
    found = shown(FULL)
    assert found["dicomweb_success"] == {MONITOR: 1}
    assert found["dicomweb_http_status_code"] == {MONITOR: 200}
    assert found["dicomweb_studies_visible"] == {MONITOR: 42}
    assert found["dicomweb_server_info"] == {MONITOR | labels(server="nginx/1.2.3"): 1}
    assert found["dicomweb_tls_certificate_expiry_timestamp_seconds"] == {MONITOR: 1_900_000_000}
    assert found["dicomweb_duration_seconds"] == {
        MONITOR | labels(phase="connect"): 0.25,
        MONITOR | labels(phase="first_byte"): 0.5,
    }


def test_nothing_is_said_where_nobody_looked() -> None:
    assert not any(name.startswith("dicomweb") for name in shown(REJECTED))


@pytest.mark.parametrize("kind", WebAnswer)
def test_success(kind: WebAnswer) -> None:
    expected = kind in (WebAnswer.EMPTY, WebAnswer.ENTRIES)
    assert shown(answer(WebResult(kind)))["dicomweb_success"] == {MONITOR: expected}


@pytest.mark.parametrize("kind", WebAnswer)
def test_what_was_not_established_is_not_there(kind: WebAnswer) -> None:
    found = shown(answer(WebResult(kind)))
    assert found.keys() <= {"dicom_target_info", "dicomweb_success", "dicomweb_authentication_required"}


@pytest.mark.parametrize(
    ("result", "required"),
    [
        (WebResult(WebAnswer.DENIED), 1),
        (WebResult(WebAnswer.ENTRIES), 0),
        (WebResult(WebAnswer.EMPTY), 0),
        (WebResult(WebAnswer.DENIED, authenticated=True), 1),
    ],
)
def test_whether_credentials_are_demanded(result: WebResult, required: int) -> None:
    assert shown(answer(result))["dicomweb_authentication_required"] == {MONITOR: required}


@pytest.mark.parametrize(
    "result",
    [
        WebResult(WebAnswer.ENTRIES, authenticated=True),
        *(WebResult(kind) for kind in (WebAnswer.OTHER, WebAnswer.NOT_HTTP, WebAnswer.CLOSED, WebAnswer.UNKNOWN)),
    ],
)
def test_whether_credentials_are_demanded_could_not_be_told(result: WebResult) -> None:
    assert "dicomweb_authentication_required" not in shown(answer(result))


def test_server_header_is_a_label() -> None:
    found = shown(answer(WebResult(WebAnswer.OTHER, server=SafeText("nginx/1.2.3"))))
    assert [dict(key)["server"] for key in found["dicomweb_server_info"]] == ["nginx/1.2.3"]


def test_a_handshake_that_failed_shows_no_certificate() -> None:
    result = replace(WebResult(WebAnswer.NOT_HTTP), tls=TLSFacts())
    assert "dicomweb_tls_certificate_expiry_timestamp_seconds" not in shown(answer(result))
