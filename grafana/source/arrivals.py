"""*Target*: whether images arrive in the archive."""

from __future__ import annotations

from typing import Any

from grafana.source.panels import Line, queries, query, timeline, timeseries
from grafana.source.queries import KEYS, US, is_, select_one
from grafana.source.words import BAD, GOOD, STORE_OUTCOMES, numbers, yes_no


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


def canary() -> Line:
    """Whether it keeps images and returns them, and how fast."""
    seconds = select_one("dicom_canary_step_duration_seconds")
    size = select_one("dicom_canary_retrieve_bytes")
    retrieve = select_one("dicom_canary_step_duration_seconds", is_("step", "retrieve"))
    return (
        8,
        [
            (
                8,
                timeline(
                    "Canary",
                    "A synthetic image is stored, listed, retrieved and compared: the first step that fails is red.",
                    f"max by (protocol, step) ({select_one('dicom_canary_step_success')})",
                    "{{protocol}} {{step}}",
                    yes_no(("works", GOOD), ("FAILS", BAD)),
                    no_value="No canary is configured for this target.",
                ),
            ),
            (
                8,
                timeseries(
                    "Canary: time of each step",
                    "Seconds; `findable` is the time until the archive lists what it stored.",
                    queries(
                        (f"max by (protocol, step) ({seconds})", "{{protocol}} {{step}}"),
                        (
                            f"max by (protocol) ({select_one('dicom_canary_retrieve_first_byte_seconds')})",
                            "{{protocol}} first byte",
                        ),
                    ),
                    unit="s",
                    no_value="No canary is configured for this target, or no step succeeded.",
                ),
            ),
            (
                8,
                timeseries(
                    "Canary: delivery",
                    "Bytes a second of the image that is retrieved, over DICOM and over DICOMweb.",
                    [
                        query(
                            f"max by (protocol) ({size} / on ({KEYS}, identity, protocol) {retrieve})",
                            "{{protocol}}",
                        )
                    ],
                    unit="Bps",
                    no_value="No canary is configured for this target, or nothing was retrieved.",
                ),
            ),
        ],
    )


def _red(names: str) -> dict[str, Any]:
    colour = {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}
    return {"matcher": {"id": "byRegexp", "options": names}, "properties": [colour]}
