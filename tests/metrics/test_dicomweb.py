"""What a DICOMweb service answered."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.enums import LoginScheme, WebAnswer
from dicom_exporter.results import SessionResult, TLSFacts, WebResult
from dicom_exporter.text import SafeText
from tests.builders import FULL, STRANGER_REJECTED
from tests.metrics.samples import labels, shown

MONITOR = labels(identity="monitor")


def answer(result: WebResult) -> SessionResult:
    return SessionResult("monitor", None, dicomweb=result)


def test_dicomweb_answer_fills_all_series() -> None:
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


@pytest.mark.parametrize(("complete", "expected"), [(True, 1), (False, 0), (None, 0)])
def test_dicomweb_count_is_never_without_its_marker(complete: bool | None, expected: int) -> None:
    found = shown(answer(WebResult(WebAnswer.ENTRIES, studies=12, complete=complete)))
    assert found["dicomweb_studies_visible"] == {MONITOR: 12}
    assert found["dicomweb_studies_complete"] == {MONITOR: expected}
    assert "dicomweb_studies_complete" not in shown(answer(WebResult(WebAnswer.ENTRIES, complete=False)))


def test_dicomweb_not_probed_has_no_series() -> None:
    assert not any(name.startswith("dicomweb") for name in shown(STRANGER_REJECTED))


@pytest.mark.parametrize("kind", WebAnswer)
def test_dicomweb_success_is_1_for_lists_only(kind: WebAnswer) -> None:
    expected = kind in (WebAnswer.EMPTY, WebAnswer.ENTRIES)
    assert shown(answer(WebResult(kind)))["dicomweb_success"] == {MONITOR: expected}


@pytest.mark.parametrize("kind", WebAnswer)
def test_dicomweb_unknown_facts_have_no_series(kind: WebAnswer) -> None:
    found = shown(answer(WebResult(kind)))
    known = {"dicom_target_info", "dicomweb_success", "dicomweb_authentication_required", "dicomweb_login_scheme"}
    assert found.keys() <= known


@pytest.mark.parametrize(
    ("result", "schemes"),
    [
        (WebResult(WebAnswer.DENIED, login=(LoginScheme.BASIC, LoginScheme.BEARER)), ["basic", "bearer"]),
        (WebResult(WebAnswer.DENIED), ["other"]),  # a page to log in, or 403
        (WebResult(WebAnswer.ENTRIES), ["none"]),
        (WebResult(WebAnswer.EMPTY), ["none"]),
        (WebResult(WebAnswer.ENTRIES, authenticated=True), []),
        (WebResult(WebAnswer.UNKNOWN), []),
        (WebResult(WebAnswer.OTHER), []),
        (WebResult(WebAnswer.CLOSED), []),
    ],
)
def test_dicomweb_login_schemes_are_those_it_names(result: WebResult, schemes: list[str]) -> None:
    found = shown(answer(result)).get("dicomweb_login_scheme", {})
    assert found == {MONITOR | labels(scheme=scheme): 1 for scheme in schemes}


@pytest.mark.parametrize(
    ("result", "required"),
    [
        (WebResult(WebAnswer.DENIED), 1),
        (WebResult(WebAnswer.ENTRIES), 0),
        (WebResult(WebAnswer.EMPTY), 0),
        (WebResult(WebAnswer.DENIED, authenticated=True), 1),
    ],
)
def test_dicomweb_authentication_required_is_0_or_1(result: WebResult, required: int) -> None:
    assert shown(answer(result))["dicomweb_authentication_required"] == {MONITOR: required}


@pytest.mark.parametrize(
    "result",
    [
        WebResult(WebAnswer.ENTRIES, authenticated=True),
        *(WebResult(kind) for kind in (WebAnswer.OTHER, WebAnswer.NOT_HTTP, WebAnswer.CLOSED, WebAnswer.UNKNOWN)),
    ],
)
def test_dicomweb_authentication_unknown_has_no_series(result: WebResult) -> None:
    assert "dicomweb_authentication_required" not in shown(answer(result))


def test_dicomweb_server_header_is_a_label() -> None:
    found = shown(answer(WebResult(WebAnswer.OTHER, server=SafeText("nginx/1.2.3"))))
    assert [dict(key)["server"] for key in found["dicomweb_server_info"]] == ["nginx/1.2.3"]


def test_dicomweb_failed_handshake_has_no_certificate_series() -> None:
    result = replace(WebResult(WebAnswer.NOT_HTTP), tls=TLSFacts())
    assert "dicomweb_tls_certificate_expiry_timestamp_seconds" not in shown(answer(result))
