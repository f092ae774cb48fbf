"""What the benchmark of the dashboards asks Prometheus."""

from __future__ import annotations

import re

import promql_parser

from benchmarks.dashboards import filled
from tests.grafana.dashboards import all_queries


def test_every_query_is_filled_and_parses() -> None:
    for _, title, query in all_queries():
        found = filled(query, 6)
        assert not re.search(r"\$[a-z_{]", found), title  # `$1` is of label_replace
        promql_parser.parse(found)
