"""Panels and dashboards as Grafana's JSON has them (schema version 39), with what all of ours share.

Each function returns the dict that ends up in the file; `Layout` puts panels beside and below each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafana.source.words import GOOD

Panel = dict[str, Any]
Line = tuple[int, Sequence[tuple[int, Panel]]] | Panel
"""A line of panels: its height, and each panel with its width; or the heading of a row."""

DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
NO_DATA = "No data: is Prometheus scraping the exporter, with the rules of prometheus/rules?"
"""Only for what every target has; what can be absent says so in its own words."""
_EMPTY_CELLS = {
    "matcher": {"id": "byRegexp", "options": ".*"},
    "properties": [{"id": "noValue", "value": "-"}],
}
_WIDTH = 24
_NARROW = 8
"""Up to this width a legend is below its lines."""


def query(expr: str, legend: str = "", ref: str = "A", *, instant: bool = False, table: bool = False) -> dict[str, Any]:
    """One query; `table` gives a table of the present values, labels as columns."""
    return {
        "datasource": DATASOURCE,
        "expr": expr,
        "legendFormat": legend or "__auto",
        "refId": ref,
        "instant": instant or table,
        "range": not (instant or table),
        "format": "table" if table else "time_series",
        "editorMode": "code",
    }


def queries(*pairs: tuple[str, str], instant: bool = False) -> list[dict[str, Any]]:
    """Several queries with their legends."""
    return [query(expr, legend, chr(ord("A") + index), instant=instant) for index, (expr, legend) in enumerate(pairs)]


def panel(
    kind: str,
    title: str,
    description: str,
    targets: Sequence[dict[str, Any]],
    *,
    unit: str = "short",
    options: Mapping[str, Any] | None = None,
    defaults: Mapping[str, Any] | None = None,
    overrides: Sequence[Mapping[str, Any]] = (),
    transformations: Sequence[Mapping[str, Any]] = (),
    links: Sequence[Mapping[str, Any]] = (),
    no_value: str,
) -> Panel:
    """A panel without a place yet; `no_value` says why there may be nothing."""
    return {
        "type": kind,
        "title": title,
        "description": description,
        "datasource": DATASOURCE,
        "targets": list(targets),
        "options": dict(options or {}),
        "fieldConfig": {
            "defaults": {"unit": unit, "noValue": no_value, **(defaults or {})},
            "overrides": list(overrides),
        },
        "transformations": list(transformations),
        "links": list(links),
    }


def stat(
    title: str,
    description: str,
    expr: str,
    *,
    bad: str | None = None,
    mappings: Sequence[Any] = (),
    unit: str = "short",
    steps: Sequence[tuple[float | None, str]] = (),
    links: Sequence[Mapping[str, Any]] = (),
    no_value: str = NO_DATA,
    decimals: int | None = None,
) -> Panel:
    """One number; with `bad` it takes that colour from 1 on."""
    thresholds = list(steps) or ([(None, "transparent"), (1, bad)] if bad else [(None, "text")])
    return panel(
        "stat",
        title,
        description,
        [query(expr, instant=True)],
        unit=unit,
        no_value=no_value,
        links=links,
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "background_solid" if bad or steps or mappings else "value",
            "graphMode": "none",
            "justifyMode": "center",
            "textMode": "auto",
            "orientation": "auto",
            "wideLayout": True,
        },
        defaults={"mappings": list(mappings), "color": {"mode": "thresholds"}, "thresholds": _thresholds(thresholds)}
        | ({} if decimals is None else {"decimals": decimals}),
    )


def strip(
    title: str,
    description: str,
    numbers: Mapping[str, tuple[str, Sequence[tuple[float | None, str]]]],
    *,
    overrides: Sequence[Mapping[str, Any]] = (),
    no_value: str = NO_DATA,
) -> Panel:
    """Several numbers beside each other: name -> query and thresholds. The names shrink until all have room."""
    pairs = [(expr, name) for name, (expr, _) in numbers.items()]
    return panel(
        "stat",
        title,
        description,
        queries(*pairs, instant=True),
        unit="locale",
        no_value=no_value,
        options={
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
            "colorMode": "background_solid",
            "graphMode": "none",
            "justifyMode": "center",
            "textMode": "value_and_name",
            "orientation": "vertical",
            "wideLayout": False,
        },
        defaults={"mappings": [], "color": {"mode": "thresholds"}, "thresholds": _thresholds([(None, "transparent")])},
        overrides=[*(column(name, steps=steps) for name, (_, steps) in numbers.items()), *overrides],
    )


def timeseries(
    title: str,
    description: str,
    targets: Sequence[dict[str, Any]],
    *,
    unit: str = "short",
    stacked: bool = False,
    overrides: Sequence[Mapping[str, Any]] = (),
    no_value: str,
    lowest: float | None = 0,
    decimals: int | None = None,
    legend_calcs: Sequence[str] = ("lastNotNull", "max"),
) -> Panel:
    """Lines over time, or areas on top of each other."""
    custom = {
        "drawStyle": "line",
        "lineWidth": 1,
        "fillOpacity": 60 if stacked else 8,
        "showPoints": "never",
        "spanNulls": False,
        "lineInterpolation": "stepAfter" if stacked else "linear",
        "stacking": {"mode": "normal" if stacked else "none", "group": "A"},
    }
    return panel(
        "timeseries",
        title,
        description,
        targets,
        unit=unit,
        no_value=no_value,
        overrides=overrides,
        options={
            "legend": {"displayMode": "table", "placement": "right", "showLegend": True, "calcs": list(legend_calcs)},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        defaults={"custom": custom, "color": {"mode": "palette-classic"}, "mappings": []}
        | ({} if lowest is None else {"min": lowest})
        | ({} if decimals is None else {"decimals": decimals}),
    )


def bars(
    title: str,
    description: str,
    targets: Sequence[dict[str, Any]],
    *,
    unit: str = "short",
    steps: Sequence[tuple[float | None, str]] = ((None, GOOD),),
    overrides: Sequence[Mapping[str, Any]] = (),
    no_value: str,
    highest: float | None = None,
    decimals: int | None = None,
    transformations: Sequence[Mapping[str, Any]] = (),
    links: Sequence[Mapping[str, Any]] = (),
) -> Panel:
    """Bars that lie, one per series, with its present value."""
    return panel(
        "bargauge",
        title,
        description,
        targets,
        unit=unit,
        no_value=no_value,
        overrides=overrides,
        transformations=transformations,
        options={
            "displayMode": "basic",
            "orientation": "horizontal",
            "showUnfilled": True,
            "valueMode": "text",
            "namePlacement": "left",
            "sizing": "auto",
            "minVizWidth": 8,
            "minVizHeight": 12,
            "maxVizHeight": 28,
            "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        },
        defaults={
            "min": 0,
            "mappings": [],
            "color": {"mode": "thresholds"},
            "thresholds": _thresholds(steps),
            "links": list(links),
        }
        | ({} if highest is None else {"max": highest})
        | ({} if decimals is None else {"decimals": decimals}),
    )


def timeline(title: str, description: str, expr: str, legend: str, mappings: Sequence[Any], no_value: str) -> Panel:
    """States over time, one line per series: only for a bounded number of series."""
    return panel(
        "state-timeline",
        title,
        description,
        [query(expr, legend)],
        unit="none",
        no_value=no_value,
        options={
            "mergeValues": True,
            "showValue": "auto",
            "alignValue": "left",
            "rowHeight": 0.85,
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
            "tooltip": {"mode": "single", "sort": "none"},
        },
        defaults={
            "mappings": list(mappings),
            "color": {"mode": "thresholds"},
            "thresholds": _thresholds([(None, "text")]),
            "custom": {"lineWidth": 0, "fillOpacity": 85},
        },
    )


def table(
    title: str,
    description: str,
    columns: Mapping[str, str],
    *,
    names: Mapping[str, str],
    sort: str | None = None,
    ascending: bool = False,
    overrides: Sequence[Mapping[str, Any]] = (),
    no_value: str,
) -> Panel:
    """Rows of labels and present values, the worst first, page by page.

    Args:
        columns: column -> the query of its values. The labels of all queries are columns, too; rows with the same
            labels become one.
        names: label or column -> heading, in the order of the columns; what is not named is not shown.
        sort: the heading to sort by.
        no_value: what the panel says where nothing at all came; an empty cell says `-`.
    """
    refs = {column: chr(ord("A") + index) for index, column in enumerate(columns)}
    fields = {(f"Value #{refs[name]}" if name in refs else name): heading for name, heading in names.items()}
    if len(refs) == 1:
        fields = {("Value" if name == "Value #A" else name): heading for name, heading in fields.items()}
    transformations: list[dict[str, Any]] = [{"id": "merge", "options": {}}] if len(refs) > 1 else []
    transformations.append(
        {
            "id": "organize",
            "options": {
                "excludeByName": {},
                "includeByName": dict.fromkeys(fields, True),
                "indexByName": {name: index for index, name in enumerate(fields)},
                "renameByName": fields,
            },
        }
    )
    return panel(
        "table",
        title,
        description,
        [query(expr, ref=refs[column], table=True) for column, expr in columns.items()],
        unit="none",
        no_value=no_value,
        overrides=[_EMPTY_CELLS, *overrides],
        transformations=transformations,
        options={
            "cellHeight": "sm",
            "showHeader": True,
            "footer": {"show": False, "reducer": ["sum"], "countRows": False, "enablePagination": True, "fields": ""},
            "sortBy": [{"displayName": sort, "desc": not ascending}] if sort else [],
        },
        defaults={
            "custom": {
                "align": "auto",
                "cellOptions": {"type": "auto"},
                "inspect": False,
                "filterable": False,
                "minWidth": 60,
            },
            "mappings": [],
            "color": {"mode": "thresholds"},
            "thresholds": _thresholds([(None, "text")]),
        },
    )


def column(heading: str, **properties: Any) -> dict[str, Any]:
    """An override for one column or series: properties by Grafana's ids, or a short name for some of them.

    `width` and `align` are a column's; `coloured` fills its cells, `colour` is fixed, `steps` are thresholds.
    """
    if "coloured" in properties and "steps" not in properties:
        properties["steps"] = [(None, "transparent")]  # of cells without a value
    if "coloured" in properties and "mappings" in properties:
        properties.setdefault("align", "left")  # words
    ids = {"width": "custom.width", "align": "custom.align"}
    found = []
    for name, value in properties.items():
        if name == "colour":
            found.append({"id": "color", "value": {"mode": "fixed", "fixedColor": value}})
        elif name == "steps":
            found.append({"id": "thresholds", "value": _thresholds(value)})
        elif name == "coloured":
            found.append({"id": "custom.cellOptions", "value": {"type": "color-background", "mode": "basic"}})
        else:
            found.append({"id": ids.get(name, name), "value": value})
    return {"matcher": {"id": "byName", "options": heading}, "properties": found}


def text(title: str, content: str) -> Panel:
    """Words for people, in Markdown."""
    return {
        "type": "text",
        "title": title,
        "description": "",
        "datasource": DATASOURCE,
        "transparent": True,
        "targets": [],
        "options": {"mode": "markdown", "content": content},
        "fieldConfig": {"defaults": {}, "overrides": []},
    }


def row(title: str, *lines: Line) -> Panel:
    """A row that is closed until somebody opens it: until then its panels ask Prometheus nothing."""
    return {"type": "row", "title": title, "collapsed": True, "panels": list(lines)}


def lay_out(*lines: Line) -> list[Panel]:
    """Give each panel its place and its id: lines of (height, [(width, panel), …]), or a row with such lines."""
    placed, _ = _placed(lines, 0)
    number = 0
    for one in placed:
        for each in (one, *one.get("panels", ())):
            number += 1
            each["id"] = number
    return placed


def _placed(lines: Sequence[Line], y: int) -> tuple[list[Panel], int]:
    placed: list[Panel] = []
    for line in lines:
        if isinstance(line, dict):
            inner, end = _placed(line["panels"], y + 1)
            placed.append({**line, "gridPos": {"x": 0, "y": y, "w": _WIDTH, "h": 1}, "panels": inner})
            y = y + 1 if line["collapsed"] else end
            continue
        height, across = line
        x = 0
        for width, one in across:
            if one["type"] == "timeseries" and width <= _NARROW:
                one["options"]["legend"] |= {"displayMode": "list", "placement": "bottom", "calcs": []}
            placed.append({**one, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
            x += width
        if x != _WIDTH:
            raise ValueError(f"a line is {x} wide in place of {_WIDTH}: {[one['title'] for _, one in across]}")
        y += height
    return placed, y


def _thresholds(steps: Sequence[tuple[float | None, str]]) -> dict[str, Any]:
    return {"mode": "absolute", "steps": [{"value": value, "color": colour} for value, colour in steps]}
