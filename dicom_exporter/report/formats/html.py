"""The report as one HTML page that needs nothing but itself: to be read, printed, signed and filed."""

from __future__ import annotations

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from dicom_exporter.report import columns
from dicom_exporter.report.formats.markdown import GROUP_COLUMNS, TARGET_COLUMNS, group_cells, target_cells
from dicom_exporter.report.report import Report
from dicom_exporter.verdict.texts import CHECKS, LEVELS


def as_html(report: Report) -> str:
    """The page. Every text in it is escaped, and its own policy (CSP) lets in no style but its own, and no script."""
    template, style = _template(), _style()
    return template.render(
        report=report,
        style=style,
        style_hash=_hash(style),
        levels=LEVELS,
        checks=CHECKS,
        cells=columns,
        target_columns=TARGET_COLUMNS,
        target_cells=target_cells,
        group_columns=GROUP_COLUMNS,
        group_cells=group_cells,
    )


@cache
def _environment() -> Environment:
    loader = PackageLoader("dicom_exporter.report.formats", ".")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _template() -> Template:
    return _environment().get_template("page.html")


def _style() -> Markup:
    """The style sheet, which is ours and needs no escaping."""
    return Markup(_environment().get_template("page.css").render())  # noqa: S704 - a file of this package


def _hash(style: str) -> str:
    """What the page's policy names its style by (CSP 3, 2.3.1)."""
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
