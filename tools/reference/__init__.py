"""The pages of docs/ that are generated from the code: `make docs` writes them, and a test compares them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from tools.reference import command_line, configuration, manual, metrics

ROOT = Path(__file__).parents[2]
PAGES: Mapping[str, Callable[[], str]] = {
    "docs/configuration.md": configuration.page,
    "docs/metrics.md": metrics.page,
    "docs/command-line.md": command_line.page,
    "docs/dicom_exporter.1": manual.page,
}
"""File -> the function that returns its text."""
