"""What the pages import from the rest of the program."""

from __future__ import annotations

import re
from pathlib import Path

import dicom_exporter.pages


def test_pages_import_nothing_of_the_server() -> None:
    (directory,) = map(Path, dicom_exporter.pages.__path__)
    sources = {file.name: file.read_text() for file in directory.glob("*.py")}
    assert "context.py" in sources
    assert [name for name, text in sources.items() if re.search(r"dicom_exporter(\.| import )server", text)] == []
