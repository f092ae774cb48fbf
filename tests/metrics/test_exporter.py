"""Series of the exporter itself."""

from __future__ import annotations

from dicom_exporter.metrics import exporter_families
from tests.builders import FACTS
from tests.metrics.samples import labels, values


def test_exporter_facts_fill_all_series() -> None:
    found = values(exporter_families(FACTS))
    assert found == {
        "dicom_exporter_build_info": {labels(version="1.2.3", python_version="3.11.2"): 1},
        "dicom_exporter_config_last_reload_successful": {labels(): 0},
        "dicom_exporter_config_last_reload_success_timestamp_seconds": {labels(): 1_700_000_000},
        "dicom_exporter_config_reloads_total": {labels(result="success"): 8, labels(result="failure"): 1},
        "dicom_exporter_credential_file_stale": {
            labels(identity="monitor", key="http.bearer_token_file"): 1,
            labels(identity="monitor", key="tls.ca_file"): 0,
        },
        "dicom_exporter_probes_in_flight": {labels(): 3},
        "dicom_exporter_probes_total": {labels(outcome="success"): 9},
        "dicom_exporter_unknown_target_requests_total": {labels(): 4},
        "dicom_exporter_denied_target_requests_total": {labels(): 7},
        "dicom_exporter_requests_in_flight": {labels(): 5},
        "dicom_exporter_http_requests_total": {labels(code="200"): 11, labels(code="404"): 2},
        "dicom_exporter_requests_refused_total": {labels(reason="requests"): 6, labels(reason="scrapes"): 0},
        "dicom_exporter_bad_requests_total": {labels(reason="method"): 7, labels(reason="tls"): 0},
    }
