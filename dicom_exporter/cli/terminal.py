"""One target, probed alone, and the phases of it while they run, for whoever waits at a terminal.

Where results are printed. Colours are for terminals only, and for nobody who sets NO_COLOR: rich sees to both.
"""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dicom_exporter.cli.process import run
from dicom_exporter.config import Config, Target
from dicom_exporter.net.timing import OnPhase
from dicom_exporter.prober.prober import Prober
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import Phase

_SHOWN = 8
"""Lines at most; a stranger's visit has several associations, with the same phases each."""


def probe_alone(config: Config, target: Target, title: str) -> ProbeRecord:
    """The record of one probe of `target`, whose phases are shown under `title` while they run."""
    with phases_shown(title) as on_phase:
        return run(_probe(config, target, on_phase))


async def _probe(config: Config, target: Target, on_phase: OnPhase | None) -> ProbeRecord:
    prober = Prober(config, on_phase=on_phase)
    try:
        (record,) = await prober.probe_targets([target], None)
    finally:
        await prober.close()
    return record


@contextmanager
def phases_shown(title: str) -> Iterator[OnPhase | None]:
    """Show the phases that are reported to `OnPhase` until the block ends, then leave the screen as it was.

    On stderr, and only where that is a terminal: elsewhere there is no callback, and nothing is shown.
    """
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    watch = _Watch(title)
    with Live(get_renderable=watch.shown, console=console, refresh_per_second=8, transient=True):
        yield watch.hear


class _Watch:
    """What ran, and what runs. Two lists, filled from the event loop and read by the thread that draws."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._ended: list[tuple[Phase, float]] = []
        self._running: tuple[Phase, float] | None = None

    def hear(self, phase: Phase, seconds: float | None) -> None:
        if seconds is None:
            self._running = (phase, time.perf_counter())
        else:
            self._running = None
            self._ended.append((phase, seconds))

    def shown(self) -> Text:
        text = Text(self._title + "\n", style="bold")
        for phase, seconds in self._ended[-_SHOWN:]:
            text.append(f"  {phase:<10}{seconds * 1000:10.1f} ms\n", style="default not bold")
        running = self._running
        if running is not None:
            phase, begun = running
            text.append(f"  {phase:<10}{time.perf_counter() - begun:10.1f} s ...", style="not bold yellow")
        return text


FILE_WIDTH = 200
"""Columns of what is printed, where it is not a terminal that says how many it has: a line is easier to search for
when it is not cut into pieces."""


def stdout_console() -> Console:
    """A console on stdout. A letter that the terminal does not have is written as its code, and ends nothing."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    return console
