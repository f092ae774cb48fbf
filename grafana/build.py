"""Write the dashboards for your own labels: `python -m grafana.build --labels=hospital,region --output=dashboards`.

Without options it writes those for `site` and `country` into `dashboards/`: a test compares these files.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextvars import copy_context
from pathlib import Path
from typing import Any

from grafana.source.exposure import exposure
from grafana.source.fleet import fleet
from grafana.source.queries import LABELS
from grafana.source.target import target
from prometheus.build import LABELS as DEFAULT
from prometheus.build import parse_labels

DIRECTORY = Path(__file__).parent / "dashboards"


def built(labels: Sequence[str] = DEFAULT) -> dict[str, dict[str, Any]]:
    """Name of the file -> dashboard, for targets that have these `labels`, one or more."""

    def build() -> dict[str, dict[str, Any]]:
        LABELS.set(tuple(labels))
        return {"fleet.json": fleet(), "exposure.json": exposure(), "target.json": target()}

    return copy_context().run(build)


def as_text(dashboard: dict[str, Any]) -> str:
    """The contents of the file."""
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _labels(text: str) -> list[str]:
    labels = parse_labels(text)
    if not labels or set(labels) & {"datasource", "exporter"}:  # these are variables of the dashboards
        raise argparse.ArgumentTypeError("takes one label or more, and none is datasource or exporter")
    return labels


def main(arguments: Sequence[str] | None = None) -> None:
    """Write all of them."""
    parser = argparse.ArgumentParser(
        prog="python -m grafana.build", description="Write the dashboards for your labels."
    )
    parser.add_argument(
        "--labels",
        type=_labels,
        default=list(DEFAULT),
        help="labels of your targets to choose and to group by, comma-separated, each further one a group of those "
        "before it (default: site,country)",
    )
    parser.add_argument("--output", type=Path, default=DIRECTORY, metavar="DIRECTORY", help="where the files go")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    for name, dashboard in built(options.labels).items():
        (options.output / name).write_text(as_text(dashboard), encoding="utf-8")


if __name__ == "__main__":
    main()
