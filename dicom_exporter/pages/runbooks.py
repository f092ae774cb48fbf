"""The runbooks that come with the exporter: what to do about each alert, also if there is no internet.

In a source tree they are `docs/runbooks/`; the wheel has them beside this package.
"""

import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import quote

from markupsafe import Markup

from dicom_exporter.config import Target
from dicom_exporter.verdict.findings import Finding

_PACKAGE = Path(__file__).parents[1]
_NEVER_PROBED = "DicomTargetNotScraped"
_DIRECTORIES = (_PACKAGE / "runbooks", _PACKAGE.parent / "docs" / "runbooks")
_RULES = (_PACKAGE / "share" / "prometheus" / "rules", _PACKAGE.parent / "prometheus" / "rules")
_ORDER = ("critical", "warning", "info", "")


@cache
def names() -> tuple[str, ...]:
    """The names of the runbooks that are installed."""
    return tuple(sorted(_files()))


@cache
def index() -> Mapping[str, Mapping[str, str]]:
    """Severity of the alert -> name of the runbook -> the first sentence of what it means, the most severe first.

    A runbook of no alert has an empty severity.
    """
    severities = _severities()
    found: dict[str, dict[str, str]] = {}
    for name in sorted(names(), key=lambda name: _ORDER.index(severities.get(name, ""))):
        meaning = _meaning(_files()[name].read_text(encoding="utf-8"))
        found.setdefault(severities.get(name, ""), {})[name] = meaning
    return found


def _severities() -> dict[str, str]:
    directory = next((directory for directory in _RULES if directory.is_dir()), _RULES[0])
    rules = "".join(file.read_text(encoding="utf-8") for file in sorted(directory.glob("*.yml")))
    return dict(re.findall(r"- alert: (\w+)\n(?:(?!- alert: ).*\n)*? +labels: \{severity: (\w+)", rules))


def _meaning(text: str) -> str:
    """The first sentence of what it means, in Markdown without marks."""
    paragraph = " ".join(text.partition("## What it means")[2].strip().partition("\n\n")[0].split())
    return re.sub(r"\[([^]]*)\]\([^)]*\)|[`*]", r"\1", re.split(r"(?<=[.:]) (?=[A-Z])", paragraph)[0])


def rendered(name: str, target: Target | None = None) -> Markup | None:
    """A runbook as HTML, its commands for `target`; None if there is none with that name.

    `name` is from the client, so no key of a cache.
    """
    file = _files().get(name)
    if file is None or target is None:
        return None if file is None else _rendered(file)
    text = re.sub(
        r"```sh\n.*?```", lambda block: _for(target, block[0]), file.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return _html(text)


def _for(target: Target, commands: str) -> str:
    target = target.shown
    host, _, port = str(target.address).rpartition(":")
    host = host.strip("[]")
    values = {
        "?target=main-pacs": f"?target={quote(target.name, safe='')}",
        "main-pacs": shlex.quote(target.name),
        "pacs.hospital.example:104": shlex.quote(str(target.address)),
        "pacs.hospital.example 104": f"{shlex.quote(host)} {port}",
        "pacs.hospital.example": shlex.quote(host),
        " PACS ": f" {shlex.quote(target.called_ae_title)} ",
    }
    return re.sub("|".join(map(re.escape, values)), lambda found: values[found[0]], commands)


@cache
def _rendered(file: Path) -> Markup:
    return _html(file.read_text(encoding="utf-8"))


def _html(text: str) -> Markup:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(markdown.render(text))  # noqa: S704 - our own file, without HTML


def runbook_for(findings: Sequence[Finding], *, probed: bool = True) -> str | None:
    """The runbook of the worst of `findings`; None if nothing is wrong, or no runbook is installed.

    A target that was never `probed` has the one of the alert that fires then.
    """
    alert = (findings[0].alert if findings else None) if probed else _NEVER_PROBED
    return alert if alert in names() else None


@cache
def _files() -> dict[str, Path]:
    """The files by name. A request is looked up here, and so cannot leave the directory."""
    directory = next((directory for directory in _DIRECTORIES if directory.is_dir()), None)
    return {file.stem: file for file in directory.glob("*.md")} if directory is not None else {}
