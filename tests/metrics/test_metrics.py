"""What each fact looks like to Prometheus, and that what is not known is not shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dicom_exporter.metrics import exporter_families, families, flow_families
from dicom_exporter.results import (
    EchoResult,
    Flow,
    Outcome,
    QueryOutcome,
    QueryResult,
    SessionResult,
    StoreResult,
    TLSFacts,
)
from tests.metrics.results import CONQUEST, FACTS, FULL, REJECTED, STUDIES, TARGET, labels, record, shown, values

MONITOR = labels(identity="monitor")
NOTHING = SessionResult("monitor", None)


def query(result: QueryResult, name: str = "studies") -> SessionResult:
    return SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0), {name: result})


def test_a_target_is_shown_with_its_labels() -> None:
    key = labels(address="pacs.example:104", called_ae_title="PACS", expect="guarded", site="north", country="DE")
    assert shown()["dicom_target_info"] == {key: 1}


def test_user_labels_stand_on_the_target_alone() -> None:
    for name, series in shown(FULL, REJECTED).items():
        if name != "dicom_target_info":
            assert not any(label in ("site", "country") for key in series for label, _ in key)


def test_the_targets_own_facts_win_over_user_labels() -> None:
    target = replace(TARGET, labels={"expect": "closed"})
    (key,) = shown(target=target)["dicom_target_info"]
    assert dict(key)["expect"] == "guarded"


def test_every_series_carries_its_target_on_metrics_and_none_on_probe() -> None:
    on_metrics = shown(FULL, REJECTED, target_label=True)
    on_probe = shown(FULL, REJECTED)
    assert on_metrics.keys() == on_probe.keys()
    for name, series in on_probe.items():
        assert {key | labels(target="main") for key in series} == set(on_metrics[name])


def test_an_echo_that_succeeded() -> None:
    found = shown(FULL)
    assert found["dicom_echo_success"] == {MONITOR: 1}
    current = [dict(key)["outcome"] for key, value in found["dicom_echo_outcome"].items() if value]
    assert current == ["success"]


@pytest.mark.parametrize("outcome", set(Outcome) - {Outcome.SUCCESS})
def test_an_echo_that_did_not(outcome: Outcome) -> None:
    found = shown(SessionResult("monitor", EchoResult(outcome)))
    assert found["dicom_echo_success"] == {MONITOR: 0}
    assert {dict(key)["outcome"]: value for key, value in found["dicom_echo_outcome"].items()} == {
        each.value: each is outcome for each in Outcome
    }


@pytest.mark.parametrize("echo", [None, EchoResult(Outcome.FAILURE_STATUS)])
@pytest.mark.parametrize("outcome", Outcome)
def test_association_outcome_is_one_series_with_and_without_echo(outcome: Outcome, echo: EchoResult | None) -> None:
    found = shown(SessionResult("monitor", echo, association=outcome))
    assert found["dicom_association_outcome"] == {MONITOR | labels(outcome=outcome.value): 1}


def test_what_was_not_established_is_not_there() -> None:
    assert shown(NOTHING).keys() == {"dicom_target_info"}


def test_phases_that_were_reached() -> None:
    assert shown(FULL)["dicom_phase_duration_seconds"] == {
        MONITOR | labels(phase="connect"): 0.25,
        MONITOR | labels(phase="tls"): 0.5,
        MONITOR | labels(phase="associate"): 0.125,
    }


def test_the_whole_probe() -> None:
    found = shown(FULL)
    assert found["dicom_probe_duration_seconds"] == {MONITOR: 1.5}
    assert found["dicom_probe_timeout_seconds"] == {MONITOR: 9.5}
    assert found["dicom_probe_last_run_timestamp_seconds"] == {MONITOR: 1_600_000_000}


def test_a_rejection() -> None:
    found = shown(REJECTED)
    key = labels(
        identity="stranger",
        result="rejected-permanent",
        source="service-user",
        reason="calling-ae-title-not-recognized",
    )
    assert found["dicom_association_rejected_info"] == {key: 1}
    assert "dicom_association_rejected_info" not in shown(FULL)


def test_the_services_of_an_association() -> None:
    assert shown(FULL)["dicom_service_accepted"] == {
        MONITOR | labels(service="verification"): 1,
        MONITOR | labels(service="study_find"): 0,
    }


def test_the_peer() -> None:
    found = shown(FULL)
    key = MONITOR | labels(
        implementation_class_uid="1.2.276.0.7230010.3.0.3.6.7",
        implementation_version="OFFIS_DCMTK_367",
        product="DCMTK",
    )
    assert found["dicom_peer_info"] == {key: 1}
    assert found["dicom_peer_max_pdu_bytes"] == {MONITOR: 16384}


def test_a_peer_without_a_limit_says_zero() -> None:
    assert shown(replace(FULL, peer=replace(CONQUEST, max_pdu_bytes=0)))["dicom_peer_max_pdu_bytes"] == {MONITOR: 0}


def test_tls() -> None:
    found = shown(FULL)
    assert found["dicom_tls_info"] == {MONITOR | labels(version="TLSv1.3", cipher="TLS_AES_256_GCM_SHA384"): 1}
    assert found["dicom_tls_certificate_expiry_timestamp_seconds"] == {MONITOR: 1_800_000_000}
    assert found["dicom_tls_certificate_trusted"] == {MONITOR: 1}
    assert found["dicom_tls_client_certificate_required"] == {MONITOR: 0}


def test_tls_facts_that_are_not_known() -> None:
    found = shown(replace(NOTHING, tls=TLSFacts("TLSv1.2", "X")))
    assert found.keys() == {"dicom_target_info", "dicom_tls_info"}


def test_a_handshake_that_failed_has_no_version() -> None:
    found = shown(replace(NOTHING, tls=TLSFacts(client_certificate_required=True)))
    assert found.keys() == {"dicom_target_info", "dicom_tls_client_certificate_required"}


def test_what_is_visible() -> None:
    found = shown(FULL)
    assert found["dicom_studies_visible"] == {MONITOR: 50}
    assert found["dicom_images_visible"] == {MONITOR: 1234}
    assert found["dicom_patients_visible"] == {MONITOR: 7}
    assert found["dicom_worklist_items_visible"] == {MONITOR: 0}


@pytest.mark.parametrize("outcome", [outcome for outcome in QueryOutcome if not outcome.is_success])
def test_nothing_is_called_visible_by_a_query_that_failed(outcome: QueryOutcome) -> None:
    found = shown(query(QueryResult(outcome, matches=3, complete=False, instances=5)))
    assert not any(name.endswith("_visible") for name in found)
    assert found["dicom_query_matches"] == {MONITOR | labels(query="studies"): 3}


def test_images_are_not_known_where_the_archive_does_not_say() -> None:
    found = shown(query(replace(STUDIES, instances=None)))
    assert "dicom_studies_visible" in found
    assert "dicom_images_visible" not in found


def test_a_query_of_another_name_is_no_count_of_studies() -> None:
    found = shown(query(STUDIES, "today"))
    assert not any(name.endswith("_visible") for name in found)


def test_a_query() -> None:
    found = shown(query(STUDIES))
    key = MONITOR | labels(query="studies")
    assert found["dicom_query_success"] == {key: 1}
    assert found["dicom_query_matches"] == {key: 50}
    assert found["dicom_query_complete"] == {key: 0}
    assert found["dicom_query_duration_seconds"] == {key: 0.5}
    assert found["dicom_query_first_match_seconds"] == {key: 0.125}
    assert found["dicom_query_match_interval_mean_seconds"] == {key: 0.0625}
    assert found["dicom_query_match_interval_max_seconds"] == {key: 0.25}
    assert found["dicom_query_last_run_timestamp_seconds"] == {key: 1_700_000_000}
    assert found["dicom_query_matches_by"] == {
        key | labels(attribute="ModalitiesInStudy", value="CT"): 30,
        key | labels(attribute="ModalitiesInStudy", value="MR"): 20,
    }


@pytest.mark.parametrize("outcome", QueryOutcome)
def test_the_end_of_a_query(outcome: QueryOutcome) -> None:
    found = shown(query(QueryResult(outcome)))
    assert {dict(key)["outcome"]: value for key, value in found["dicom_query_outcome"].items()} == {
        each.value: each is outcome for each in QueryOutcome
    }
    assert found["dicom_query_success"] == {MONITOR | labels(query="studies"): outcome.is_success}
    assert "dicom_query_matches" not in found
    assert "dicom_query_complete" not in found


def test_many_targets_are_told_apart() -> None:
    targets = [replace(TARGET, name=name) for name in ("one", "two")]
    found = values(families([record(FULL, target=target) for target in targets], target_label=True))
    assert found["dicom_studies_visible"] == {
        MONITOR | labels(target="one"): 50,
        MONITOR | labels(target="two"): 50,
    }


def test_no_targets_no_families() -> None:
    assert list(families([], target_label=True)) == []


def test_a_store() -> None:
    found = shown(FULL)
    assert found["dicom_store_success"] == {MONITOR: 1}
    assert found["dicom_store_bytes"] == {MONITOR: 5_242_880}
    assert found["dicom_store_duration_seconds"] == {MONITOR: 0.75}


def test_a_store_that_was_refused_took_nothing() -> None:
    found = shown(replace(NOTHING, store=StoreResult(success=False)))
    assert found["dicom_store_success"] == {MONITOR: 0}
    assert found.keys() == {"dicom_target_info", "dicom_store_success"}


def test_an_advisory_that_the_peers_words_prove() -> None:
    found = shown(replace(NOTHING, peer=CONQUEST))["dicom_peer_advisory"]
    assert found == {MONITOR | labels(id="CVE-2020-35308"): 1}
    assert "dicom_peer_advisory" not in shown(FULL)


def test_two_targets_compared() -> None:
    found = values(flow_families([Flow("main", "copy", 3), Flow("copy", "main", 0)]))
    assert found == {
        "dicom_flow_missing_studies": {
            labels(source="main", destination="copy"): 3,
            labels(source="copy", destination="main"): 0,
        }
    }
    assert list(flow_families([])) == []


def test_the_exporter_itself() -> None:
    found = values(exporter_families(FACTS))
    assert found == {
        "dicom_exporter_build_info": {labels(version="1.2.3", python_version="3.11.2"): 1},
        "dicom_exporter_config_last_reload_successful": {labels(): 0},
        "dicom_exporter_config_last_reload_success_timestamp_seconds": {labels(): 1_700_000_000},
        "dicom_exporter_probes_in_flight": {labels(): 3},
        "dicom_exporter_unknown_target_requests_total": {labels(): 4},
        "dicom_exporter_denied_target_requests_total": {labels(): 7},
        "dicom_exporter_requests_in_flight": {labels(): 5},
        "dicom_exporter_requests_refused_total": {labels(reason="requests"): 6, labels(reason="scrapes"): 0},
    }
