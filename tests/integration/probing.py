"""Probe a server on this machine as the prober would, without a configuration file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from dicom_exporter.config import Address, Identity, Level, Model, Query, Target
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.probes.session import Plan, Wire, probe_session
from dicom_exporter.results import SessionResult

STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY)
MONITOR = Identity("monitor", calling_ae_title="PROMETHEUS")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


async def probe(
    host: str,
    port: int,
    *queries: Query,
    identity: Identity = MONITOR,
    called: str = "ANY-SCP",
    seconds: float = 5.0,
    connect_timeout: float = 3.0,
    echo: bool = True,
) -> SessionResult:
    """One session as `identity`, within `seconds`."""
    target = Target("target", Address(host, port), called_ae_title=called)
    lookups = LookupThreads()
    try:
        return await probe_session(
            Plan(target, identity, NOW, echo, queries),
            Wire(Resolver(lookups), ConnectionLimits(), connect_timeout),
            asyncio.get_running_loop().time() + seconds,
        )
    finally:
        lookups.close()
