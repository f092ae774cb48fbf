"""The example configurations of Prometheus in `prometheus/`, for tests: another address, and faster."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

DIRECTORY = Path(__file__).parents[2] / "prometheus"


def example(name: str, addresses: Mapping[str, str], interval: str = "1s") -> dict[str, Any]:
    """The example `name` at other addresses, each job once in `interval`, without rules and Alertmanager."""
    text = (DIRECTORY / name).read_text()
    for there, here in addresses.items():
        assert there in text, there
        text = text.replace(there, here)
    config: dict[str, Any] = yaml.safe_load(text)
    for job in config["scrape_configs"]:
        job |= {"scrape_interval": interval, "scrape_timeout": interval}
        for discovery in job.get("http_sd_configs", []):
            discovery["refresh_interval"] = interval
    return {key: value for key, value in config.items() if key not in ("rule_files", "alerting")}
