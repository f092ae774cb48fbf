"""What the HTTP side of the exporter keeps: nothing that would be missed after a restart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from aiohttp import web

from dicom_exporter.config import Config, Target
from dicom_exporter.pages.history import History
from dicom_exporter.prober.log import ProbeLog
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.server.external_url import ExternalURL
from dicom_exporter.server.limits import Traffic
from dicom_exporter.server.shared_scrapes import Rounds


class Scrapes(Protocol):
    """What the HTTP side needs of `dicom_exporter.prober.prober.Prober`."""

    @property
    def config(self) -> Config:
        """The configuration that the next scrape goes by."""

    @property
    def probes_in_flight(self) -> int:
        """Targets that are being probed now."""

    def reconfigure(self, config: Config) -> None:
        """Go by `config` from the next scrape on."""

    async def probe_targets(
        self, targets: Sequence[Target], timeout: float | None, modules: Sequence[str] | None = None
    ) -> list[ProbeRecord]:
        """Probe `targets` within `timeout` seconds; the records come in the same order."""

    async def probe_address(
        self, target: Target, timeout: float | None, modules: Sequence[str] | None = None
    ) -> ProbeRecord:
        """Probe `target`, which is not one of the configuration's. Raises NotAllowed, Overloaded."""

    async def close(self) -> None:
        """End what is under way, at once."""


@dataclass(slots=True)
class State:
    """The prober, where its configuration comes from, and the few facts that change while we run."""

    prober: Scrapes
    load: Callable[[], Config]
    """Reads the configuration anew, and may block. Raises `ConfigErrors`."""
    timeout_offset: float = 0.5
    """Seconds by which an answer comes before the scrape times out."""
    telemetry_path: str = "/metrics"
    external_url: ExternalURL | None = None
    """Where others reach us; its path is the prefix of every path. None: wherever a client came to."""
    ready: bool = False
    """Whether a configuration is applied and we are not about to stop."""
    reload_successful: bool = True
    reload_success_time: float | None = None
    """Unix time at which the running configuration was read."""
    unknown_target_requests: int = 0
    denied_target_requests: int = 0
    history: History = field(default_factory=lambda: History(Config(())))
    probe_log: ProbeLog | None = None
    """Like the history, it forgets the targets that a reload takes away."""
    page_makers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Pages for people that are made at the same time, each in a thread."""
    reload_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    traffic: Traffic = field(default_factory=Traffic)
    rounds: Rounds = field(default_factory=Rounds)
    """Requests for /metrics that are being answered."""
    encoder: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    """Who holds it may encode the metrics of all targets: one at a time, as that takes much memory."""
    probe_encoders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(4))
    """The same for the metrics of one target, so that these need not wait for those of all."""


STATE = web.AppKey("STATE", State)
