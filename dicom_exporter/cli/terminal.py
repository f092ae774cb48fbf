"""The terminal: the console for results on stdout, and the phases of a probe while it runs, on stderr.

rich decides about colours: only for terminals, and not if NO_COLOR is set.
"""

import io
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from dicom_exporter.enums import Phase
from dicom_exporter.net.timing import OnPhase

FILE_WIDTH = 200
"""Columns of output that does not go to a terminal: lines that are not wrapped are easier to search."""
_MAX_LINES = 8
"""Phases that are shown: an exposure probe has several associations, each with the same phases."""


def stdout_console() -> Console:
    """A console on stdout. Characters that the encoding of the terminal lacks are written as escape sequences."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    console = Console()
    if not console.is_terminal:
        console.width = FILE_WIDTH
    return console


@contextmanager
def phases_shown(title: str) -> Iterator[OnPhase | None]:
    """Show the phases of a probe, under `title`, until the block ends; then clear them from the screen.

    Yields the callback to give to the prober. It is None if stderr is no terminal: then nothing is shown.
    """
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield None
        return
    phases = _Phases(title)
    with Live(get_renderable=phases.render, console=console, refresh_per_second=8, transient=True):
        yield phases.on_phase


class _Phases:
    """The phases that ended, and the one that runs: written by the event loop, read by the thread that draws."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._ended: list[tuple[Phase, float]] = []
        self._running: tuple[Phase, float] | None = None

    def on_phase(self, phase: Phase, seconds: float | None) -> None:
        """`phase` begins (`seconds` is None), or has ended after that many seconds."""
        if seconds is None:
            self._running = (phase, time.perf_counter())
        else:
            self._running = None
            self._ended.append((phase, seconds))

    def render(self) -> Text:
        text = Text(self._title + "\n", style="bold")
        for phase, seconds in self._ended[-_MAX_LINES:]:
            text.append(f"  {phase:<10}{seconds * 1000:10.1f} ms\n", style="default not bold")
        running = self._running
        if running is not None:
            phase, start = running
            text.append(f"  {phase:<10}{time.perf_counter() - start:10.1f} s ...", style="not bold yellow")
        return text
