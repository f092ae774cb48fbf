"""The report as one HTML page that loads nothing: to be read, printed, signed and filed."""

import base64
import hashlib
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dicom_exporter.report.columns import GROUP_COLUMNS, RESULT, TARGET_COLUMNS, Layout, shown
from dicom_exporter.report.report import Report
from dicom_exporter.verdict.colours import STATES, text_on
from dicom_exporter.verdict.texts import CHECKS, LEVELS


def as_html(report: Report) -> str:
    """The page. Every text in it is escaped; its own policy (CSP) allows only its own style sheet, and no script."""
    return page(
        "page.html",
        report=report,
        levels=LEVELS,
        checks=CHECKS,
        result=RESULT,
        target_columns=shown(TARGET_COLUMNS, Layout.DOCUMENT),
        group_columns=shown(GROUP_COLUMNS, Layout.DOCUMENT),
    )


def page(template: str, **values: object) -> str:
    """A page from a template of the report."""
    style = _style()
    return _environment().get_template(template).render(style=style, style_hash=_hash(style), **values)


@cache
def _environment() -> Environment:
    loader = PackageLoader("dicom_exporter.report", "formats")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _style() -> Markup:
    """The style sheet, which is ours and needs no escaping."""
    return Markup(_environment().get_template("page.css").render(colours=STATES, text_on=text_on))  # noqa: S704 - a file of this package


def _hash(style: str) -> str:
    """The name of the style sheet in the page's policy (CSP 3, 2.3.1)."""
    return base64.b64encode(hashlib.sha256(style.encode()).digest()).decode("ascii")
