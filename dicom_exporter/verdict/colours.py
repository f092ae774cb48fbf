"""One colour for each state of a target and for each level of exposure, in dashboards, pages and report.

They differ for colour-blind people too, and text on them is easy to read: tests/verdict/test_colours.py. A word
is always beside the colour.
"""

from collections.abc import Mapping
from typing import Final

from dicom_exporter.enums import LadderLevel
from dicom_exporter.verdict.findings import Kind

STATES: Final[Mapping[Kind | None, str]] = {
    Kind.EXPOSED: "#860f45",
    Kind.DOWN: "#d0312d",
    Kind.BLIND: "#465566",
    Kind.UNKNOWN: "#b7c3cf",
    Kind.REFUSES_US: "#f5b971",
    Kind.BUSY: "#ffd84d",
    Kind.TROUBLE: "#fff3bf",
    None: "#1f60c4",
}
"""By the worst finding; None: as expected."""

LEVELS: Final[Mapping[LadderLevel, str]] = dict(
    zip(
        LadderLevel,
        ("#12489f", "#2b6cc9", "#a9cdfb", "#fff0b8", "#f9bf58", "#cb3a27", "#98152f", "#5a0730"),
        strict=True,
    )
)
"""From blue over pale to dark red: one scale."""


def text_on(colour: str) -> str:
    """Black or white, for text on `colour`: as Grafana chooses it, by the brightness."""
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return "#202226" if 299 * red + 587 * green + 114 * blue > 180_000 else "#f7f8fa"
