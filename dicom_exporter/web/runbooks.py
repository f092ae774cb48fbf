"""The runbooks that come with the exporter: what to do about each alert, where there is no internet, too.

In a source tree they are `docs/runbooks/`; the wheel has them beside this package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from dicom_exporter.config import Expect
from dicom_exporter.standing import Standing

_PACKAGE = Path(__file__).parents[1]
_PLACES = (_PACKAGE / "runbooks", _PACKAGE.parent / "docs" / "runbooks")
_FITTING: dict[Standing, tuple[str, ...]] = {
    Standing.EXPOSED: ("DicomExposed",),
    Standing.DOWN: ("DicomDown",),
    Standing.BLIND: ("DicomVantageBlind",),
    Standing.UNKNOWN: ("DicomExposureUnknown",),
    Standing.TROUBLED: ("DicomRejected",),
}
"""Names of alerts, the first that there is."""


@cache
def names() -> tuple[str, ...]:
    """The runbooks that there are, by name."""
    return tuple(sorted(_files()))


@cache
def rendered(name: str) -> Markup | None:
    """A runbook as HTML; None where there is none of that name."""
    file = _files().get(name)
    if file is None:
        return None
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(markdown.render(file.read_text(encoding="utf-8")))  # noqa: S704 - our own file, without HTML


def fitting(standing: Standing, expect: Expect) -> str | None:
    """The runbook for a target that stands like this."""
    return next((name for name in _FITTING.get(standing, ()) if name in names()), None)


@cache
def _files() -> dict[str, Path]:
    """Whatever is asked for is looked up here, and so no request can leave the directory."""
    place = next((place for place in _PLACES if place.is_dir()), None)
    return {file.stem: file for file in place.glob("*.md")} if place is not None else {}
