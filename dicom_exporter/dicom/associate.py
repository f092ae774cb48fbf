"""From a host name to an established association, and from there to its end, whatever happens in between.

```
resolve ─> connect ─> tls ─> A-ASSOCIATE ─> [ the caller's block ] ─> A-RELEASE
                                              any error ────────────> A-ABORT
```
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import NameNotResolved, Overloaded
from dicom_exporter.dicom.pdu import Limits
from dicom_exporter.dicom.phases import Phases
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.dicom.resolve import Resolver, SocketAddress, literal
from dicom_exporter.dicom.transport import TLSClient, connect
from dicom_exporter.results import Phase


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a DICOM application listens, and how to reach it."""

    host: str
    port: int
    ip_version: int | None = None
    tls: TLSClient | None = None


class Gate(Protocol):
    """Who may go on, and when: the scrape's rules, of which the wire knows nothing but these two doors."""

    def address(self, address: SocketAddress, deadline: float) -> AbstractAsyncContextManager[object]:
        """Held from before the connection until its end: one association at a time to one address."""

    def association(self, deadline: float) -> AbstractAsyncContextManager[object]:
        """Held from the connection's start until its end: so many associations at once in all."""


class OpenGate:
    """No rule: for a single probe."""

    def address(self, address: SocketAddress, deadline: float) -> AbstractAsyncContextManager[object]:
        """Let everyone in."""
        return nullcontext()

    def association(self, deadline: float) -> AbstractAsyncContextManager[object]:
        """Let everyone in."""
        return nullcontext()


@asynccontextmanager
async def associate(
    endpoint: Endpoint,
    request: AssociateRequest,
    phases: Phases,
    *,
    resolver: Resolver,
    deadline: float,
    connect_timeout: float,
    gate: Gate | None = None,
    limits: Limits | None = None,
) -> AsyncIterator[Connection]:
    """Hold an association with `endpoint` for the length of the block, and release it after.

    Args:
        deadline: loop time at which all of it ends, release included.
        connect_timeout: seconds that the TCP connection may take.

    Raises:
        AssociationEnded: in the block too, where the peer ends it there.
    """
    loop = asyncio.get_running_loop()
    gate = gate or OpenGate()
    address = await _resolve(endpoint, resolver, phases, deadline)
    async with gate.address(address, deadline):
        timeout = min(connect_timeout, deadline - loop.time())
        if timeout <= 0:
            raise Overloaded("the deadline came before the connection was tried")
        with phases.time(Phase.CONNECT):
            sock = await connect(address, timeout)
        connection = Connection(sock, deadline, limits)
        try:
            async with gate.association(deadline):
                with phases.time(Phase.TLS) if endpoint.tls else nullcontext():
                    await connection.start(endpoint.tls)
                with phases.time(Phase.ASSOCIATE):
                    await connection.request(request)
                yield connection
                if connection.established:
                    with phases.time(Phase.RELEASE):
                        await connection.release()
        finally:
            connection.close()
            if endpoint.tls is not None:
                await connection.closed()


async def _resolve(endpoint: Endpoint, resolver: Resolver, phases: Phases, deadline: float) -> SocketAddress:
    address = literal(endpoint.host, endpoint.port)
    if address is not None:
        return address
    with phases.time(Phase.RESOLVE):
        try:
            async with asyncio.timeout_at(deadline):
                return await resolver.resolve(endpoint.host, endpoint.port, endpoint.ip_version)
        except TimeoutError:
            raise NameNotResolved("no answer from name resolution in time") from None
