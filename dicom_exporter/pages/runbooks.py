"""The runbooks that come with the exporter: what to do about each alert, also if there is no internet.

In a source tree they are `docs/runbooks/`; the wheel has them beside this package.
"""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

from markupsafe import Markup

from dicom_exporter.verdict.findings import Finding

_PACKAGE = Path(__file__).parents[1]
_NEVER_PROBED = "DicomTargetNotScraped"
_DIRECTORIES = (_PACKAGE / "runbooks", _PACKAGE.parent / "docs" / "runbooks")


@cache
def names() -> tuple[str, ...]:
    """The names of the runbooks that are installed."""
    return tuple(sorted(_files()))


def rendered(name: str) -> Markup | None:
    """A runbook as HTML; None if there is none with that name. `name` is from the client, so no key of a cache."""
    file = _files().get(name)
    return None if file is None else _rendered(file)


@cache
def _rendered(file: Path) -> Markup:
    from markdown_it import MarkdownIt  # 2 MiB, for those who look at runbooks

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    return Markup(markdown.render(file.read_text(encoding="utf-8")))  # noqa: S704 - our own file, without HTML


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
