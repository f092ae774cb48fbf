"""Functions that write Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

_NOTE = "<!-- Made by `make docs` from the code. Change it there. -->"


def head(name: str) -> str:
    """The top of a page: its title and the text that is not generated from code, from the file `name`.md here."""
    return f"{_NOTE}\n\n{Path(__file__).with_name(f'{name}.md').read_text(encoding='utf-8')}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table; cells are Markdown, in which a bar would end the cell."""
    yield _row(head)
    yield "|" + "---|" * len(head)
    for row in rows:
        yield _row(row)
    yield ""


def code(text: str) -> str:
    """`text` as code."""
    return f"`{text}`"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
