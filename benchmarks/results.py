"""The results of a complete run, as written to results.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.bar import Bar
from benchmarks.fleet import Fleet
from benchmarks.scraping import Dead, Kept, Matches, Silent, Size
from benchmarks.timing import Rate
from benchmarks.turns import Turns

Race = Mapping[str, Rate]
"""Client -> its rates and costs."""


@dataclass(slots=True)
class Results:
    """All sections of a run. A section is missing if its server is not installed."""

    machine: Mapping[str, str]
    """The machine and the versions."""
    command: str
    date: str
    echo: dict[str, Race] = field(default_factory=dict)
    """Server and number of concurrent sessions (``fast 256``) -> rates of sessions."""
    find: dict[str, Race] = field(default_factory=dict)
    """Server -> rates of matches."""
    sizes: list[Size] = field(default_factory=list)
    dead: Dead | None = None
    silent: Silent | None = None
    filtered: Dead | None = None
    matches: Matches | None = None
    history: Kept | None = None
    turns: dict[str, Turns] = field(default_factory=dict)
    """Figure -> what was measured in turns with another program."""
    fleet: Fleet | None = None
    busy: list[Bar] = field(default_factory=list)
    """The bars of the same run with one core busy."""


OURS = "dicom_exporter"
THROUGH_PROBE = "dicom_exporter /probe"
FLOOR = "floor: bare asyncio client"
CALLBACKS = "floor: callbacks only"
PYNETDICOM = "pynetdicom"
RUST = "dicom-echo (Rust)"
ECHOSCU = "echoscu (DCMTK)"
FINDSCU = "findscu (DCMTK)"
FINDSCU_QUIET = "findscu -q (DCMTK; counts nothing)"
