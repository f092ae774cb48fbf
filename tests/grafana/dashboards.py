"""The dashboards as they are committed, and their parts, for tests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser

DIRECTORY = Path(__file__).parents[2] / "grafana"
FILES = sorted((DIRECTORY / "dashboards").glob("*.json"))
DASHBOARDS: dict[str, dict[str, Any]] = {file.stem: json.loads(file.read_text("utf-8")) for file in FILES}

_GLOBALS = {"__rate_interval": "5m", "__interval": "1m", "__range": "6h"}


def panels(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All panels, also those of closed rows."""
    for panel in dashboard["panels"]:
        yield from panel["panels"] if panel["type"] == "row" else (panel,)


def queried(dashboard: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """The title of the panel, and the query, of all queries."""
    return ((panel["title"], target["expr"]) for panel in panels(dashboard) for target in panel["targets"])


def variables(dashboard: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The variables by name."""
    return {variable["name"]: variable for variable in dashboard["templating"]["list"]}


def all_queries() -> list[tuple[str, str, str]]:
    """Dashboard, panel and query, of all dashboards."""
    return [(name, *pair) for name, dashboard in DASHBOARDS.items() for pair in queried(dashboard)]


def filled(query: str) -> str:
    """A query as Prometheus gets it: each variable is its own name."""

    def value(found: re.Match[str]) -> str:
        name = found[1] or found[2]
        return _GLOBALS.get(name, name)

    return re.sub(r"\$(?:\{(\w+)[^}]*\}|(\w+))", value, query)


def selectors(query: str) -> list[promql_parser.VectorSelector]:
    """All selectors of a query, with its variables unchanged. Raises ValueError if it cannot be parsed."""
    found: list[promql_parser.VectorSelector] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        elif isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    parsed = promql_parser.parse(query.replace("$__range", "6h").replace("$__rate_interval", "5m"))
    promql_parser.walk(parsed, visit)
    return found
