"""Series of one association: C-ECHO, phases, rejection, peer, TLS. Facts that are not known have no series."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.enums import Outcome, TLSFailure, WebAnswer
from dicom_exporter.results import EchoResult, SessionResult, StrangerResult, TLSFacts, WebResult
from dicom_exporter.text import SafeText
from tests.builders import CONQUEST, FULL, STRANGER_REJECTED
from tests.metrics.samples import labels, shown

MONITOR = labels(identity="monitor")
NOTHING = SessionResult("monitor", None)


def test_echo_success_is_1() -> None:
    found = shown(FULL)
    assert found["dicom_echo_success"] == {MONITOR: 1}
    assert found["dicom_echo_outcome"] == {MONITOR | labels(outcome="success"): 1}


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SUCCESS])
def test_echo_failure_has_one_series_with_its_outcome(outcome: Outcome) -> None:
    found = shown(SessionResult("monitor", EchoResult(outcome)))
    assert found["dicom_echo_success"] == {MONITOR: 0}
    assert found["dicom_echo_outcome"] == {MONITOR | labels(outcome=outcome): 1}


def test_session_without_facts_has_no_series() -> None:
    assert shown(NOTHING).keys() == {"dicom_target_info"}


def test_phases_reached_have_seconds() -> None:
    assert shown(FULL)["dicom_phase_duration_seconds"] == {
        MONITOR | labels(phase="connect"): 0.25,
        MONITOR | labels(phase="tls"): 0.5,
        MONITOR | labels(phase="associate"): 0.125,
    }


def test_probe_duration_timeout_and_last_run_are_shown() -> None:
    found = shown(FULL)
    assert found["dicom_probe_duration_seconds"] == {MONITOR: 1.5}
    assert found["dicom_probe_timeout_seconds"] == {MONITOR: 9.5}
    assert found["dicom_probe_last_run_timestamp_seconds"] == {MONITOR: 1_600_000_000}


def test_addresses_of_a_name_are_counted_where_there_are_several() -> None:
    found = shown(FULL)
    assert found["dicom_target_addresses"] == {MONITOR: 3}
    assert found["dicom_target_addresses_failed"] == {MONITOR: 1}


def test_rejection_codes_are_labels() -> None:
    found = shown(STRANGER_REJECTED)
    key = labels(
        identity="stranger",
        result="rejected-permanent",
        source="service-user",
        reason="calling-ae-title-not-recognized",
    )
    assert found["dicom_association_rejected_info"] == {key: 1}
    assert "dicom_association_rejected_info" not in shown(FULL)


def test_services_accepted_are_1_and_refused_0() -> None:
    assert shown(FULL)["dicom_service_accepted"] == {
        MONITOR | labels(sop_class="verification", service="verification"): 1,
        MONITOR | labels(sop_class="study_find", service="study_find"): 0,
        MONITOR | labels(sop_class="EnhancedCTImageStorage", service="EnhancedCTImageStorage"): 1,
    }


def test_peer_identification_is_labels() -> None:
    found = shown(FULL)
    key = MONITOR | labels(
        implementation_class_uid="1.2.276.0.7230010.3.0.3.6.7",
        implementation_version="OFFIS_DCMTK_367",
        product="DCMTK",
    )
    assert found["dicom_peer_info"] == {key: 1}
    assert found["dicom_peer_max_pdu_bytes"] == {MONITOR: 16384}


def test_peer_without_pdu_limit_is_zero() -> None:
    assert shown(replace(FULL, peer=replace(CONQUEST, max_pdu_bytes=0)))["dicom_peer_max_pdu_bytes"] == {MONITOR: 0}


def test_tls_facts_are_shown() -> None:
    found = shown(FULL)
    assert found["dicom_tls_info"] == {MONITOR | labels(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384"): 1}
    assert found["dicom_tls_certificate_expiry_timestamp_seconds"] == {MONITOR: 1_800_000_000}
    assert found["dicom_tls_certificate_trusted"] == {MONITOR: 1}
    assert found["dicom_tls_client_certificate_required"] == {MONITOR: 0}


def test_tls_chain_expiry_and_failure_are_shown() -> None:
    found = shown(FULL)
    assert found["dicom_tls_chain_expiry_timestamp_seconds"] == {MONITOR: 1_700_000_000}
    assert found["dicom_tls_failure"] == {MONITOR | labels(reason="other"): 1}
    assert found["dicomweb_tls_failure"] == {MONITOR | labels(reason="other"): 1}


def test_tls_failure_of_a_stranger_has_no_series() -> None:
    failed = TLSFacts(failure=TLSFailure.CIPHER)
    found = shown(
        replace(NOTHING, stranger=StrangerResult(), tls=failed, dicomweb=WebResult(WebAnswer.NOT_HTTP, tls=failed))
    )
    assert not found.keys() & {"dicom_tls_failure", "dicomweb_tls_failure"}


def test_tls_unknown_facts_have_no_series() -> None:
    found = shown(replace(NOTHING, tls=TLSFacts("TLSv1.2", "X")))
    assert found.keys() == {"dicom_target_info", "dicom_tls_info"}


def test_tls_failed_handshake_has_no_version() -> None:
    found = shown(replace(NOTHING, tls=TLSFacts(client_certificate_required=True)))
    assert found.keys() == {"dicom_target_info", "dicom_tls_client_certificate_required"}


def test_advisory_proved_by_version_is_1() -> None:
    found = shown(replace(NOTHING, peer=CONQUEST))["dicom_peer_advisory"]
    assert found == {MONITOR | labels(id="CVE-2020-35308"): 1}
    assert "dicom_peer_advisory" not in shown(FULL)


@pytest.mark.parametrize("echo", [None, EchoResult(Outcome.FAILURE_STATUS)])
@pytest.mark.parametrize("outcome", Outcome)
def test_association_outcome_is_one_series_with_and_without_echo(outcome: Outcome, echo: EchoResult | None) -> None:
    found = shown(SessionResult("monitor", echo, association=outcome))
    assert found["dicom_association_outcome"] == {MONITOR | labels(outcome=outcome.value): 1}


def test_peer_info_has_what_orthanc_says_over_http() -> None:
    """Beside what it says over DICOM, and once for several pages."""
    page = WebResult(WebAnswer.DENIED, version=SafeText("1.12.10"))
    found = shown(replace(FULL, web=(page, page, WebResult(WebAnswer.OTHER))))
    key = MONITOR | labels(product="Orthanc", implementation_version="1.12.10", implementation_class_uid="")
    assert found["dicom_peer_info"][key] == 1
    assert len(found["dicom_peer_info"]) == 2
    assert MONITOR | labels(id="CVE-2026-5440") in found["dicom_peer_advisory"]
