"""The pages in docs/: the generated ones match the code, and every link resolves."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from pathlib import Path

import pytest

from dicom_exporter.config import load
from dicom_exporter.config.values.time import parse_duration
from dicom_exporter.enums import Outcome, QueryOutcome
from tools.reference import PAGES, ROOT, metrics

DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted(ROOT.glob("docs/**/*.md"))]
LINK = re.compile(r"(?<!`)!?\[[^\]]*\]\(([^)\s]+)\)")


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("name", PAGES)
def test_docs_generated_pages_are_current(name: str) -> None:
    if name.endswith(".1") and sys.version_info[:2] != (3, 11):
        pytest.skip("each version of argparse wraps usage lines differently; only 3.11 is compared")
    assert (ROOT / name).read_text() == PAGES[name](), f"{name} is out of date: run `make docs`"


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_docs_links_resolve(path: Path) -> None:
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.M | re.S)
    for link in LINK.findall(text):
        if re.match(r"https?://|mailto:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{name_of(path)}: {link}"
        assert target.is_relative_to(ROOT), f"{name_of(path)}: {link}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{name_of(path)}: {link}"


@pytest.mark.parametrize("name", ["robustness", "limits"])
def test_docs_tests_that_are_named_exist(name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text()
    code = "".join(path.read_text() for path in ROOT.glob("tests/**/test_*.py"))
    assert not [test for test in re.findall(r"`(test_\w+)`", text) if f"def {test}(" not in code]
    assert not [path for path in re.findall(r"`(tests/[\w/.]+)`", text) if not (ROOT / path).exists()]


def test_docs_index_lists_every_page() -> None:
    """The site takes its contents from there."""
    index = (ROOT / "docs" / "README.md").read_text().partition("## All pages")[2]
    listed = {link.partition("#")[0] for link in LINK.findall(index)}
    assert {file.name for file in ROOT.glob("docs/*.md")} - listed == {"README.md"}


def configurations() -> list[tuple[str, str]]:
    """The examples of config.yml, and parts of one, in docs/."""
    found = []
    for path in ROOT.glob("docs/**/*.md"):
        for indent, text in re.findall(r"^( *)```yaml\n(.*?)^\1```$", path.read_text(), re.M | re.S):
            flat = re.sub(rf"^{indent}", "", text, flags=re.M)
            if re.match(r"(#.*\n)*(global|identities|modules|targets|compare|probe):", flat):
                found.append((name_of(path), flat))
    return found


@pytest.mark.parametrize(("page", "text"), configurations())
def test_docs_example_configurations_load(page: str, text: str, tmp_path: Path) -> None:
    whole = (
        text if re.search(r"^targets:", text, re.M) else f"{text}\ntargets: [{{name: one, address: 'a.example:104'}}]"
    )
    (tmp_path / "config.yml").write_text(whole)
    assert load([tmp_path / "config.yml"]).targets, page


def test_docs_example_intervals_suit_the_rules() -> None:
    """For the rules, samples older than five to ten minutes are missing: alerts would end between two scrapes."""
    for path in (*DOCUMENTS, *ROOT.glob("prometheus/*.yml"), *ROOT.glob("deploy/**/*.y*ml")):
        for interval in re.findall(r"^ *(?:scrape_interval|scrapeInterval|interval): *(\w+)$", path.read_text(), re.M):
            assert parse_duration(interval) <= 120, f"{name_of(path)}: {interval}"


def test_docs_metrics_page_has_every_metric_and_outcome() -> None:
    text = (ROOT / "docs/metrics.md").read_text()
    for name in metrics.names():
        assert text.count(f"| `{name}` |") == 1, name
    for outcome in (*Outcome, *QueryOutcome):
        assert f"| `{outcome}` |" in text, outcome


def test_docs_commands_can_be_parsed() -> None:
    """Those in the text; whole shell lines are run by an integration test."""
    found = set()
    for path in DOCUMENTS:
        found |= set(re.findall(r"`(?:\S*/)?dicom_exporter (-[^`]*|[a-z]+(?: [^`]*)?)`", path.read_text()))
    assert len(found) > 10
    for text in found - {"--help"}:
        words = text.partition(" > ")[0].replace("HOST:PORT", "pacs.example:104").replace("|", " ").split()
        for word in words[1:] if words[0] == "print" else [""]:  # `print rules|schema` stands for two commands
            arguments = words if not word else ["print", word]
            name = "serve" if arguments[0].startswith("-") else arguments.pop(0)
            command = import_module(f"dicom_exporter.cli.{name}")
            command.make_parser().parse_args(arguments, command.Options())


def section(link: str) -> str:
    """The page, or the part of it below a heading, that a link of docs/README.md leads to."""
    name, _, anchor = link.partition("#")
    text = (ROOT / "docs" / name).read_text()
    if not anchor:
        return text
    parts = re.split(r"^## (.*)$", text, flags=re.M)
    named = zip(parts[1::2], parts[2::2], strict=True)
    return next(body for heading, body in named if re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") == anchor)


def test_docs_to_read_before_production_have_at_most_3000_words() -> None:
    text = section("README.md#before-production")
    steps = [LINK.findall(line) for line in re.findall(r"^\d+\. (.*)$", text, flags=re.M)]
    assert len(steps) > 4
    longest = [max(len(section(link).split()) for link in links) for links in steps]  # of the ways to install it, one
    assert sum(longest) <= 3000, longest


def test_docs_troubleshooting_has_every_outcome() -> None:
    text = (ROOT / "docs/troubleshooting.md").read_text()
    one, two = text.split("## A query")
    for part, outcomes in ((one, Outcome), (two, QueryOutcome)):
        listed = {word for row in re.findall(r"^\| (`[^|]*) \|", part, re.M) for word in re.findall(r"`(\w+)`", row)}
        assert listed >= {outcome.value for outcome in outcomes}
