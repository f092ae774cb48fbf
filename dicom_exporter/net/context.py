"""What a probe needs beside the target and the module: made once for each identity of a target, and handed down.

```
prober ─> probes ─> dicom.associate ─┐
                    http_client ─────┴─> resolver, limits, TCP, TLS        all of them take the same `ProbeContext`
```
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass, field, replace
from datetime import datetime

from dicom_exporter.config.model import Identity, TLSSettings, Vantage
from dicom_exporter.config.values.network import Address, SocketAddress, Via
from dicom_exporter.enums import Phase, UnknownReason
from dicom_exporter.net.errors import NameNotResolved, NotPermitted, ProxyFailed
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import Resolved, Resolver
from dicom_exporter.net.tcp import TLSClient
from dicom_exporter.net.timing import PhaseTimer
from dicom_exporter.results import Peer

PROOF_AMONG_SEVERAL = 1.5
"""Seconds of silence that show that one of several addresses is dark: enough for a second SYN (RFC 6298 2.1)."""


@dataclass(slots=True)
class NameRecord:
    """What became of the addresses of a name that has several, in the probe of one identity."""

    total: int
    """How many the name has."""
    failed: set[SocketAddress] = field(default_factory=set)
    """Those that were tried and accepted no connection."""
    answered: SocketAddress | None = None
    """The first that accepted a connection."""
    untried: tuple[SocketAddress, ...] = ()
    """Those that come after it."""


@dataclass(slots=True)
class ProbeNotes:
    """What is noted on the way, and belongs to no single association or request."""

    names: dict[tuple[str, int], NameRecord] = field(default_factory=dict)
    """By host and port."""
    doubts: set[UnknownReason] = field(default_factory=set)
    """What ended by our doing and could have gone further."""


@dataclass(frozen=True, slots=True)
class ProbeContext:
    """Who probes, by which means, until when, and what of it the configuration permits at the target.

    Permissions are given by the prober alone (`prober.permissions`). Without them nothing is written, and a context of
    an identity that has credentials cannot be made: so no probe can send them, whoever calls it.

    Raises:
        NotPermitted: the identity has credentials, and they may not be shown.
    """

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
    """4 or 6: which addresses of a name may be connected to. None: both, in the order in which the system has them."""
    phases: PhaseTimer = field(default_factory=PhaseTimer)
    """Where the seconds of each phase go."""
    hurried: bool = False
    """Whether the request for this probe allowed too little time for silence to be the peer's doing."""
    turn: str | None = None
    """The client who asks: with it, it has its turn at an address that others wait for. None: it goes before them, as
    it is what the configuration asks of the target."""
    connect_proof: float = 0.0
    """Seconds without an answer to our SYN that show that there is none; in less time, nothing is shown."""
    peer: Peer | None = None
    """Who the DICOM side of the target says it is, if an earlier probe has found out."""
    vantage: Vantage | None = None
    """Where connections are made from: by its proxy, which looks names up, too. None: from here."""
    only_at: tuple[tuple[str, SocketAddress], ...] = ()
    """Hosts, and the one address of each to connect to; the first of a host counts. The port is each connection's."""
    server_names: tuple[str, ...] = ()
    """Names under which a stranger may ask for the target in DICOM TLS, from elsewhere in the configuration."""
    server_name: str | None = None
    """The one of them that a stranger sends; None: the host of the address."""
    notes: ProbeNotes = field(default_factory=ProbeNotes)
    """Shared by all copies of this context."""
    may_show_credentials: bool = False
    """Whether the target may see the password, the token or the client certificate of the identity."""
    configured_identity: Identity | None = None
    """The identity as the configuration was read, by which results are kept, if its files have been renewed since.
    None: it is `identity`."""
    may_store: bool = False
    """Whether images may be written to the target. `probes.store` refuses to, whatever this is, if `expect` does."""

    def __post_init__(self) -> None:
        """Refuse credentials that may not be shown."""
        if self.identity.has_credentials and not self.may_show_credentials:
            raise NotPermitted(f"The identity {self.identity.name} has credentials that this target may not see.")

    def until(self, share: float) -> ProbeContext:
        """A copy that has only `share` (0 to 1) of the time that is left."""
        now = asyncio.get_running_loop().time()
        return replace(self, deadline=now + (self.deadline - now) * share)

    def share_of_time(self, share: float, at_least: float) -> float:
        """Loop time at which `share` of the time left is over, and `at_least` so many seconds, if there are."""
        now = asyncio.get_running_loop().time()
        return min(self.deadline, now + max((self.deadline - now) * share, at_least))

    def proof_of_silence(self, host: str, port: int) -> float:
        """Seconds without an answer to our SYN that show that nothing answers at one address of `host`.

        The addresses of a name share the time of one.
        """
        record = self.notes.names.get((host, port))
        if record is None or record.total == 1:
            return self.connect_proof
        return min(self.connect_proof, PROOF_AMONG_SEVERAL)

    def with_own_phases(self) -> ProbeContext:
        """A copy with a phase timer of its own, for work that must not add to the phases of this one."""
        return replace(self, phases=PhaseTimer(self.phases.on_phase))

    def at(self, host: str, address: SocketAddress, deadline: float) -> ProbeContext:
        """A copy that connects to no other address of `host`, and ends at `deadline` (loop time)."""
        return replace(self, only_at=((host, address), *self.only_at), deadline=min(deadline, self.deadline))

    def record(self, address: Address, total: int) -> NameRecord:
        """The record of the name in `address`, which has `total` addresses."""
        return self.notes.names.setdefault((address.host, address.port), NameRecord(total))

    def as_stranger(self, tls: ssl.SSLContext | None, until: float | None = None) -> ProbeContext:
        """A copy without anything that tells a server who we are, and with `tls`, or without TLS; phases of its own.

        It ends at `until` (loop time), if that is given.
        """
        settings = None if tls is None else TLSSettings(context=tls, server_name=self.server_name)
        identity = Identity(self.identity.name, None, tls=settings)
        return replace(
            self, identity=identity, phases=PhaseTimer(self.phases.on_phase), deadline=until or self.deadline
        )

    def tls_client(self, host: str) -> TLSClient | None:
        """How the identity speaks TLS to `host` over DICOM; None if it does not."""
        tls = self.identity.tls
        return None if tls is None else TLSClient(tls.context, tls.server_name or host)

    async def resolve(self, address: Address) -> Resolved:
        """The socket addresses of `address`, looked up before the deadline where they are not known.

        Raises:
            NameNotResolved: there is none, or the name server did not answer in time.
            Overloaded: the lookup did not begin in time.
            ProxyFailed: the name of the proxy of the vantage does not resolve.
        """
        for host, only in self.only_at:
            if host == address.host:
                return Resolved((replace(only, port=address.port),), 1)
        if self.vantage is not None:
            return await self._resolve_there(address, self.vantage)
        if address.socket_addresses:
            known = address.socket_addresses
            return Resolved(known, len(known) + address.incomplete)
        with self.phases.time(Phase.RESOLVE):
            return await self.resolver.resolve(address.host, address.port, self.ip_version, self.deadline)

    async def _resolve_there(self, address: Address, vantage: Vantage) -> Resolved:
        """`address` for the proxy of `vantage`. How many addresses a name has there is not known."""
        proxy = vantage.proxy.address
        known = proxy.socket_addresses
        if not known:
            try:
                known = (await self.resolver.resolve(proxy.host, proxy.port, None, self.deadline)).addresses
            except NameNotResolved:
                raise ProxyFailed("the name of the proxy does not resolve") from None
        via = Via(vantage.proxy, known, vantage.username, vantage.password)
        doubt = None if address.ip_version is not None else UnknownReason.ADDRESS_NOT_TRIED
        return Resolved((SocketAddress(socket.AF_UNSPEC, address.host, address.port, via=via),), 1, doubt)
