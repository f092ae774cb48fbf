"""The dashboards in Grafana 13's schema: valid, and with every panel, query and variable of the classic ones.

`dashboard_v2.schema.json` is written down from the types that Grafana publishes, without the code.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from grafana.v2 import as_v2
from tests.grafana.dashboards import DASHBOARDS, panels

SCHEMA = json.loads((Path(__file__).parent / "dashboard_v2.schema.json").read_text())


@pytest.fixture(params=DASHBOARDS)
def classic(request: pytest.FixtureRequest) -> dict[str, Any]:
    return DASHBOARDS[request.param]


def test_v2_is_valid(classic: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(SCHEMA).validate(as_v2(classic))


def test_v2_shares_nothing_with_the_classic_dashboard(classic: dict[str, Any]) -> None:
    before = json.dumps(classic)
    as_v2(classic)["spec"]["links"][0]["title"] = "x"
    assert json.dumps(classic) == before


def test_v2_schema_rejects_a_wrong_key_and_a_missing_one() -> None:
    for path, key in (("links", "colour"), ("timeSettings", "zone")):
        made = as_v2(DASHBOARDS["fleet"])
        part = made["spec"][path]
        (part[0] if isinstance(part, list) else part)[key] = "x"
        assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(made)
    made = as_v2(DASHBOARDS["fleet"])
    del made["spec"]["elements"]["panel-1"]["spec"]["vizConfig"]
    assert not jsonschema.Draft202012Validator(SCHEMA).is_valid(made)


def test_v2_has_every_panel_with_its_queries_once_in_its_place(classic: dict[str, Any]) -> None:
    spec = as_v2(classic)["spec"]
    placed = {
        item["spec"]["element"]["name"]: (item["spec"]["x"], item["spec"]["width"], item["spec"]["height"])
        for row in spec["layout"]["spec"]["rows"]
        for item in row["spec"]["layout"]["spec"]["items"]
    }
    assert placed == {
        f"panel-{panel['id']}": tuple(panel["gridPos"][key] for key in "xwh") for panel in panels(classic)
    }
    for panel in panels(classic):
        element = spec["elements"][f"panel-{panel['id']}"]["spec"]
        queries = [each["spec"]["query"]["spec"]["expr"] for each in element["data"]["spec"]["queries"]]
        assert queries == [target["expr"] for target in panel["targets"]]
        assert element["vizConfig"]["spec"]["fieldConfig"] == panel["fieldConfig"]


def test_v2_rows_are_closed_as_the_classic_ones(classic: dict[str, Any]) -> None:
    rows = [row["spec"] for row in as_v2(classic)["spec"]["layout"]["spec"]["rows"]]
    closed = [panel["title"] for panel in classic["panels"] if panel["type"] == "row"]
    assert [row["title"] for row in rows if row.get("collapse")] == closed
    assert rows[0]["hideHeader"]


def test_v2_has_every_variable(classic: dict[str, Any]) -> None:
    made = {each["spec"]["name"]: each for each in as_v2(classic)["spec"]["variables"]}
    assert list(made) == [variable["name"] for variable in classic["templating"]["list"]]
    for variable in classic["templating"]["list"]:
        if variable["type"] == "query":
            assert made[variable["name"]]["spec"]["query"]["spec"]["query"] == variable["query"]["query"]
