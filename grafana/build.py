"""Write the dashboards: `python -m grafana.build`. A test holds the files in `dashboards/` against this."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from grafana.source.exposure import exposure
from grafana.source.fleet import fleet
from grafana.source.target import target

DIRECTORY = Path(__file__).parent / "dashboards"


def built() -> dict[str, dict[str, Any]]:
    """Name of the file -> dashboard."""
    return {"fleet.json": fleet(), "exposure.json": exposure(), "target.json": target()}


def as_text(dashboard: dict[str, Any]) -> str:
    """The contents of the file."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write all of them."""
    for name, dashboard in built().items():
        (DIRECTORY / name).write_text(as_text(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
