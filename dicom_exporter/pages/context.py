"""What the pages are made from. The application keeps it under `PAGES`; nothing here knows the server."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from dicom_exporter.config import Config
from dicom_exporter.pages.history import History


@dataclass(frozen=True, slots=True)
class Pages:
    """The data of the pages, and the paths that they link to."""

    history: History
    config: Callable[[], Config]
    """Returns the running configuration, which a reload replaces."""
    telemetry_path: str = "/metrics"
    prefix: str = ""
    """The path under which everything is served: empty, or like /dicom, without a slash at its end."""
    dashboard_url: str | None = None
    """Where the dashboard of one target is, with `{target}` in the place of its name."""
    renderer: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Held while a page is made in a thread: one at a time, as a page of ten thousand targets takes 0.1 s."""


PAGES = web.AppKey("PAGES", Pages)
