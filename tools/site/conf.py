"""Sphinx: the pages of docs/ and the README as a site with a search. `make site` writes it to build/site.

The pages are Markdown that a forge shows as it is, so what only Sphinx needs is added here while it reads them.
"""

import re
from pathlib import Path
from typing import Any

from dicom_exporter import __version__

ROOT = Path(__file__).parents[2]

project = "dicom_exporter"
release = __version__
extensions = ["myst_parser"]
root_doc = "README"
include_patterns = [
    "README.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "CHANGELOG.md",
    "benchmarks/RESULTS.md",
    "docs/*.md",
    "docs/runbooks/*.md",
]
myst_heading_anchors = 4
html_theme = "furo"
html_title = f"dicom_exporter {release}"
html_copy_source = False
html_show_copyright = False
html_show_sourcelink = False


def _contents() -> str:
    """The tree of pages beside each page: those to read first, the others in the order of docs/README.md, runbooks."""
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    parts = index.partition("## All pages")
    listed = [dict.fromkeys(re.findall(r"\]\(([a-z-]+)\.md[)#]", part)) for part in (parts[0], parts[2])]
    first, others = (["docs/README", *(f"docs/{name}" for name in names)] for names in listed)
    trees = {
        "Before production": first,
        "Reference and how-to": [name for name in others if name not in first],
        "Runbooks": sorted(f"docs/runbooks/{file.stem}" for file in (ROOT / "docs" / "runbooks").glob("*.md")),
        "The project": ["CHANGELOG", "SECURITY", "CONTRIBUTING", "benchmarks/RESULTS"],
    }
    return "".join(
        f"\n```{{toctree}}\n:hidden:\n:caption: {caption}\n\n" + "\n".join(names) + "\n```\n"
        for caption, names in trees.items()
    )


def _read(_app: Any, name: str, source: list[str]) -> None:
    """Add the tree to the first page; directories of the repository, which are no pages, are names without a link."""
    directory = (ROOT / name).parent

    def link(found: re.Match[str]) -> str:
        return found[1] if (directory / found[2]).is_dir() else found[0]

    source[0] = re.sub(r"(?<!!)\[([^]]+)\]\(([^)#:\s]+)\)", link, source[0])
    if name == root_doc:
        source[0] += _contents()


def setup(app: Any) -> None:
    """Called by Sphinx."""
    app.connect("source-read", _read)
