"""The 17 rules of grafana/dashboard-linter, implemented for these dashboards.

Text panels are excluded from those about queries, as they have none; OR_WITHOUT is the other exclusion.
"""

from __future__ import annotations

import re
from typing import Any

import promql_parser
import pytest

from tests.grafana.dashboards import DASHBOARDS, all_queries, filled, panels, selectors, variables

UNITS = {"none", "short", "locale", "percentunit", "s", "suffix: days", "bytes", "Bps", "dateTimeFromNow"}
"""The units of Grafana that the dashboards use."""
OR_WITHOUT = {"Alerts that fire": "an exporter that is absent has neither job nor instance"}
"""Panel -> why its queries take series without job and instance, too."""


@pytest.fixture(params=DASHBOARDS)
def dashboard(request: pytest.FixtureRequest) -> dict[str, Any]:
    return DASHBOARDS[request.param]


def test_template_datasource_rule(dashboard: dict[str, Any]) -> None:
    (variable,) = [one for one in variables(dashboard).values() if one["type"] == "datasource"]
    assert (variable["name"], variable["label"], variable["query"]) == ("datasource", "Data source", "prometheus")


@pytest.mark.parametrize("name", ["job", "instance"])
def test_template_job_rule_and_template_instance_rule(dashboard: dict[str, Any], name: str) -> None:
    variable = variables(dashboard)[name]
    assert variable["datasource"]["uid"] == "${datasource}"
    assert (variable["type"], variable["label"]) == ("query", name.title())
    assert variable["multi"]
    assert variable["allValue"] == ".+"


def test_template_label_promql_rule(dashboard: dict[str, Any]) -> None:
    for variable in variables(dashboard).values():
        if variable["type"] == "query":
            found = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"])
            assert found, variable["name"]
            promql_parser.parse(filled(found[1]))


def test_template_on_time_change_reload_rule(dashboard: dict[str, Any]) -> None:
    assert {one["refresh"] for one in variables(dashboard).values() if one["type"] == "query"} == {2}


def test_panel_datasource_rule(dashboard: dict[str, Any]) -> None:
    sources = [panel["datasource"] for panel in panels(dashboard)]
    sources += [target["datasource"] for panel in panels(dashboard) for target in panel["targets"]]
    assert {(source["type"], source["uid"]) for source in sources} == {("prometheus", "${datasource}")}


def test_panel_title_description_rule(dashboard: dict[str, Any]) -> None:
    """Text panels need no description: they are one."""
    assert [panel["id"] for panel in panels(dashboard) if not panel["title"]] == []
    assert [panel["title"] for panel in panels(dashboard) if panel["type"] != "text" and not panel["description"]] == []


def test_panel_units_rule(dashboard: dict[str, Any]) -> None:
    units = {panel["fieldConfig"]["defaults"]["unit"] for panel in panels(dashboard) if panel["type"] != "text"}
    assert units - UNITS == set()


def test_panel_no_targets_rule(dashboard: dict[str, Any]) -> None:
    assert [panel["title"] for panel in panels(dashboard) if not panel["targets"] and panel["type"] != "text"] == []


def test_target_promql_rule(dashboard: dict[str, Any]) -> None:
    for panel in panels(dashboard):
        for target in panel["targets"]:
            promql_parser.parse(filled(target["expr"]))


def test_target_logql_rule_and_target_logql_auto_rule(dashboard: dict[str, Any]) -> None:
    """These rules are about Loki, which the dashboards do not use."""
    assert "loki" not in str(dashboard).lower()


def test_target_rate_interval_rule() -> None:
    """Every rate is over $__rate_interval."""
    for _, title, query in all_queries():
        for found in re.finditer(r"\bi?rate\([^\[]*\[([^\]]*)\]", query):
            assert found[1] == "$__rate_interval", title


@pytest.mark.parametrize("label", ["job", "instance"])
def test_target_job_rule_and_target_instance_rule(label: str) -> None:
    for _, title, query in all_queries():
        allowed = {f"${label}", f"${label}|"} if title in OR_WITHOUT else {f"${label}"}
        for selector in selectors(query):
            matchers = [one for one in selector.matchers.matchers if one.name == label]
            assert {one.value for one in matchers if one.op == promql_parser.MatchOp.Re} & allowed, (
                f"{title}: {selector}"
            )


def test_target_counter_agg_rule() -> None:
    counters = {selector.name for *_, query in all_queries() for selector in selectors(query)}
    assert [name for name in counters if name and name.endswith("_total")] == []


def test_uneditable_dashboard_rule(dashboard: dict[str, Any]) -> None:
    assert dashboard["editable"] is False
