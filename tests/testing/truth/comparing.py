"""Servers on real sockets: what the exporter claims, what other clients get, and where the two do not agree."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import hypothesis
from hypothesis import HealthCheck, Phase

from dicom_exporter.net.resolver import LookupThreads
from tests.testing.truth import strangers
from tests.testing.truth.asking import Claims, claims, probe, target_of
from tests.testing.truth.judging import untrue
from tests.testing.truth.levels import Steps, truth
from tests.testing.truth.listening import listening, on_loopback
from tests.testing.truth.model import Server
from tests.testing.truth.strangers import Got
from tests.testing.truth.strategies import servers

SECONDS = 6.0
"""What a probe has. A server that is slower, or hangs, is to be unknown."""
CONNECT_TIMEOUT = 1.0


@dataclass(frozen=True)
class Compared:
    """One server."""

    server: Server
    claims: Claims
    got: tuple[Got, ...]
    faults: tuple[str, ...]
    """What is untrue, in words."""


def sample(seed: int, count: int) -> list[Server]:
    """That many servers, the same for the same seed."""
    found: list[Server] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(servers())
    def collect(server: Server) -> None:
        found.append(server)

    collect()
    return found[:count]


async def compare_all(servers: Sequence[Server], at_once: int = 8) -> list[Compared]:
    """`compare`, for so many at once."""
    turns = asyncio.Semaphore(at_once)

    async def in_turn(server: Server) -> Compared:
        async with turns:
            return await compare(server)

    return list(await asyncio.gather(*map(in_turn, servers)))


async def compare(server: Server) -> Compared:
    """Run `server` on loopback, once for the exporter and once for the other clients: each meets it as it begins."""
    async with listening(server) as running:
        lookups = LookupThreads(running.getaddrinfo)
        try:
            target = target_of(running.server, running.ports)
            record = await probe(running.server, target, lookups, timeout=SECONDS, connect_timeout=CONNECT_TIMEOUT)
        finally:
            lookups.close()
    claimed = claims(record)
    faults = untrue(claimed, truth(on_loopback(server)))
    async with listening(server) as running:
        dicom = await asyncio.to_thread(strangers.over_dicom, running)
        http = await asyncio.to_thread(strangers.of_dicomweb, running) if server.has_web else []
        pages = await asyncio.to_thread(strangers.of_page, running) if server.has_page else []
    steps = Steps(server.prove_identity, server.prove_download)
    for service, got in (("dimse", dicom), ("dicomweb", http), ("web", pages)):
        level = claimed.levels.get(service)
        best = max(got, key=lambda each: each.reached(steps), default=None)
        if level is None or best is None:
            continue
        if level.level is not None and level.level < best.reached(steps):
            faults.append(f"{service}: known level {level.level}; {best.by} gets {best.reached(steps)}")
    return Compared(server, claimed, (*dicom, *http, *pages), tuple(faults))
