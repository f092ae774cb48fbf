"""Every query parses as Prometheus parses it, and names only metrics and labels that the product has."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import yaml

from dicom_exporter.enums import Outcome
from dicom_exporter.metrics.exporter import EXPORTER_FAMILIES
from dicom_exporter.metrics.queries import QUERY_FAMILIES
from dicom_exporter.metrics.targets import EXPOSURE_FAMILIES, FLOW_FAMILIES, SESSION_FAMILIES, TARGET_FAMILIES
from tests.grafana.dashboards import DASHBOARDS, all_queries, filled, selectors, variables
from tests.testing.peers.requirements import program
from tests.testing.rules import rules

_TABLES = (TARGET_FAMILIES, SESSION_FAMILIES, QUERY_FAMILIES, EXPOSURE_FAMILIES, FLOW_FAMILIES)
OF_TARGETS = {family.name for table in _TABLES for family in table}
OF_THE_EXPORTER = {family.name for family in EXPORTER_FAMILIES}
PROMETHEUS_OWN = {"ALERTS", "ALERTS_FOR_STATE", "up", "scrape_duration_seconds"}


@pytest.mark.integration
def test_queries_pass_promtool(tmp_path: Path) -> None:
    rules = [
        {"record": f"dashboard:{number}", "expr": filled(query)} for number, (*_, query) in enumerate(all_queries())
    ]
    file = tmp_path / "queries.yml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": rules}]}))
    done = subprocess.run(
        [program("promtool", "prometheus"), "check", "rules", str(file)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_queries_metrics_exist() -> None:
    named = {selector.name for *_, query in all_queries() for selector in selectors(query)}
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert named - OF_TARGETS - OF_THE_EXPORTER - PROMETHEUS_OWN - recorded == set()


def test_metrics_are_each_in_a_panel() -> None:
    """Each metric of targets is in a dashboard, also as a recorded one, or is listed here with the reason why not."""
    named = {selector.name for *_, query in all_queries() for selector in selectors(query)}
    named |= {selector.name for rule in rules() if "record" in rule for selector in selectors(rule["expr"])}
    assert OF_TARGETS - named == {
        "dicom_probe_last_run_timestamp_seconds",  # the age of queries is shown
        "dicom_target_addresses",  # for a rule or a query of one's own: few names have several
        "dicom_target_addresses_failed",
        "dicom_images_complete",  # the count of studies beside it says whether it is complete
        "dicom_tls_chain_expiry_timestamp_seconds",  # the expiry that counts is shown
        "dicomweb_tls_chain_expiry_timestamp_seconds",
        "dicom_tls_certificate_signature_info",  # for a rule of one's own: the profiles beside it judge it
        "dicom_tls_profile_required",  # the alert that reads it names the profile
        "dicom_tls_failure",  # the outcome is shown, and the runbook names this
        "dicomweb_tls_failure",
        "dicom_query_success",  # the outcome says more
        "dicom_store_success",  # without a stored image no bandwidth is shown, and there is an alert
        "dicom_worklist_items_visible",  # the query `worklist` is shown like all others
    }


def test_queries_selected_outcomes_exist() -> None:
    known = {outcome.value for outcome in Outcome}
    chosen = {
        value
        for *_, query in all_queries()
        for selector in selectors(query)
        if selector.name == "dicom_echo_outcome"
        for matcher in selector.matchers.matchers
        if matcher.name == "outcome"
        for value in matcher.value.split("|")
    }
    assert chosen == known


@pytest.mark.parametrize("name", DASHBOARDS)
def test_variables_are_used_and_declared(name: str) -> None:
    text = str(DASHBOARDS[name]["panels"]) + str([v.get("query") for v in variables(DASHBOARDS[name]).values()])
    used = {variable for variable in variables(DASHBOARDS[name]) if f"${variable}" in text or f"${{{variable}" in text}
    assert used == set(variables(DASHBOARDS[name]))
