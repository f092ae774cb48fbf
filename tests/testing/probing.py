"""Probe a server on this machine as the prober would, without a configuration file."""

from __future__ import annotations

from dicom_exporter.config import Address, Identity, Level, Model, Module, Query, Target
from dicom_exporter.probes.session import probe_session
from dicom_exporter.results import SessionResult
from tests.testing.context import MONITOR, NOW, lookup_threads, probe_context

__all__ = ["MONITOR", "NOW", "STUDIES", "probe"]

STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY)


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
    module = Module("module", identity=identity.name, echo=echo, queries={query.name: query for query in queries})
    with lookup_threads() as lookups:
        context = probe_context(lookups, identity, seconds=seconds, connect_timeout=connect_timeout)
        return await probe_session(target, module, context)
