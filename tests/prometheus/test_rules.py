"""The rules are valid, each alert is tested and says what to do, and they name nothing that does not exist."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from datetime import timedelta
from functools import cache
from pathlib import Path

import pytest
import yaml

from dicom_exporter.config import Address, Target
from dicom_exporter.enums import Outcome, QueryOutcome, UnknownReason
from dicom_exporter.metrics.exporter import EXPORTER_FAMILIES
from dicom_exporter.metrics.queries import QUERY_FAMILIES
from dicom_exporter.metrics.targets import EXPOSURE_FAMILIES, FLOW_FAMILIES, SESSION_FAMILIES, TARGET_FAMILIES
from dicom_exporter.results import EchoResult, SessionResult
from dicom_exporter.verdict.findings import BADNESS, assess
from tests.grafana.dashboards import all_queries
from tests.testing.peers.requirements import program
from tests.testing.rules import RULE_FILES, RULE_TESTS, alerts, rules

TABLES = (TARGET_FAMILIES, SESSION_FAMILIES, QUERY_FAMILIES, EXPOSURE_FAMILIES, FLOW_FAMILIES, EXPORTER_FAMILIES)
METRICS = {family.name for table in TABLES for family in table} | {"up"}
ALERTS = sorted(alerts())
BASE = "http://localhost:10104/runbooks/"
"""The exporter itself serves them there: a hospital without internet has them, too."""


def promtool(*arguments: str) -> str:
    """What `promtool` says; the test fails if it is not content."""
    done = subprocess.run(
        [program("promtool", "prometheus"), *arguments], capture_output=True, text=True, timeout=300, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    return said


@pytest.mark.integration
def test_rules_pass_promtool_check() -> None:
    promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, RULE_FILES))


@pytest.mark.integration
@pytest.mark.parametrize("file", RULE_TESTS, ids=lambda file: file.stem)
def test_rules_pass_their_promtool_tests(file: Path) -> None:
    promtool("test", "rules", str(file))


def seconds(text: str) -> float:
    """A duration of Prometheus'."""
    units = {"w": "weeks", "d": "days", "h": "hours", "m": "minutes", "s": "seconds"}
    parts = re.findall(r"(\d+)([wdhms])", text)
    return sum(timedelta(**{units[unit]: int(number)}).total_seconds() for number, unit in parts)


@cache
def looks_of_tests() -> dict[str, list[list[bool]]]:
    """Alert -> for each test that looks at it, whether it fires, at each of the times that are looked at."""
    found = defaultdict(list)
    for file in RULE_TESTS:
        for test in yaml.safe_load(file.read_text())["tests"]:
            looks = defaultdict(list)
            for look in sorted(test["alert_rule_test"], key=lambda look: seconds(look["eval_time"])):
                looks[look["alertname"]].append(bool(look["exp_alerts"]))
            for alert, fires in looks.items():
                found[alert].append(fires)
    return found


@pytest.mark.parametrize("alert", ALERTS)
def test_alerts_each_have_tests_of_pending_firing_and_resolved(alert: str) -> None:
    """In one test: not when all is well, not yet when it has begun, then it fires, and at last it does not."""
    assert any(
        fires[:2] == [False, False] and True in fires and not fires[-1] and sum(fires) > 0
        for fires in looks_of_tests()[alert]
    ), f"{alert} has no test that looks before, within `for`, after that, and after the end"


def test_alerts_in_promtool_tests_exist() -> None:
    assert set(looks_of_tests()) <= set(ALERTS)


@pytest.mark.parametrize("alert", ALERTS)
def test_alerts_have_severity_summary_and_runbook(alert: str) -> None:
    rule = alerts()[alert]
    assert re.fullmatch(r"Dicom[A-Za-z]+", alert)
    assert rule["labels"].keys() - {"condition"} == {"severity"}
    assert rule["labels"].get("condition") in (None, "EXPOSED", "DOWN")
    assert ("condition" in rule["labels"]) == ("subject" in rule["annotations"])
    assert rule["labels"]["severity"] in ("critical", "warning", "info")
    assert seconds(rule["for"]) > 0
    assert (
        {"summary", "description", "runbook_url"}
        <= rule["annotations"].keys()
        <= {
            "summary",
            "description",
            "runbook_url",
            "level",
            "subject",
        }
    )
    assert rule["annotations"]["runbook_url"] == BASE + alert
    assert "\n" not in rule["annotations"]["summary"]


def test_rules_names_are_unique() -> None:
    names = [rule.get("alert") or rule["record"] for rule in rules()]
    assert len(names) == len(set(names))


def named(expression: str) -> set[str]:
    """Metrics of ours that an expression names."""
    return set(re.findall(r"\b(?:dicom(?:web)?_\w+|dicom:[\w:]+|up)\b", re.sub(r'"[^"]*"', '""', expression)))


def test_rules_metrics_exist() -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    expressions = [rule["expr"] for rule in rules()]
    templates = [text for rule in alerts().values() for text in rule["annotations"].values()]
    asked = {name for text in templates for name in re.findall(r"\b(dicom(?:web)?[_:][\w:]+)\{", text)}
    assert {name for text in expressions for name in named(text)} | asked <= METRICS | recorded
    shown = {name for *_, query in all_queries() for name in named(query)}
    assert recorded <= {name for text in expressions for name in named(text)} | shown  # none is recorded for nobody


def outcomes_of(alert: str, metric: str) -> list[str]:
    """The outcomes of `metric` that `alert` selects, sorted."""
    found = re.findall(metric + r'\{[^}]*outcome=~?"([a-z_|]+)"', alerts()[alert]["expr"])
    return sorted(outcome for outcomes in found for outcome in outcomes.split("|"))


@pytest.mark.parametrize("has_echo", [True, False])
def test_rules_alert_by_outcome_as_the_findings_do(has_echo: bool) -> None:
    """Each outcome other than success is down, refuses us, busy or unknown, by one alert: the one of its finding."""
    names = ("DicomTargetDown", "DicomTargetRefusesUs", "DicomTargetBusy", "DicomTargetUnknown")
    expected: dict[str, list[str]] = {name: [] for name in names}
    for outcome in set(Outcome) - {Outcome.SUCCESS}:
        echo = EchoResult(outcome) if has_echo else None
        session = SessionResult("monitor", echo, association=outcome)
        _, (finding,) = assess(Target("main", Address("pacs.example", 104)), (session,))
        assert finding.alert is not None
        expected[finding.alert].append(outcome.value)
    # While it fires: a probe that cannot tell does not end it.
    expected["DicomTargetDown"] += ["overload", "proxy_failure"]
    chosen = {name: outcomes_of(name, "dicom:association_outcome:last") for name in names}
    assert chosen == {name: sorted(of) for name, of in expected.items()}


@pytest.mark.parametrize("has_echo", [True, False])
def test_rules_recorded_state_is_the_badness_of_the_finding(has_echo: bool) -> None:
    (rule,) = (rule for rule in rules() if rule.get("record") == "dicom:state")
    numbers = re.findall(r'(\d) \* dicom:association_outcome:last\{outcome=~?"([a-z_|]+)"', rule["expr"])
    recorded = {outcome: int(number) for number, outcomes in numbers for outcome in outcomes.split("|")}
    expected = {}
    for outcome in Outcome:
        echo = EchoResult(outcome) if has_echo else None
        session = SessionResult("monitor", echo, association=outcome)
        _, findings = assess(Target("main", Address("pacs.example", 104)), (session,))
        expected[outcome.value] = BADNESS[findings[0].kind] if findings else 0
    assert recorded == expected


def test_rules_query_failing_selects_every_failure() -> None:
    """Except our own overload, which the outcome of the association reports."""
    failures = [each.value for each in QueryOutcome if not each.is_success and each is not QueryOutcome.OVERLOAD]
    assert outcomes_of("DicomQueryFailing", "dicom:query_outcome:last") == sorted(failures)


def test_rules_exposure_unknown_has_words_for_every_reason() -> None:
    description = alerts()["DicomExposureUnknown"]["annotations"]["description"]
    assert re.findall(r'eq \. "(\w+)"', description) == [reason.value for reason in UnknownReason]
