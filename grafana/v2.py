"""The dashboards in Grafana 13's own schema (dashboard.grafana.app/v2): `python -m grafana.v2 DIRECTORY`.

They are made from the classic files in `dashboards/` as they are now: with your labels and your URL of the exporter.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from grafana.build import DIRECTORY, as_text

API = "dashboard.grafana.app/v2"
_HIDDEN = ("dontHide", "hideLabel", "hideVariable")
_REFRESHED = ("never", "onDashboardLoad", "onTimeRangeChanged")
_SORTED = ("disabled", "alphabeticalAsc", "alphabeticalDesc")
_CURSORS = ("Off", "Crosshair", "Tooltip")
_IN_THEIR_OWN_PLACE = ("datasource", "refId", "hide")
"""Keys of a query that are not of its data source."""


def as_v2(classic: dict[str, Any]) -> dict[str, Any]:
    """A dashboard of the classic schema in the other one; they share nothing."""
    classic = deepcopy(classic)
    panels = [one for each in classic["panels"] for one in (each, *each.get("panels", ())) if one["type"] != "row"]
    return {
        "apiVersion": API,
        "kind": "Dashboard",
        "metadata": {"name": classic["uid"]},
        "spec": {
            **{key: classic[key] for key in ("title", "description", "tags", "editable", "links")},
            "annotations": [_annotation(one) for one in classic["annotations"]["list"]],
            "cursorSync": _CURSORS[classic["graphTooltip"]],
            "preload": False,
            "timeSettings": {
                **classic["time"],
                "timezone": classic["timezone"],
                "autoRefresh": classic["refresh"],
                "autoRefreshIntervals": ["1m", "5m", "15m", "30m", "1h"],
                "hideTimepicker": False,
                "fiscalYearStartMonth": classic["fiscalYearStartMonth"],
            },
            "variables": [_variable(one) for one in classic["templating"]["list"]],
            "elements": {_name(panel): _panel(panel) for panel in panels},
            "layout": {"kind": "RowsLayout", "spec": {"rows": _rows(classic["panels"])}},
        },
    }


def _rows(panels: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is above the first row has a row without a heading."""
    rows = [_row([panel for panel in panels if panel["type"] != "row"], hideHeader=True)]
    closed = (panel for panel in panels if panel["type"] == "row")
    return rows + [_row(panel["panels"], title=panel["title"], collapse=panel["collapsed"]) for panel in closed]


def _row(panels: Sequence[dict[str, Any]], **spec: object) -> dict[str, Any]:
    top = min(panel["gridPos"]["y"] for panel in panels)
    items = [
        {
            "kind": "GridLayoutItem",
            "spec": {
                "x": at["x"],
                "y": at["y"] - top,
                "width": at["w"],
                "height": at["h"],
                "element": {"kind": "ElementReference", "name": _name(panel)},
            },
        }
        for panel in panels
        for at in [panel["gridPos"]]
    ]
    return {"kind": "RowsLayoutRow", "spec": {**spec, "layout": {"kind": "GridLayout", "spec": {"items": items}}}}


def _name(panel: dict[str, Any]) -> str:
    return f"panel-{panel['id']}"


def _panel(panel: dict[str, Any]) -> dict[str, Any]:
    queries = [
        {"kind": "PanelQuery", "spec": {"query": _query(target), "refId": target["refId"], "hidden": False}}
        for target in panel["targets"]
    ]
    transformations = [
        {"kind": "Transformation", "group": each["id"], "spec": {"options": each["options"]}}
        for each in panel.get("transformations", ())
    ]
    return {
        "kind": "Panel",
        "spec": {
            "id": panel["id"],
            "title": panel["title"],
            "description": panel["description"],
            "transparent": panel.get("transparent", False),
            "links": panel.get("links", []),
            "data": {
                "kind": "QueryGroup",
                "spec": {"queries": queries, "transformations": transformations, "queryOptions": {}},
            },
            "vizConfig": {
                "kind": "VizConfig",
                "group": panel["type"],
                "version": "",
                "spec": {"options": panel["options"], "fieldConfig": panel["fieldConfig"]},
            },
        },
    }


def _query(query: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "DataQuery",
        "group": "prometheus",
        "version": "v0",
        "datasource": {"name": "${datasource}"},
        "spec": {key: value for key, value in query.items() if key not in _IN_THEIR_OWN_PLACE},
    }


def _annotation(annotation: dict[str, Any]) -> dict[str, Any]:
    common = {key: annotation[key] for key in ("name", "enable", "hide", "iconColor")}
    rest = {key: value for key, value in annotation.items() if key not in (*common, "datasource", "target")}
    spec = {**common, "query": _query(annotation["target"]), "legacyOptions": rest}
    return {"kind": "AnnotationQuery", "spec": spec}


def _variable(variable: dict[str, Any]) -> dict[str, Any]:
    common = {
        "name": variable["name"],
        "label": variable["label"],
        "hide": _HIDDEN[variable["hide"]],
        "skipUrlSync": False,
        "current": variable.get("current", {"text": "", "value": ""}),
    }
    if variable["type"] == "constant":
        spec = {**common, "query": variable["query"], "description": variable["description"]}
        return {"kind": "ConstantVariable", "spec": spec}
    choice = {
        **common,
        "options": [],
        "regex": variable["regex"],
        "refresh": _REFRESHED[variable["refresh"]],
        "multi": variable["multi"],
        "includeAll": variable["includeAll"],
        "allowCustomValue": True,
    }
    if variable["type"] == "datasource":
        return {"kind": "DatasourceVariable", "spec": {**choice, "pluginId": variable["query"]}}
    found = {"sort": _SORTED[variable["sort"]], "query": _query(variable["query"])}
    found |= {"allValue": variable["allValue"]} if "allValue" in variable else {}
    return {"kind": "QueryVariable", "spec": {**choice, **found}}


def main() -> None:
    """Write them into the directory that is named."""
    output = Path(sys.argv[1])
    output.mkdir(parents=True, exist_ok=True)
    for file in sorted(DIRECTORY.glob("*.json")):
        (output / file.name).write_text(as_text(as_v2(json.loads(file.read_text("utf-8")))), encoding="utf-8")


if __name__ == "__main__":
    main()
