"""The HTTP server of the exporter in this process, with a prober that probes nothing."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import cast

from aiohttp import ClientSession, TCPConnector, web
from prometheus_client.parser import text_string_to_metric_families

from dicom_exporter.config import Address, Config, Target
from dicom_exporter.enums import Outcome
from dicom_exporter.pages.history import History
from dicom_exporter.prober.prober import OnStep, Prober
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.results import EchoResult, SessionResult, TargetResult
from dicom_exporter.server.app import create_app, is_health_check
from dicom_exporter.server.connections import BoundedRunner
from dicom_exporter.server.listening import ListenAddress, listen
from dicom_exporter.server.reload import Reloader
from dicom_exporter.server.state import State
from dicom_exporter.webconfig.live import LiveConfig
from dicom_exporter.webconfig.middleware import protect
from dicom_exporter.webconfig.site import Site

CONFIG = Config((Target("one", Address("127.0.0.1", 104)), Target("two", Address("::1", 11112))))

HEADER = "X-Prometheus-Scrape-Timeout-Seconds"

Asked = tuple[tuple[str, ...], float | None, tuple[str, ...] | None]


@dataclass
class FakeProber:
    """Reports at once, or once `go` is set, that every echo succeeded; records its calls."""

    config: Config = CONFIG
    go: asyncio.Event | None = None
    asked: list[Asked] = field(default_factory=list)
    started: asyncio.Event = field(default_factory=asyncio.Event)
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    probes_in_flight: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    closed: bool = False
    stale_credential_files: dict[tuple[str, str], bool] = field(default_factory=dict)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    watchers: dict[str, OnStep] = field(default_factory=dict)
    denies: Exception | None = None
    """What is raised for an address that is not in the configuration."""

    def reconfigure(self, config: Config) -> None:
        self.config = config

    async def probe_targets(
        self,
        targets: Sequence[Target],
        timeout: float | None,
        modules: Sequence[str] | None = None,
        client: str = "",
    ) -> list[ProbeRecord]:
        self.asked.append((tuple(target.name for target in targets), timeout, tuple(modules) if modules else None))
        self.started.set()
        if self.go is not None:
            await self.go.wait()
        self.answered.set()
        session = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0))
        return [
            make_record(target, tuple(modules or target.modules), TargetResult(target.name, (session,)), time.time())
            for target in targets
        ]

    async def probe_address(
        self, target: Target, timeout: float | None, modules: Sequence[str] | None = None, client: str = ""
    ) -> ProbeRecord:
        if self.denies is not None:
            raise self.denies
        (record,) = await self.probe_targets([target], timeout, modules)
        return record

    @contextmanager
    def watched(self, target: str, on_step: OnStep) -> Iterator[None]:
        self.watchers[target] = on_step
        try:
            yield
        finally:
            del self.watchers[target]
            self.left.set()

    async def close(self) -> None:
        self.closed = True
        if self.go is not None:
            self.go.set()


def series(text: str) -> dict[tuple[str, str], float]:
    """(Name, target) -> value."""
    return {
        (sample.name, sample.labels.get("target", "")): sample.value
        for metric in text_string_to_metric_families(text)
        for sample in metric.samples
    }


def state(prober: FakeProber | Prober, load: Callable[[], Config] = lambda: CONFIG, *, ready: bool = True) -> State:
    """The state of an exporter that is ready."""
    history = History(prober.config)
    made = State(cast(Prober, prober), Reloader(load, (prober.reconfigure, history.reload)), history)
    if ready:
        made.ready.set()
    return made


@asynccontextmanager
async def exporter(
    of: State | FakeProber | None = None,
    max_connections: int = 1000,
    idle: float = 60.0,
    web_config: LiveConfig | None = None,
) -> AsyncIterator[ClientSession]:
    """A client of an exporter, which listens on loopback. Nothing is decompressed on the way.

    Beyond `max_connections`, and after `idle` seconds, connections end.
    """
    if not isinstance(of, State):
        of = state(of or FakeProber())
    app = create_app(of)
    if web_config is not None:
        protect(app, web_config, unlimited=is_health_check)
    headers = (lambda: web_config.headers) if web_config is not None else dict
    runner = BoundedRunner(app, of.traffic, max_connections, idle=idle, headers=headers)
    await runner.setup()
    try:
        (sock,) = listen([ListenAddress("127.0.0.1", 0)])
        await (web.SockSite(runner, sock) if web_config is None else Site(runner, sock, web_config)).start()
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        as_it_comes = {"Accept-Encoding": "identity"}
        many = TCPConnector(limit=0)
        async with ClientSession(url, headers=as_it_comes, auto_decompress=False, connector=many) as client:
            yield client
    finally:
        await runner.cleanup()
