"""What a whole run found, as it is written to results.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.scraping import Dead, Matches, Size
from benchmarks.timing import Rate

Race = Mapping[str, Rate]
"""Contestant -> what it reached."""


@dataclass(slots=True)
class Results:
    """Every section of a run. A race that was not held, as its server is not installed, is not there."""

    machine: Mapping[str, str]
    """What it ran on, and with which versions."""
    command: str
    date: str
    echo: dict[str, Race] = field(default_factory=dict)
    """Server and sessions at once, ``fast 256``, -> sessions."""
    find: dict[str, Race] = field(default_factory=dict)
    """Server -> matches."""
    sizes: list[Size] = field(default_factory=list)
    dead: Dead | None = None
    filtered: Dead | None = None
    matches: Matches | None = None


OURS = "dicom_exporter"
THROUGH_PROBE = "dicom_exporter /probe"
FLOOR = "floor: bare asyncio client"
CALLBACKS = "below it: callbacks alone"
PYNETDICOM = "pynetdicom"
RUST = "dicom-echo (Rust)"
ECHOSCU = "echoscu (DCMTK)"
FINDSCU = "findscu (DCMTK)"
FINDSCU_QUIET = "findscu -q (DCMTK; counts nothing)"
