"""Each alert has a runbook, and each runbook has what somebody needs at three in the morning."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.testing.rules import RUNBOOKS, alerts

PAGES = sorted(RUNBOOKS.glob("*.md"))
ALERTING = RUNBOOKS.parent / "alerting.md"
SECTIONS = ["What it means", "What to check first", "What to do", "When to escalate", "False positives"]


def test_runbooks_are_one_per_alert() -> None:
    assert [page.stem for page in PAGES] == sorted(alerts())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_runbook_has_all_sections(page: Path) -> None:
    text = page.read_text()
    assert text.startswith(f"# {page.stem}\n")
    parts = re.split(r"^## (.*)$", text, flags=re.MULTILINE)
    assert parts[1::2] == SECTIONS
    assert all(part.strip() for part in parts[2::2])
    assert "```sh\n" in parts[4]  # something to run


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_runbook_needs_no_remote_resource(page: Path) -> None:
    """Plain Markdown: no HTML, no picture, and no link but to another runbook."""
    prose = re.sub(r"^```.*?^```$|`[^`]*`", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    assert not re.search(r"<\w|!\[|https?:", prose)
    for target in re.findall(r"\]\(([^)]*)\)", prose):
        assert (RUNBOOKS / f"{target.removesuffix('.md')}.md").exists(), target


def test_runbooks_list_of_alerts_is_current() -> None:
    listed = re.findall(
        r"^\| \[(\w+)\]\(runbooks/\1\.md\) \| (\w+) \| (\w+) \| \S", ALERTING.read_text(), flags=re.MULTILINE
    )
    assert sorted(listed) == sorted((name, rule["labels"]["severity"], rule["for"]) for name, rule in alerts().items())
