"""Targets whose names have special characters are found by every panel, and links carry their names whole."""

from __future__ import annotations

import re

import promql_parser
import pytest

from tests.grafana.dashboards import DASHBOARDS, queried, selectors, variables

MatchOp = promql_parser.MatchOp


def test_target_dashboard_selects_its_target_by_the_exact_name() -> None:
    """Grafana does not escape a single name for a regular expression: `pacs.1` would also be `pacs-1`."""
    for title, query in queried(DASHBOARDS["target"]):
        for selector in selectors(query):
            for matcher in selector.matchers.matchers:
                if "$target" in matcher.value:
                    assert matcher.op == MatchOp.Equal, f"{title}: {selector}"


@pytest.mark.parametrize("name", ["fleet", "exposure"])
def test_choice_of_several_targets_is_a_regular_expression(name: str) -> None:
    """Grafana escapes the names of a choice of several, and joins them by `|`."""
    assert variables(DASHBOARDS[name])["target"]["multi"]
    for title, query in queried(DASHBOARDS[name]):
        for selector in selectors(query):
            for matcher in selector.matchers.matchers:
                if "$target" in matcher.value:
                    assert matcher.op == MatchOp.Re, f"{title}: {selector}"


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_encode_names(name: str) -> None:
    links = re.findall(r"(?:var-target=|/targets/)(\$\{[^}]*\})", str(DASHBOARDS[name]))
    assert links
    assert [link for link in links if not link.endswith(":percentencode}")] == []
