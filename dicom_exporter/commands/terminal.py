"""Where results are printed. Colours are for terminals only, and for nobody who sets NO_COLOR: rich sees to both."""

from __future__ import annotations

import io
import sys

from rich.console import Console

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
