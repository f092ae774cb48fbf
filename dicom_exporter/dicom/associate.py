"""From a host name to an established association, and from there to its end, whatever happens in between.

```
resolve ─> connect ─> tls ─> A-ASSOCIATE ─> [ the caller's block ] ─> A-RELEASE
                                              any error ────────────> A-ABORT
```
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.net.errors import ConnectTimeout, NameNotResolved, NoAnswer, Overloaded
from dicom_exporter.net.limits import AddressLock, AssociationSlot, ConnectionLimits
from dicom_exporter.net.resolver import Resolver, SocketAddress, literal
from dicom_exporter.net.tcp import TLSClient
from dicom_exporter.net.timing import PhaseTimer
from dicom_exporter.results import Phase


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a DICOM application listens, and how to reach it."""

    host: str
    port: int
    ip_version: int | None = None
    tls: TLSClient | None = None


def associate(
    endpoint: Endpoint,
    request: AssociateRequest,
    phases: PhaseTimer,
    *,
    resolver: Resolver,
    deadline: float,
    connect_timeout: float,
    limits: ConnectionLimits | None = None,
) -> Associating:
    """Hold an association with `endpoint` for the length of an ``async with`` block, and release it after.

    Args:
        deadline: loop time at which all of it ends, release included.
        connect_timeout: seconds that the TCP connection may take.

    Raises:
        ProbeEnded: in the block too, where the peer ends it there.
    """
    return Associating(endpoint, request, phases, resolver, deadline, connect_timeout, limits or ConnectionLimits())


class Associating:
    """What `associate` returns. A class, as a generator in its place takes a tenth of all that a C-ECHO takes."""

    __slots__ = (
        "_connect_timeout",
        "_connection",
        "_deadline",
        "_endpoint",
        "_limits",
        "_lock",
        "_phases",
        "_queued",
        "_request",
        "_resolver",
        "_slot",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        request: AssociateRequest,
        phases: PhaseTimer,
        resolver: Resolver,
        deadline: float,
        connect_timeout: float,
        limits: ConnectionLimits,
    ) -> None:
        self._endpoint = endpoint
        self._request = request
        self._phases = phases
        self._deadline = deadline
        self._limits = limits
        self._resolver = resolver
        self._connect_timeout = connect_timeout
        self._lock: AddressLock | None = None
        self._slot: AssociationSlot | None = None
        self._connection: Connection | None = None
        self._queued = False
        """Whether most of the time went by in our own queue."""

    async def __aenter__(self) -> Connection:
        endpoint, phases, deadline = self._endpoint, self._phases, self._deadline
        loop = asyncio.get_running_loop()
        address = literal(endpoint.host, endpoint.port) or await _resolve(endpoint, self._resolver, phases, deadline)
        try:
            lock, asked = self._limits.lock_address(address, deadline), loop.time()
            await lock.__aenter__()
            self._lock, now = lock, loop.time()
            timeout = min(self._connect_timeout, deadline - now)
            if timeout <= 0:
                raise Overloaded("the deadline came before the connection was tried")
            self._queued = now - asked > deadline - now
            connection = self._connection = Connection(deadline)
            with phases.time(Phase.CONNECT):
                await connection.connect(address, timeout, tls=endpoint.tls is not None)
            slot = self._limits.association_slot(deadline)
            await slot.__aenter__()
            self._slot = slot
            connection.if_silent(slot.release)
            if endpoint.tls is not None:
                with phases.time(Phase.TLS):
                    await connection.start_tls(endpoint.tls)
            with phases.time(Phase.ASSOCIATE):
                await connection.request(self._request)
        except BaseException as error:
            await self._release_all()
            self._reclassify_timeout(error)
            raise
        return connection

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        connection = self._connection
        try:
            if kind is None and connection is not None and connection.established:
                with self._phases.time(Phase.RELEASE):
                    await connection.release()
        finally:
            await self._release_all()
        self._reclassify_timeout(error)

    def _reclassify_timeout(self, error: BaseException | None) -> None:
        """Silence proves nothing about a peer that was given what another probe of its address had left of the time."""
        if self._queued and isinstance(error, NoAnswer | ConnectTimeout):
            raise Overloaded("another probe of this address took most of the time") from None

    async def _release_all(self) -> None:
        """Give back what was had, in the opposite order; the address is free once the connection is closed."""
        try:
            if self._connection is not None:
                self._connection.close()
            if self._slot is not None:
                await self._slot.__aexit__(None, None, None)
            if self._connection is not None and self._endpoint.tls is not None:
                await self._connection.closed()
        finally:
            if self._lock is not None:
                await self._lock.__aexit__(None, None, None)


async def _resolve(endpoint: Endpoint, resolver: Resolver, phases: PhaseTimer, deadline: float) -> SocketAddress:
    with phases.time(Phase.RESOLVE):
        try:
            async with asyncio.timeout_at(deadline):
                return await resolver.resolve(endpoint.host, endpoint.port, endpoint.ip_version)
        except TimeoutError:
            raise NameNotResolved("no answer from name resolution in time") from None
