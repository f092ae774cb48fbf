"""A probe of a target that has ended: what whoever wants to know is told of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dicom_exporter.config import Target
from dicom_exporter.results import TargetResult


@dataclass(frozen=True, slots=True)
class Finished:
    """One target, probed once. It may have been probed for several scrapes; it is told once."""

    target: Target
    """As it was configured when the probe began."""
    modules: tuple[str, ...]
    """Names of the modules that ran."""
    result: TargetResult
    start: float
    """Unix time at which the probe began."""
    reused: frozenset[str] = frozenset()
    """Identities that did not visit the target now: their modules' `every` is not over, and the last results stand."""


Tell = Callable[[Finished], None]
"""Is called on the event loop, for each of ten thousand targets: it must be quick, and keep no more than it bounds."""
