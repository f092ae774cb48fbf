"""*Target*: whether images arrive in the archive."""

from __future__ import annotations

from grafana.source.panels import Line, timeline
from grafana.source.queries import is_, select_one
from grafana.source.words import STORE_OUTCOMES, numbers


def arrivals() -> Line:
    """Whether it takes images."""
    stored = " or ".join(
        f"{index} * ({select_one('dicom_store_outcome', is_('outcome', name))} == 1)"
        for index, name in enumerate(STORE_OUTCOMES, 1)
    )
    return (
        8,
        [
            (
                24,
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
