"""The examples in the README and in docs/, so that tests can try them."""

from __future__ import annotations

import re
from pathlib import Path

PATH = Path(__file__).parents[2] / "README.md"


def blocks(language: str, path: Path = PATH) -> list[str]:
    """The code blocks of a language (or of none), without the indentation that a list gives them."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", path.read_text(), re.M | re.S)
    return [re.sub(rf"^{indent}", "", text, flags=re.M) for indent, each, text in found if each == language]


def section(title: str) -> str:
    """The text below a heading of the second level, up to the next one."""
    return PATH.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]
