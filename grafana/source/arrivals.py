"""*Target*: whether images arrive in the archive."""

from __future__ import annotations

from typing import Any

from grafana.source.panels import Line, queries, timeline, timeseries
from grafana.source.queries import US, is_, select_one
from grafana.source.words import STORE_OUTCOMES, numbers


def arrivals() -> Line:
    """Whether its modalities send, and whether it takes images."""
    stored = " or ".join(
        f"{index} * ({select_one('dicom_store_outcome', is_('outcome', name))} == 1)"
        for index, name in enumerate(STORE_OUTCOMES, 1)
    )
    age = select_one("dicom_query_newest_age_seconds", US)
    return (
        8,
        [
            (
                12,
                timeseries(
                    "Age of the newest study",
                    "By the date and time of the study, for each value that a query counts by. In red: nothing "
                    "came for longer than is expected.",
                    queries(
                        (f"max by (query, value) ({age})", "{{value}} · {{query}}"),
                        (
                            f"max by (query, value) ({age} and ({select_one('dicom_query_overdue', US)} == 1))",
                            "OVERDUE: {{value}} · {{query}}",
                        ),
                    ),
                    unit="s",
                    overrides=[_red("/^OVERDUE/")],
                    no_value="No query of this target has expect_within, or no age is known.",
                ),
            ),
            (
                12,
                timeline(
                    "Bandwidth test",
                    "How the bandwidth test ended. Out of resources mostly means that the disk of the archive is full.",
                    f"max by (identity) ({stored})",
                    "{{identity}}",
                    numbers(dict(enumerate(STORE_OUTCOMES.values(), 1))),
                    no_value="No bandwidth test is configured for this target.",
                ),
            ),
        ],
    )


def _red(names: str) -> dict[str, Any]:
    colour = {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}
    return {"matcher": {"id": "byRegexp", "options": names}, "properties": [colour]}
