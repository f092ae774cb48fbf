"""The shipped rules and routes, with only their durations shortened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.demo_stack.settings import RULES, alertmanager_config, faster, write_rules

SHIPPED = {file.name: yaml.safe_load(file.read_text()) for file in RULES.glob("*.yml")}


def without_times(document: Any) -> Any:
    """A rule file without its `for`."""
    return [{key: value for key, value in rule.items() if key != "for"} for rule in document["groups"][0]["rules"]]


def test_settings_change_only_times_and_addresses(tmp_path: Path) -> None:
    write_rules(tmp_path / "rules", 20, "http://127.0.0.1:1")
    written = {file.name: file.read_text() for file in (tmp_path / "rules").iterdir()}
    assert written.keys() == SHIPPED.keys()
    for name, text in written.items():
        assert "localhost:10104" not in text
        back = yaml.safe_load(text.replace("http://127.0.0.1:1", "http://localhost:10104"))
        assert without_times(back) == without_times(SHIPPED[name])


def test_faster_shortens_every_time() -> None:
    for file in RULES.glob("*.yml"):
        rules = yaml.safe_load(faster(file.read_text(), 20))["groups"][0]["rules"]
        alerts = {rule["alert"]: rule["for"] for rule in rules if "alert" in rule}
        assert {name for name, wait in alerts.items() if not wait.endswith("s")} <= {"DicomExporterAbsent"}


def test_faster_absent_alert_waits_for_first_scrape() -> None:
    """The first scrape of three hundred targets takes longer than a twentieth of the alert's wait."""
    (rule,) = [rule for rule in _rules(faster((RULES / "exporter.yml").read_text(), 20)) if "Absent" in rule["alert"]]
    assert rule["for"] == "5m"


def _rules(text: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load(text)["groups"][0]["rules"])


@pytest.mark.parametrize(
    ("shipped", "times", "short"), [("1m", 20, "3s"), ("1h", 20, "180s"), ("5s", 20, "1s"), ("1d", 60, "1440s")]
)
def test_faster_divides_durations(shipped: str, times: int, short: str) -> None:
    assert faster(f"  for: {shipped}\n  expr: x[5m]\n", times) == f"  for: {short}\n  expr: x[5m]\n"


def test_alertmanager_config_sends_all_to_our_receiver_at_once() -> None:
    text = alertmanager_config({"http://pager.hospital.example/north": "http://a", "http://": "http://b"}, "2s")
    config = json.loads(text)
    urls = {
        receiver["name"]: [hook["url"] for hook in receiver.get("webhook_configs", ())]
        for receiver in config["receivers"]
    }
    assert urls == {
        "pager": ["http://b"],
        "pager-north": ["http://a"],
        "tickets": ["http://b"],
        "tickets-north": ["http://b"],
        "shown": [],
    }
    waits = [value for key, value in _pairs(config["route"]) if key in ("group_wait", "group_interval")]
    assert set(waits) == {"2s"}
    assert len(waits) >= 4


def test_alertmanager_config_unknown_receiver_is_an_error() -> None:
    with pytest.raises(ValueError, match="tickets"):
        alertmanager_config({"http://pager": "http://a"})


def _pairs(value: Any) -> list[tuple[str, Any]]:
    if isinstance(value, list):
        return [pair for each in value for pair in _pairs(each)]
    if isinstance(value, dict):
        return [pair for key, each in value.items() for pair in ((key, each), *_pairs(each))]
    return []
