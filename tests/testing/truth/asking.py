"""What the exporter claims about a server: its probes are run, and its metrics read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from dicom_exporter.config import Address, Exposure, Identity, Model, Module, Query, Target, Vantage, WebEntry
from dicom_exporter.config import Level as QueryLevel
from dicom_exporter.enums import Expect
from dicom_exporter.metrics import families
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.net.turns import Turns
from dicom_exporter.prober.cache import ResultCache
from dicom_exporter.prober.plan import probe_as
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.prober.silence import ENOUGH, is_hurried
from dicom_exporter.results import TargetResult
from tests.testing.truth.model import CALLED, MODALITIES, NAME, TLS, Page, Server, Web
from tests.testing.truth.network import PORTS, Network
from tests.testing.truth.servers import Ports
from tests.testing.truth.web import PAGE, ROOT

SECONDS = 15.0
"""What a probe has, as in the built-in module `exposure`."""
CONNECT_TIMEOUT = 3.0
_OVER = 5.0
"""Seconds beyond its deadline that a probe may take: TLS and A-RELEASE have time of their own."""
_STRANGER = Identity("stranger", calling_ae_title=None)
MONITOR = Identity("monitor", calling_ae_title="MONITOR")


@dataclass(frozen=True)
class Level:
    """What is claimed of the level of a service."""

    known: bool
    level: int | None
    at_least: int | None
    reasons: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Count:
    """A claimed count."""

    number: int | None
    complete: bool | None
    instances: int | None = None
    instances_complete: bool | None = None


@dataclass(frozen=True)
class Claims:
    """What the exporter claims."""

    levels: Mapping[str, Level]
    """Service -> level."""
    matches: Mapping[str, Count] = field(default_factory=dict)
    """Query of the stranger -> matches."""
    studies: Count = field(default_factory=lambda: Count(None, None))
    """Over DICOMweb."""
    page_studies: Count = field(default_factory=lambda: Count(None, None))
    """Over the REST interface beside the page."""


def target_of(server: Server, ports: Ports) -> Target:
    """The target as it would be configured."""
    host = NAME if server.by_name else server.endpoints[0].ip

    def url(services: list[Web] | list[Page], port: int, path: str) -> str:
        shown = f"[{host}]" if ":" in host else host
        return f"{'http' if services[0].tls is TLS.NONE else 'https'}://{shown}:{port}{path}"

    webs = [each.web for each in server.endpoints if each.web is not None]
    pages = [each.page for each in server.endpoints if each.page is not None]
    return Target(
        "target",
        Address(host, ports.dimse),
        called_ae_title=CALLED,
        expect=Expect.CONTROL,
        dicomweb=url(webs, ports.web, ROOT) if webs else None,
        web=(WebEntry(url(pages, ports.page, PAGE)),) if pages else (),
    )


async def probe(
    server: Server,
    target: Target,
    lookups: LookupThreads,
    *,
    timeout: float = SECONDS,
    connect_timeout: float = CONNECT_TIMEOUT,
    identity: Identity = _STRANGER,
    vantage: Vantage | None = None,
) -> ProbeRecord:
    """Probe `target`, which is `server`, with a module of that `timeout`: as a stranger; or as the monitor, by queries.

    The record of a stranger has no claims about the queries of the monitor, and the other way round.
    """
    seconds = min(timeout, server.seconds)
    prove = {"identity": server.prove_identity, "download": server.prove_download}
    exposure = Exposure(server.max_matches, tuple(name for name, wanted in prove.items() if wanted))
    module = Module("module", identity=identity.name, timeout=timeout, echo=False, exposure=exposure)
    if identity is MONITOR:
        module = replace(module, exposure=None, queries=_queries(server.max_matches))
    limits = ConnectionLimits()
    limits.turns = Turns(clock=lambda: 0.0)  # the same order on a busy machine
    context = ProbeContext(
        identity,
        Resolver(lookups),
        limits,
        connect_timeout,
        asyncio.get_running_loop().time() + seconds,
        datetime(2026, 1, 15, 12, tzinfo=UTC),
        hurried=is_hurried(seconds, timeout),
        connect_proof=min(connect_timeout, timeout * ENOUGH),
        vantage=vantage,
    )
    session = await probe_as(target, module, context, ResultCache())
    return make_record(target, (module.name,), TargetResult(target.name, (session,)), 0.0)


def _queries(most: int) -> dict[str, Query]:
    return {
        modality: Query(
            modality, Model.STUDY_ROOT, QueryLevel.STUDY, match={"ModalitiesInStudy": modality}, max_matches=most
        )
        for modality in MODALITIES
    }


class Simulation:
    """Asks about servers on a simulated network."""

    def __init__(self) -> None:
        self._network = Network()
        self._lookups = LookupThreads(self._network.getaddrinfo_of)
        self._network.waiting_for_threads = lambda: self._lookups.pending > 0

    def ask(self, server: Server, identity: Identity = _STRANGER) -> Claims:
        """What the exporter claims about `server`. Asserts that it took no longer than it had, and left nothing."""
        target = target_of(server, PORTS)
        begun = self._network.time()

        async def client() -> ProbeRecord:
            record = await probe(server, target, self._lookups, identity=identity)
            assert self._network.time() - begun <= server.seconds + _OVER, "took longer than it had"
            return record

        return claims(self._network.run(server, client))

    def close(self) -> None:
        """End the threads and the loop."""
        self._lookups.close()
        self._network.close()


def claims(record: ProbeRecord) -> Claims:
    """The claims in the metrics of a record."""
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in families([record], target_label=False):
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, sample.value))
    known = _by(samples.get("dicom_exposure_known", []), "protocol")
    level = _by(samples.get("dicom_exposure_level", []), "protocol")
    at_least = _by(samples.get("dicom_exposure_level_at_least", []), "protocol")
    reasons = samples.get("dicom_exposure_unknown_reason", [])
    levels = {
        service: Level(
            value == 1,
            _integer(level.get(service)),
            _integer(at_least.get(service)),
            frozenset(labels["reason"] for labels, one in reasons if labels["protocol"] == service and one),
        )
        for service, value in known.items()
    }
    matches = _by(samples.get("dicom_query_matches", []), "query")
    complete = _by(samples.get("dicom_query_complete", []), "query")
    images = next((value for _, value in samples.get("dicom_images_visible", [])), None)
    images_complete = next((value for _, value in samples.get("dicom_images_complete", [])), None)
    session = record.sessions[0]
    web = session.dicomweb
    return Claims(
        levels,
        {
            name: Count(
                _integer(value),
                None if name not in complete else complete[name] == 1,
                _integer(images) if name == "studies" else None,
                images_complete == 1 if name == "studies" else None,
            )
            for name, value in matches.items()
        },
        Count(None, None) if web is None else Count(web.studies, web.complete),
        Count(session.web[0].studies, session.web[0].complete) if session.web else Count(None, None),
    )


def _by(samples: list[tuple[dict[str, str], float]], label: str) -> dict[str, float]:
    return {labels[label]: value for labels, value in samples}


def _integer(value: float | None) -> int | None:
    return None if value is None else int(value)
