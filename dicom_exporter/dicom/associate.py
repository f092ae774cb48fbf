"""From a host name to an established association, and from there to its end, whatever happens in between.

```
resolve ─> connect ─> tls ─> A-ASSOCIATE ─> [ the caller's block ] ─> A-RELEASE
                                              any error ────────────> A-ABORT
```
"""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.pdu import Limits
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.net.errors import ConnectTimeout, NameNotResolved, NoAnswer, Overloaded
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


class Place(AbstractAsyncContextManager[object], Protocol):
    """A place among the associations, for the length of a block."""

    def give_back(self) -> None:
        """Let another have it before the block ends.

        A few hundred peers that accept a connection and say nothing would hold all places there are, until the deadline
        of everybody else.
        """


class Gate(Protocol):
    """Who may go on, and when: the scrape's rules, of which the wire knows nothing but these two doors."""

    def address(self, address: SocketAddress, deadline: float) -> AbstractAsyncContextManager[object]:
        """Held from before the connection until its end: one association at a time to one address."""

    def association(self, deadline: float) -> Place:
        """Held from the connection's start until its end: so many associations at once in all."""


class _Free(nullcontext[None]):
    """A place where there is room for everyone."""

    def give_back(self) -> None:
        """Nothing to give."""


class OpenGate:
    """No rule: for a single probe."""

    def address(self, address: SocketAddress, deadline: float) -> AbstractAsyncContextManager[object]:
        """Let everyone in."""
        return nullcontext()

    def association(self, deadline: float) -> Place:
        """Let everyone in."""
        return _Free()


def associate(
    endpoint: Endpoint,
    request: AssociateRequest,
    phases: PhaseTimer,
    *,
    resolver: Resolver,
    deadline: float,
    connect_timeout: float,
    gate: Gate | None = None,
    limits: Limits | None = None,
) -> Associating:
    """Hold an association with `endpoint` for the length of an ``async with`` block, and release it after.

    Args:
        deadline: loop time at which all of it ends, release included.
        connect_timeout: seconds that the TCP connection may take.

    Raises:
        ProbeEnded: in the block too, where the peer ends it there.
    """
    return Associating(endpoint, request, phases, resolver, deadline, connect_timeout, gate or OpenGate(), limits)


class Associating:
    """What `associate` returns. A class, as a generator in its place takes a tenth of all that a C-ECHO takes."""

    __slots__ = (
        "_alone",
        "_connection",
        "_deadline",
        "_endpoint",
        "_gate",
        "_phases",
        "_place",
        "_queued",
        "_request",
        "_rest",
    )

    def __init__(
        self,
        endpoint: Endpoint,
        request: AssociateRequest,
        phases: PhaseTimer,
        resolver: Resolver,
        deadline: float,
        connect_timeout: float,
        gate: Gate,
        limits: Limits | None,
    ) -> None:
        self._endpoint = endpoint
        self._request = request
        self._phases = phases
        self._deadline = deadline
        self._gate = gate
        self._rest = (resolver, connect_timeout, limits)
        self._alone: AbstractAsyncContextManager[object] | None = None
        self._place: AbstractAsyncContextManager[object] | None = None
        self._connection: Connection | None = None
        self._queued = False
        """Whether most of the time went by in our own queue."""

    async def __aenter__(self) -> Connection:
        resolver, connect_timeout, limits = self._rest
        endpoint, phases, deadline = self._endpoint, self._phases, self._deadline
        loop = asyncio.get_running_loop()
        address = literal(endpoint.host, endpoint.port) or await _resolve(endpoint, resolver, phases, deadline)
        try:
            alone, came = self._gate.address(address, deadline), loop.time()
            await alone.__aenter__()
            self._alone, now = alone, loop.time()
            timeout = min(connect_timeout, deadline - now)
            if timeout <= 0:
                raise Overloaded("the deadline came before the connection was tried")
            self._queued = now - came > deadline - now
            connection = self._connection = Connection(deadline, limits)
            with phases.time(Phase.CONNECT):
                await connection.connect(address, timeout, tls=endpoint.tls is not None)
            place = self._gate.association(deadline)
            await place.__aenter__()
            self._place = place
            connection.if_silent(place.give_back)
            if endpoint.tls is not None:
                with phases.time(Phase.TLS):
                    await connection.start_tls(endpoint.tls)
            with phases.time(Phase.ASSOCIATE):
                await connection.request(self._request)
        except BaseException as error:
            await self._leave()
            self._own_up(error)
            raise
        return connection

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        connection = self._connection
        try:
            if kind is None and connection is not None and connection.established:
                with self._phases.time(Phase.RELEASE):
                    await connection.release()
        finally:
            await self._leave()
        self._own_up(error)

    def _own_up(self, error: BaseException | None) -> None:
        """Silence proves nothing about a peer that was given what another probe of its address had left of the time."""
        if self._queued and isinstance(error, NoAnswer | ConnectTimeout):
            raise Overloaded("another probe of this address took most of the time") from None

    async def _leave(self) -> None:
        """Give back what was had, in the opposite order; the address is free once the connection is closed."""
        try:
            if self._connection is not None:
                self._connection.close()
            if self._place is not None:
                await self._place.__aexit__(None, None, None)
            if self._connection is not None and self._endpoint.tls is not None:
                await self._connection.closed()
        finally:
            if self._alone is not None:
                await self._alone.__aexit__(None, None, None)


async def _resolve(endpoint: Endpoint, resolver: Resolver, phases: PhaseTimer, deadline: float) -> SocketAddress:
    with phases.time(Phase.RESOLVE):
        try:
            async with asyncio.timeout_at(deadline):
                return await resolver.resolve(endpoint.host, endpoint.port, endpoint.ip_version)
        except TimeoutError:
            raise NameNotResolved("no answer from name resolution in time") from None
