"""Probe contexts for tests: no configuration file, limits of their own, and a fixed local time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from dicom_exporter.config import Identity
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import LookupThreads, Resolver
from dicom_exporter.net.turns import Turns
from dicom_exporter.results import Peer
from dicom_exporter.text import SafeText

MONITOR = Identity("monitor", calling_ae_title="PROMETHEUS")
STRANGER = Identity("stranger", calling_ae_title=None)
PEER = Peer(SafeText("2.25.1"), SafeText("SYNTHETIC"), 16384, "unknown")
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def probe_context(
    lookups: LookupThreads,
    identity: Identity = MONITOR,
    *,
    seconds: float = 5.0,
    connect_timeout: float = 3.0,
    peer: Peer | None = None,
    may_show_credentials: bool = False,
    may_store: bool = False,
) -> ProbeContext:
    """A context whose deadline is `seconds` from now, of the running event loop."""
    deadline = asyncio.get_running_loop().time() + seconds
    limits = ConnectionLimits()
    limits.turns = Turns(clock=lambda: 0.0)  # the same order on a busy machine
    return ProbeContext(
        identity,
        Resolver(lookups),
        limits,
        connect_timeout,
        deadline,
        NOW,
        connect_proof=connect_timeout,
        peer=peer,
        may_show_credentials=may_show_credentials,
        may_store=may_store,
    )


@contextmanager
def lookup_threads(getaddrinfo: Callable[..., list[Any]] | None = None) -> Iterator[LookupThreads]:
    """Threads that end with the block; `getaddrinfo` replaces that of the system."""
    lookups = LookupThreads() if getaddrinfo is None else LookupThreads(getaddrinfo)
    try:
        yield lookups
    finally:
        lookups.close()
