"""The rule files survive Grafana's import as Grafana-managed rules: its limits, and its differences in templates.

Grafana expands templates with Prometheus' own functions, but `query` finds nothing, and `$value` becomes a field of the
dot: inside of `with` and `range` that is another dot, and the template would fail.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.testing.rules import RULE_FILES, alerts

LONGEST_NAME = 190
BASE_INTERVAL = 10
"""Seconds: the interval of a group is a multiple of it."""
GROUPS: list[dict[str, Any]] = [group for file in RULE_FILES for group in yaml.safe_load(file.read_text())["groups"]]
SECONDS = {"s": 1, "m": 60, "h": 3600}
TEXTS = [
    (f"{name}.{key}", text)
    for name, alert in alerts().items()
    for key, text in {**alert["labels"], **alert["annotations"]}.items()
]


@pytest.mark.parametrize("group", GROUPS, ids=lambda group: group["name"])
def test_groups_are_within_the_limits(group: dict[str, Any]) -> None:
    assert set(group) <= {"name", "interval", "query_offset", "labels", "rules"}  # `limit` is refused
    assert 0 < len(group["name"]) <= LONGEST_NAME
    interval = group.get("interval", "1m")
    assert int(interval[:-1]) * SECONDS[interval[-1]] % BASE_INTERVAL == 0


def test_rules_have_titles_of_their_own_that_are_short_enough() -> None:
    titles = Counter(rule.get("alert") or rule["record"] for group in GROUPS for rule in group["rules"])
    assert max(titles.values()) == 1
    assert max(map(len, titles)) <= LONGEST_NAME
    assert len({group["name"] for group in GROUPS}) == len(GROUPS)


def test_rules_have_only_keys_that_the_import_reads() -> None:
    known = {"alert", "record", "expr", "for", "keep_firing_for", "labels", "annotations"}
    assert {key for group in GROUPS for rule in group["rules"] for key in rule} <= known


def test_labels_are_not_reserved() -> None:
    labels = {name for group in GROUPS for rule in group["rules"] for name in rule.get("labels", {})}
    assert [name for name in labels if name.startswith(("__", "grafana_"))] == []


def actions(text: str) -> Iterator[tuple[int, str]]:
    """How many `with` and `range` are around each action of a template, and the action."""
    blocks: list[bool] = []
    for action in re.findall(r"\{\{-?\s*(.*?)\s*-?\}\}", text, re.DOTALL):
        word = action.split()[0]
        if word == "end":
            blocks.pop()
        elif word == "else" and blocks[-1]:
            blocks[-1] = False  # the dot is that of outside again
        yield sum(blocks), action
        if word in ("if", "with", "range"):
            blocks.append(word != "if")
    assert blocks == [], text


@pytest.mark.parametrize(("where", "text"), TEXTS, ids=[where for where, _ in TEXTS])
def test_value_is_not_used_where_the_dot_is_another(where: str, text: str) -> None:
    assert [action for depth, action in actions(text) if depth and "$value" in action] == []


def test_actions_knows_its_blocks() -> None:
    text = "{{ with x }}{{ $value }}{{ else }}{{ $value }}{{ end }}{{ if y }}{{ $value }}{{ end }}"
    assert [depth for depth, action in actions(text) if action == "$value"] == [1, 0, 0]
