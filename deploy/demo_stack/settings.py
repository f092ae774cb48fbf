"""The rules and routes of this repository with shorter durations: only durations and addresses are changed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
RULES = ROOT / "prometheus" / "rules"
ALERTMANAGER = ROOT / "prometheus" / "alertmanager.yml"
RUNBOOKS = "http://localhost:10104"
"""The address of the exporter in the rules of this repository."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ALERT = re.compile(r"\s*- alert: (\w+)$")
_FOR = re.compile(r"(\s*for:\s*)(\d+)([smhdw])$")
_UNHURRIED = {"DicomExporterAbsent"}
"""Alerts that keep their `for`: the first scrape of hundreds of targets takes longer than the shortened time."""


def write_rules(directory: Path, times_faster: int, exporter_url: str) -> None:
    """Copy the rules into `directory`, with each `for` divided by `times_faster`, and links to `exporter_url`."""
    directory.mkdir()
    for file in RULES.glob("*.yml"):
        (directory / file.name).write_text(faster(file.read_text(), times_faster).replace(RUNBOOKS, exporter_url))


def faster(rules: str, times: int) -> str:
    """The text of a rule file with every `for` divided by `times`, in whole seconds and at least one.

    Alerts in `_UNHURRIED` are not changed.
    """
    lines, alert = [], ""
    for line in rules.splitlines(keepends=True):
        if (begins := _ALERT.match(line)) is not None:
            alert = begins[1]
        waits = _FOR.match(line)
        if waits is not None and alert not in _UNHURRIED:
            line = f"{waits[1]}{max(1, int(waits[2]) * _UNITS[waits[3]] // times)}s\n"
        lines.append(line)
    return "".join(lines)


def prometheus_config(
    jobs: list[Mapping[str, Any]], alertmanager: str, rules: str, *, scrape: str, evaluation: str
) -> str:
    """The text of a prometheus.yml. `alertmanager` is `host:port`, `rules` a file pattern, the others are intervals."""
    return json.dumps(
        {
            "global": {"scrape_interval": scrape, "scrape_timeout": scrape, "evaluation_interval": evaluation},
            "rule_files": [rules],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": jobs,
        }
    )


def alertmanager_config(receivers: Mapping[str, str], wait: str = "1s") -> str:
    """The text of alertmanager.yml, with `wait` as the wait and interval of each group.

    `receivers` maps the start of a receiver's URL to its replacement.
    """
    config = yaml.safe_load(ALERTMANAGER.read_text())
    _hurry(config["route"], wait)
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", ()):
            webhook["url"] = _replaced(webhook["url"], receivers)
    return json.dumps(config)


def _hurry(route: dict[str, Any], wait: str) -> None:
    for key in ("group_wait", "group_interval"):
        if key in route:
            route[key] = wait
    for child in route.get("routes", ()):
        _hurry(child, wait)


def _replaced(url: str, receivers: Mapping[str, str]) -> str:
    for begin, other in receivers.items():
        if url.startswith(begin):
            return other
    raise ValueError(f"no replacement for {url}")
