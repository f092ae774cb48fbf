"""The record of one probe of one target, as it is handed to the history, the log and the debug page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dicom_exporter.config import Target
from dicom_exporter.results import TargetResult


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """One target, probed once. Several scrapes may share the probe; there is one record of it."""

    target: Target
    """As it was configured when the probe began."""
    modules: tuple[str, ...]
    """Names of the modules that ran."""
    result: TargetResult
    start: float
    """Unix time at which the probe began."""
    reused: frozenset[str] = frozenset()
    """Identities whose last result was reused, because the `every` of their modules is not over."""


OnResult = Callable[[ProbeRecord], None]
"""Called on the event loop once for each probe: it must be quick, and bound what it keeps."""
