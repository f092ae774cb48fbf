"""Templates -> HTML. Everything is escaped; a page loads nothing but files of the exporter itself."""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from aiohttp import hdrs, web
from markupsafe import Markup

from dicom_exporter import __version__
from dicom_exporter.pages.context import PAGES
from dicom_exporter.pages.headlines import NAMES, headline
from dicom_exporter.prober.log import lines
from dicom_exporter.verdict.advisories import matching, peers, release_year
from dicom_exporter.verdict.findings import Status
from dicom_exporter.verdict.ladder import allowed_level
from dicom_exporter.verdict.texts import (
    CHECKS,
    LEVELS,
    SERVICES,
    STORE_OUTCOMES,
    WEB_ANSWERS,
    answer,
    ending,
    exposure_unknown,
    level_words,
    sentence,
    tls_accepted,
    tried,
)

if TYPE_CHECKING:
    from jinja2 import Environment

_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self';"
    " base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {hdrs.CONTENT_SECURITY_POLICY: _POLICY, "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin"}
"""Of every page."""
_DAY = 86_400


async def page(
    request: web.Request,
    template: str,
    values: Callable[[], Mapping[str, Any]] = dict,
    *,
    depth: int = 0,
    status: int = 200,
) -> web.Response:
    """Render `template` with `values()`. `depth` counts the slashes between the page and the root of our paths."""
    text = await rendered(request, template, values, depth=depth)
    return web.Response(status=status, text=text, content_type="text/html", headers=HEADERS)


async def rendered(
    request: web.Request, template: str, values: Callable[[], Mapping[str, Any]], *, depth: int = 0
) -> str:
    """The text of a page, which is made in a thread, one page at a time: ten thousand targets take a tenth of a second
    to sort.
    """
    pages = request.app[PAGES]
    telemetry = quote(pages.telemetry_path.lstrip("/"))

    def make() -> str:
        known = {"base": "../" * depth or "./", "now": time.time(), "telemetry": telemetry}
        return _environment().get_template(template).render({**known, **values()})

    async with pages.renderer:
        return await asyncio.to_thread(make)


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # 2 MiB, for those who look at pages

    environment = Environment(
        loader=PackageLoader("dicom_exporter.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "ago": ago,
        "answer": answer,
        "duration": duration,
        "ending": ending,
        "level_words": level_words,
        "log_lines": lines,
        "moment": moment,
        "path": lambda text: f"?name={text}" if text in (".", "..") else quote(text, safe=""),
        "sentence": sentence,
    }
    environment.globals |= {
        "CHECKS": CHECKS,
        "LEVELS": LEVELS,
        "NAMES": NAMES,
        "SERVICES": SERVICES,
        "STORE_OUTCOMES": STORE_OUTCOMES,
        "Status": Status,
        "WEB_ANSWERS": WEB_ANSWERS,
        "allowed_level": allowed_level,
        "exposure_unknown": exposure_unknown,
        "headline": headline,
        "matching": matching,
        "peers": peers,
        "release_year": release_year,
        "tls_accepted": tls_accepted,
        "tried": tried,
        "version": __version__,
    }
    return environment


def moment(when: float, now: float | None = None) -> Markup:
    """A Unix time in UTC, to which a script adds local time. With `now`, without the date if it is within a day."""
    exact = datetime.fromtimestamp(when, UTC)
    shown = f"{exact:%H:%M} UTC" if now is not None and abs(now - when) < _DAY else f"{exact:%Y-%m-%d %H:%M:%S} UTC"
    return Markup('<time datetime="{}">{}</time>').format(f"{exact:%Y-%m-%dT%H:%M:%S}Z", shown)


def ago(seconds: float) -> str:
    """How long ago something was, roughly: ``12 s``, ``5 min``, ``3 h 20 min``, ``4 d``."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes = whole // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 7 else f"{days} d"


def duration(seconds: float) -> str:
    """How long something took: ``0.31 ms``, ``12 ms``, ``3.2 s``."""
    if seconds >= 1:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.01 else f"{seconds * 1000:.2f} ms"
