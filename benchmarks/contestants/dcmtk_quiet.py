"""DCMTK's `findscu` without output: its highest speed, but the matches cannot be counted."""

from __future__ import annotations

from benchmarks.contestants.dcmtk import find_quietly as find

__all__ = ["find"]
