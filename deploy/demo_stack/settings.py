"""The shipped rules and routes with shorter waits: only durations and addresses are changed."""

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
"""The URL of the exporter in the shipped rules."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_ALERT = re.compile(r"\s*- alert: (\w+)$")
_FOR = re.compile(r"(\s*for:\s*)(\d+)([smhdw])$")
_NOT_FASTER = {"DicomExporterAbsent"}
"""Alerts that keep their wait: the first scrape of hundreds of targets takes longer than a shortened one."""


def write_rules(directory: Path, times_faster: int, exporter_url: str) -> None:
    """Copy the shipped rules into `directory`, with shorter waits and the runbooks at `exporter_url`."""
    directory.mkdir()
    for file in RULES.glob("*.yml"):
        (directory / file.name).write_text(faster(file.read_text(), times_faster).replace(RUNBOOKS, exporter_url))


def faster(rules: str, times: int) -> str:
    """The text of a rule file with every `for` divided by `times`, in whole seconds and at least one.

    Alerts in `_NOT_FASTER` keep theirs.
    """
    lines, alert = [], ""
    for line in rules.splitlines(keepends=True):
        if (match := _ALERT.match(line)) is not None:
            alert = match[1]
        wait = _FOR.match(line)
        if wait is not None and alert not in _NOT_FASTER:
            line = f"{wait[1]}{max(1, int(wait[2]) * _UNITS[wait[3]] // times)}s\n"
        lines.append(line)
    return "".join(lines)


def prometheus_config(
    jobs: list[Mapping[str, Any]], alertmanager: str, rules: str, *, scrape: str, evaluation: str
) -> str:
    """The text of a prometheus.yml. `alertmanager` is `host:port`, `rules` a file pattern; the others are intervals."""
    return json.dumps(
        {
            "global": {"scrape_interval": scrape, "scrape_timeout": scrape, "evaluation_interval": evaluation},
            "rule_files": [rules],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager]}]}]},
            "scrape_configs": jobs,
        }
    )


def alertmanager_config(receivers: Mapping[str, str], wait: str = "1s") -> str:
    """The text of the shipped alertmanager.yml, with `wait` as the wait of every group.

    `receivers` maps the beginning of a receiver's URL to the URL that replaces it.
    """
    config = yaml.safe_load(ALERTMANAGER.read_text())
    _shorten_waits(config["route"], wait)
    for receiver in config["receivers"]:
        for webhook in receiver.get("webhook_configs", ()):
            webhook["url"] = _replaced(webhook["url"], receivers)
    return json.dumps(config)


def _shorten_waits(route: dict[str, Any], wait: str) -> None:
    for key in ("group_wait", "group_interval"):
        if key in route:
            route[key] = wait
    for child in route.get("routes", ()):
        _shorten_waits(child, wait)


def _replaced(url: str, receivers: Mapping[str, str]) -> str:
    for prefix, replacement in receivers.items():
        if url.startswith(prefix):
            return replacement
    raise ValueError(f"no replacement for the URL {url}")
