"""A bar that a run must reach."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, and the figure that was measured."""

    name: str
    wanted: str
    figure: str
    reached: bool | None
    """None: not measured on this machine, or too close to tell."""
