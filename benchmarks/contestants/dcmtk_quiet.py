"""DCMTK's `findscu`, told to say nothing: the fastest it can be, and no way to count."""

from __future__ import annotations

from benchmarks.contestants.dcmtk import find_quietly as find

__all__ = ["find"]
