"""Panels have a place of their own, ids are unique, and links lead somewhere."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

import pytest
import yaml

from dicom_exporter.results import Outcome, QueryOutcome
from grafana.source.words import LEVELS, OUTCOMES, QUERY_OUTCOMES
from tests.grafana.dashboards import DASHBOARDS, DIRECTORY, all_queries, panels
from tests.testing.rules import alerts

UIDS = {dashboard["uid"] for dashboard in DASHBOARDS.values()}


def test_uids_and_titles_are_unique() -> None:
    assert len(UIDS) == len(DASHBOARDS) == 3
    assert len({dashboard["title"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_ids_are_unique(name: str) -> None:
    ids = Counter(panel["id"] for panel in DASHBOARDS[name]["panels"])
    assert [number for number, times in ids.items() if times > 1] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_panel_lies_on_another_or_beside_the_page(name: str) -> None:
    places = [(panel["title"], panel["gridPos"]) for panel in DASHBOARDS[name]["panels"]]
    assert [title for title, at in places if at["x"] < 0 or at["y"] < 0 or at["x"] + at["w"] > 24] == []
    overlapping = [
        (one, other)
        for (one, a), (other, b) in combinations(places, 2)
        if a["x"] < b["x"] + b["w"]
        and b["x"] < a["x"] + a["w"]
        and a["y"] < b["y"] + b["h"]
        and b["y"] < a["y"] + a["h"]
    ]
    assert overlapping == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_no_panel_is_repeated(name: str) -> None:
    """A repeated panel has no bound at a thousand targets."""
    assert [panel["title"] for panel in DASHBOARDS[name]["panels"] if panel.get("repeat")] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_timelines_are_bounded(name: str) -> None:
    for panel in panels(DASHBOARDS[name]):
        if panel["type"] == "state-timeline":
            bounded = all(re.search(r"(top|bottom)k\(\d\d, ", target["expr"]) for target in panel["targets"])
            assert bounded or name == "target", panel["title"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_absent_data_does_not_look_like_an_all_clear(name: str) -> None:
    asking = [panel for panel in panels(DASHBOARDS[name]) if panel["targets"]]
    assert [panel["title"] for panel in asking if not panel["fieldConfig"]["defaults"]["noValue"]] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_between_dashboards_lead_to_one(name: str) -> None:
    led_to = set(re.findall(r"/d/([\w-]+)", str(DASHBOARDS[name])))
    assert led_to - UIDS == set()
    assert {link["url"].removeprefix("/d/") for link in DASHBOARDS[name]["links"]} == UIDS - {DASHBOARDS[name]["uid"]}
    assert all(link["keepTime"] and link["includeVars"] for link in DASHBOARDS[name]["links"])


def test_links_to_the_exporter_are_its_pages() -> None:
    pages = {page for name in DASHBOARDS for page in re.findall(r"\$\{exporter\}/(\w*)", str(DASHBOARDS[name]))}
    assert pages == {"", "config", "targets", "runbooks"}


def test_alerts_that_are_named_exist() -> None:
    patterns = {pattern for *_, query in all_queries() for pattern in re.findall(r'alertname=~"([^"]+)', query)}
    assert patterns
    for pattern in patterns:
        assert [name for name in alerts() if re.fullmatch(pattern, name)], pattern
        for alternative in re.findall(r"Dicom(\w*)\(([^)]+)\)", pattern):
            assert {f"Dicom{alternative[0]}{name}" for name in alternative[1].split("|")} <= set(alerts())


def test_every_outcome_and_level_has_a_word_and_a_colour_of_its_own() -> None:
    assert list(LEVELS) == list(range(8))
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome}
    assert set(QUERY_OUTCOMES) == {outcome.value for outcome in QueryOutcome}
    for words in (LEVELS.values(), [(word, colour) for word, _, colour in OUTCOMES.values()]):
        assert max(Counter(colour for _, colour in words).values()) == 1


def test_provisioning_leads_to_the_dashboards() -> None:
    provisioning = DIRECTORY / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "dicom.yml").read_text())["providers"]
    (datasource,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].endswith("/dashboards/dicom")
    assert datasource["type"] == "prometheus"
