"""A whole dashboard: its variables, its links to the others, its panels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from grafana.source.panels import DATASOURCE, Panel
from grafana.source.queries import EXPORTER, LABELS, ONE_TARGET, TARGETS, heading
from grafana.source.words import BAD

UIDS = {"fleet": "dicom-fleet", "exposure": "dicom-exposure", "target": "dicom-target"}
TITLES = {"fleet": "DICOM / Fleet", "exposure": "DICOM / Exposure", "target": "DICOM / Target"}
_TAG = "dicom"
_KEPT = "${__url_time_range}&${datasource:queryparam}&${exporter:queryparam}"
_FAMILIES = '{__name__=~"dicom_target_info|dicom_exporter_build_info"}'


def to_target(name: str = "${__value.raw}") -> list[dict[str, Any]]:
    """Links of a cell that holds a target's name: its dashboard, and its page at the exporter."""
    encoded = f"{name[:-1]}:percentencode}}"
    return [
        {
            "title": f"{name}: dashboard",
            "url": f"/d/{UIDS['target']}?var-target={encoded}&{_KEPT}",
            "targetBlank": False,
        },
        {
            "title": f"{name}: last probes, at the exporter",
            "url": f"${{exporter}}/targets/{encoded}",
            "targetBlank": True,
        },
    ]


def to_runbook(name: str = "${__value.raw}") -> list[dict[str, Any]]:
    """The link of a cell that holds an alert's name."""
    return [{"title": f"{name}: what to do", "url": f"${{exporter}}/runbooks/{name}", "targetBlank": True}]


def to_dashboard(which: str, title: str) -> list[dict[str, Any]]:
    """A link of a panel to another dashboard, with the variables and the time of this one."""
    return [{"title": title, "url": f"/d/{UIDS[which]}?${{__url_time_range}}&${{__all_variables}}"}]


def dashboard(
    which: str,
    description: str,
    panels: Sequence[Panel],
    *,
    one_target: bool = False,
    start: str = "now-6h",
    refresh: str = "1m",
) -> dict[str, Any]:
    """The JSON of one dashboard."""
    return {
        "uid": UIDS[which],
        "title": TITLES[which],
        "description": description,
        "tags": [_TAG],
        "editable": False,
        "graphTooltip": 1,
        "schemaVersion": 39,
        "version": 1,
        "refresh": refresh,
        "time": {"from": start, "to": "now"},
        "timezone": "browser",
        "timepicker": {},
        "fiscalYearStartMonth": 0,
        "weekStart": "",
        "annotations": {"list": [_pages(ONE_TARGET if one_target else TARGETS)]},
        "links": [_link(other) for other in UIDS if other != which],
        "templating": {"list": _variables(one_target)},
        "panels": list(panels),
    }


def _pages(targets: str) -> dict[str, Any]:
    """The alerts that page somebody, as marks on the time axis."""
    return {
        "name": "Critical alerts",
        "datasource": DATASOURCE,
        "enable": True,
        "hide": False,
        "iconColor": BAD,
        "target": {
            "refId": "Alerts",
            "expr": f'topk by (alertname) (20, ALERTS{{alertstate="firing", severity="critical", {targets}}})',
            "interval": "60s",
        },
        "titleFormat": "{{alertname}}",
        "textFormat": "{{target}}",
        "tagKeys": LABELS.get()[0],
        "useValueForTime": "false",
    }


def _link(which: str) -> dict[str, Any]:
    """A link to another dashboard. The one of a single target has no choice of several, so it takes no names along."""
    return {
        "type": "link",
        "title": TITLES[which],
        "tooltip": "",
        "url": f"/d/{UIDS[which]}" + ("?${datasource:queryparam}&${job:queryparam}" if which == "target" else ""),
        "icon": "dashboard",
        "tags": [],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": which != "target",
        "keepTime": True,
    }


def _variables(one_target: bool) -> list[dict[str, Any]]:
    chosen = EXPORTER
    own = []
    for label in reversed(LABELS.get()):
        values = f"label_values(dicom_target_info{{{chosen}}}, {label})"
        own.append(_choice(label, heading(label), values, all_value=".*"))
        chosen += f', {label}=~"${label}"'
    return [
        {
            "type": "datasource",
            "name": "datasource",
            "label": "Data source",
            "query": "prometheus",
            "regex": "",
            "refresh": 1,
            "multi": False,
            "includeAll": False,
            "hide": 0,
        },
        _choice("job", "Job", f"label_values({_FAMILIES}, job)", all_value=".+"),
        _choice("instance", "Instance", f'label_values({_FAMILIES[:-1]}, job=~"$job"}}, instance)', all_value=".+"),
        *own,
        _choice("target", "Target", f"label_values(dicom_target_info{{{chosen}}}, target)", one=one_target),
        {
            "type": "constant",
            "name": "exporter",
            "label": "Exporter",
            "description": "Where browsers reach the exporter: its pages and runbooks are linked from here.",
            "query": "http://localhost:10104",
            "current": {"selected": True, "text": "http://localhost:10104", "value": "http://localhost:10104"},
            "hide": 2,
        },
    ]


def _choice(name: str, label: str, query: str, *, all_value: str = ".+", one: bool = False) -> dict[str, Any]:
    variable = {
        "type": "query",
        "name": name,
        "label": label,
        "datasource": DATASOURCE,
        "query": {"query": query, "refId": f"variable-{name}"},
        "regex": "",
        "refresh": 2,
        "sort": 1,
        "multi": not one,
        "includeAll": not one,
        "hide": 0,
    }
    if not one:
        variable |= {"allValue": all_value, "current": {"selected": True, "text": ["All"], "value": ["$__all"]}}
    return variable
