"""What the endpoints work with. The application keeps it under `STATE`."""

import asyncio
from dataclasses import dataclass, field

from aiohttp import web

from dicom_exporter.pages.history import History
from dicom_exporter.prober.prober import Prober
from dicom_exporter.server.browsers import AllowedHosts
from dicom_exporter.server.external_url import ExternalURL
from dicom_exporter.server.limits import Traffic
from dicom_exporter.server.reload import Reloader
from dicom_exporter.server.shared_scrapes import SharedScrapes
from dicom_exporter.verdict.comparison import MissingSince


@dataclass(frozen=True, slots=True)
class State:
    """The parts of the server. Each holds its own changing data; none of it has to survive a restart."""

    prober: Prober
    reloader: Reloader
    history: History
    """For the pages."""
    timeout_offset: float = 0.5
    """Seconds by which an answer is sent before the scrape times out, at least."""
    telemetry_path: str = "/metrics"
    external_url: ExternalURL | None = None
    """Where clients reach us. None: wherever a request was sent to."""
    dashboard_url: str | None = None
    """Where the dashboard of one target is, with `{target}` in the place of its name."""
    route_prefix: str | None = None
    """The path under which everything is served, without a slash at its end. None: that of `external_url`."""
    missing_since: MissingSince = field(default_factory=MissingSince)
    traffic: Traffic = field(default_factory=Traffic)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while requests are answered: not before the first configuration is applied, and not after SIGTERM."""
    shared_scrapes: SharedScrapes = field(default_factory=SharedScrapes)
    own_encoder: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Held while the exporter's own metrics are encoded, so that these need not wait for those of all targets."""

    allowed_hosts: AllowedHosts = field(default_factory=AllowedHosts)

    @property
    def prefix(self) -> str:
        """The path under which everything is served: empty, or like /dicom."""
        if self.route_prefix is not None:
            return self.route_prefix
        return "" if self.external_url is None else self.external_url.prefix


STATE = web.AppKey("STATE", State)
