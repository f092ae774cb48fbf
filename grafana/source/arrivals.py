"""*Target*: whether images arrive in the archive."""

from __future__ import annotations

from typing import Any

from grafana.source.panels import Line, queries, query, row, timeline, timeseries
from grafana.source.queries import KEYS, US, is_, select
from grafana.source.words import STORE_OUTCOMES, numbers, yes_no


def arrivals() -> list[Line]:
    """Whether its modalities send, and whether it takes, keeps and returns images."""
    stored = " or ".join(
        f"{index} * ({select('dicom_store_outcome', is_('outcome', name))} == 1)"
        for index, name in enumerate(STORE_OUTCOMES, 1)
    )
    return [
        row("Whether images arrive"),
        (
            8,
            [
                (
                    8,
                    timeline(
                        "Canary: stored, found, returned?",
                        "A synthetic image is stored, listed, retrieved and compared. The first step that fails is red.",
                        f"max by (service, step) ({select('dicom_canary_step_success')})",
                        "{{service}} {{step}}",
                        yes_no(("works", "blue"), ("FAILS", "red")),
                        no_value="No canary is configured for this target, or there is no data.",
                    ),
                ),
                (
                    8,
                    timeseries(
                        "Canary: how long each step takes",
                        "Seconds; `findable` is the time until the archive lists what it stored.",
                        queries(
                            (
                                f"max by (service, step) ({select('dicom_canary_step_duration_seconds')})",
                                "{{service}} {{step}}",
                            ),
                            (
                                f"max by (service) ({select('dicom_canary_retrieve_first_byte_seconds')})",
                                "{{service}} first byte",
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
                                f"max by (service) ({select('dicom_canary_retrieve_bytes')} "
                                f"/ on ({KEYS}, identity, service) "
                                f"{select('dicom_canary_step_duration_seconds', is_('step', 'retrieve'))})",
                                "{{service}}",
                            )
                        ],
                        unit="Bps",
                        no_value="No canary is configured for this target, or nothing was retrieved.",
                    ),
                ),
            ],
        ),
        (
            8,
            [
                (
                    12,
                    timeseries(
                        "How old is the newest study?",
                        "By the date and time of the study, for each value that a query counts by. In red: nothing "
                        "came for longer than is expected.",
                        queries(
                            (
                                f"max by (query, value) ({select('dicom_query_newest_age_seconds', US)})",
                                "{{value}} · {{query}}",
                            ),
                            (
                                f"max by (query, value) ({select('dicom_query_newest_age_seconds', US)} "
                                f"and ({select('dicom_query_overdue', US)} == 1))",
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
                        "Does it take images?",
                        "How the bandwidth test ended. Out of resources mostly means that its disk is full.",
                        f"max by (identity) ({stored})",
                        "{{identity}}",
                        numbers(dict(enumerate(STORE_OUTCOMES.values(), 1))),
                        no_value="No bandwidth test is configured for this target, or there is no data.",
                    ),
                ),
            ],
        ),
    ]


def _red(names: str) -> dict[str, Any]:
    colour = {"id": "color", "value": {"mode": "fixed", "fixedColor": "red"}}
    return {"matcher": {"id": "byRegexp", "options": names}, "properties": [colour]}
