"""What a probe needs beside the target and the module: made once for each identity of a target, and handed down.

```
prober ─> probes ─> dicom.associate ─┐
                    http_client ─────┴─> resolver, limits, TCP, TLS        all of them take the same `ProbeContext`
```
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field, replace
from datetime import datetime

from dicom_exporter.config.model import Identity, TLSSettings
from dicom_exporter.config.values.network import Address, SocketAddress
from dicom_exporter.net.errors import NameNotResolved
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import Resolver
from dicom_exporter.net.tcp import TLSClient
from dicom_exporter.net.timing import PhaseTimer
from dicom_exporter.results import Peer, Phase


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """Who probes, by which means, and until when."""

    identity: Identity
    resolver: Resolver
    limits: ConnectionLimits
    connect_timeout: float
    """Seconds that a TCP connection may take."""
    deadline: float
    """Loop time at which all of it ends, release included."""
    now: datetime
    """Local time at the target, for queries that ask for ``today``."""
    ip_version: int | None = None
    """4 or 6: which addresses of a name may be connected to. None: IPv4 first, then IPv6."""
    phases: PhaseTimer = field(default_factory=PhaseTimer)
    """Where the seconds of each phase go."""
    hurried: bool = False
    """Whether the request for this probe allowed too little time for silence to be the peer's doing."""
    connect_proof: float = 0.0
    """Seconds without an answer to our SYN that show that there is none; in less time, nothing is shown."""
    peer: Peer | None = None
    """Who the DICOM side of the target says it is, where an earlier probe has found out."""

    def until(self, share: float) -> ProbeContext:
        """A copy that has only `share` (0 to 1) of the time that is left."""
        now = asyncio.get_running_loop().time()
        return replace(self, deadline=now + (self.deadline - now) * share)

    def with_own_phases(self) -> ProbeContext:
        """A copy with a phase timer of its own, for work that must not add to the phases of this one."""
        return replace(self, phases=PhaseTimer(self.phases.on_phase))

    def as_stranger(self, tls: ssl.SSLContext | None) -> ProbeContext:
        """A copy without anything that tells a server who we are, and with `tls`, or without TLS."""
        stranger = Identity(self.identity.name, None, tls=None if tls is None else TLSSettings(context=tls))
        return replace(self, identity=stranger)

    def tls_client(self, host: str) -> TLSClient | None:
        """How the identity speaks TLS to `host` over DICOM; None where it does not."""
        tls = self.identity.tls
        return None if tls is None else TLSClient(tls.context, tls.server_name or host)

    async def resolve(self, address: Address) -> SocketAddress:
        """The socket address of `address`, looked up before the deadline where it is not known.

        Raises:
            NameNotResolved: there is none, or none was found in time.
        """
        if address.socket_address is not None:
            return address.socket_address
        with self.phases.time(Phase.RESOLVE):
            try:
                async with asyncio.timeout_at(self.deadline):
                    return await self.resolver.resolve(address.host, address.port, self.ip_version)
            except TimeoutError:
                raise NameNotResolved("no answer from name resolution in time") from None
