"""Panels do not overlap, ids are unique, and links resolve."""

from __future__ import annotations

import re
from collections import Counter
from itertools import combinations

import pytest
import yaml

from dicom_exporter.enums import Outcome, QueryOutcome, StoreOutcome
from dicom_exporter.verdict.colours import STATES
from dicom_exporter.verdict.findings import Kind
from grafana.source.words import BROKEN, JUDGED, KEPT, LEVELS, OUTCOMES, QUERY_OUTCOMES, STORE_OUTCOMES
from tests.grafana.dashboards import DASHBOARDS, DIRECTORY, all_queries, panels
from tests.testing.rules import alerts

UIDS = {dashboard["uid"] for dashboard in DASHBOARDS.values()}


def test_dashboards_uids_and_titles_are_unique() -> None:
    assert len(UIDS) == len(DASHBOARDS) == 3
    assert len({dashboard["title"] for dashboard in DASHBOARDS.values()}) == len(DASHBOARDS)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_ids_are_unique(name: str) -> None:
    ids = Counter(panel["id"] for panel in DASHBOARDS[name]["panels"])
    assert [number for number, times in ids.items() if times > 1] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_do_not_overlap_or_leave_the_grid(name: str) -> None:
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
def test_panels_are_not_repeated(name: str) -> None:
    """A repeated panel has no bound at a thousand targets."""
    assert [panel["title"] for panel in DASHBOARDS[name]["panels"] if panel.get("repeat")] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_timelines_have_a_limit_of_series(name: str) -> None:
    for panel in panels(DASHBOARDS[name]):
        if panel["type"] == "state-timeline":
            bounded = all(re.search(r"(top|bottom)k\(\d\d, ", target["expr"]) for target in panel["targets"])
            assert bounded or name == "target", panel["title"]


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_have_a_text_for_absent_data(name: str) -> None:
    asking = [panel for panel in panels(DASHBOARDS[name]) if panel["targets"]]
    assert [panel["title"] for panel in asking if not panel["fieldConfig"]["defaults"]["noValue"]] == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_between_dashboards_resolve(name: str) -> None:
    led_to = set(re.findall(r"/d/([\w-]+)", str(DASHBOARDS[name])))
    assert led_to - UIDS == set()
    assert {link["url"].removeprefix("/d/").partition("?")[0] for link in DASHBOARDS[name]["links"]} == UIDS - {
        DASHBOARDS[name]["uid"]
    }
    for link in DASHBOARDS[name]["links"]:
        assert link["keepTime"]
        assert link["includeVars"] is ("dicom-target" not in link["url"])  # it has one target, and no "All"


def test_links_to_the_exporter_are_its_paths() -> None:
    pages = {page for name in DASHBOARDS for page in re.findall(r"\$\{exporter\}/(\w*)", str(DASHBOARDS[name]))}
    assert pages == {"", "config", "targets", "runbooks"}


def test_alerts_named_in_dashboards_exist() -> None:
    patterns = {pattern for *_, query in all_queries() for pattern in re.findall(r'alertname=~"([^"]+)', query)}
    assert patterns
    for pattern in patterns:
        assert [name for name in alerts() if re.fullmatch(pattern, name)], pattern
        for alternative in re.findall(r"Dicom(\w*)\(([^)]+)\)", pattern):
            assert {f"Dicom{alternative[0]}{name}" for name in alternative[1].split("|")} <= set(alerts())


def test_outcomes_and_levels_have_own_text_and_colour() -> None:
    assert list(LEVELS) == list(range(8))
    assert set(OUTCOMES) == {outcome.value for outcome in Outcome}
    assert set(QUERY_OUTCOMES) == {outcome.value for outcome in QueryOutcome}
    assert set(STORE_OUTCOMES) == {outcome.value for outcome in StoreOutcome}
    for words in (LEVELS.values(), [(word, colour) for word, _, colour in OUTCOMES.values()]):
        assert max(Counter(colour for _, colour in words).values()) == 1


def test_levels_have_the_colour_of_what_they_mean_for_the_service() -> None:
    for level in LEVELS:
        assert JUDGED[BROKEN + level][1] == JUDGED[BROKEN + level + 0.5][1] == STATES[Kind.EXPOSED]
        assert JUDGED[KEPT + level][1] == STATES[None]
        assert JUDGED[KEPT + level + 0.5][1] == STATES[Kind.UNKNOWN]


def test_provisioning_points_to_the_dashboards() -> None:
    provisioning = DIRECTORY / "provisioning"
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "dicom.yml").read_text())["providers"]
    (datasource,) = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert provider["type"] == "file"
    assert provider["options"]["path"].endswith("/dashboards/dicom")
    assert datasource["type"] == "prometheus"
