"""From an address to an established association, and from there to its end, whatever happens in between.

```
resolve ─> connect ─> tls ─> A-ASSOCIATE ─> [ the caller's block ] ─> A-RELEASE
                                              any error ────────────> A-ABORT
```
"""

from __future__ import annotations

import asyncio

from dicom_exporter.config.values.network import Address
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ConnectTimeout, NoAnswer, Overloaded
from dicom_exporter.net.limits import AddressLock, AssociationSlot
from dicom_exporter.results import Phase


def associate(address: Address, offer: AssociateRequest, context: ProbeContext) -> Associating:
    """Hold an association with the peer at `address` for the length of an ``async with`` block, and release it after.

    TLS is spoken where `context.identity` has it. The seconds of each phase that is reached go to `context.phases`.

    Raises:
        ProbeEnded: it did not come about; also in the block, where it ends there.
    """
    return Associating(address, offer, context)


class Associating:
    """What `associate` returns. A class, because a generator in its place takes a tenth of the time of a C-ECHO."""

    __slots__ = ("_address", "_connection", "_context", "_hurried", "_lock", "_offer", "_queued", "_slot")

    def __init__(self, address: Address, offer: AssociateRequest, context: ProbeContext) -> None:
        self._address = address
        self._offer = offer
        self._context = context
        self._lock: AddressLock | None = None
        self._slot: AssociationSlot | None = None
        self._connection: Connection | None = None
        self._queued = False
        """Whether more time was spent waiting for another probe of the address than is left for this one."""
        self._hurried = False
        """Whether there is less time for the connection than shows that nothing answers."""

    async def __aenter__(self) -> Connection:
        context = self._context
        phases, deadline = context.phases, context.deadline
        loop = asyncio.get_running_loop()
        socket_address = self._address.socket_address or await context.resolve(self._address)
        try:
            lock, asked = context.limits.lock_address(socket_address, deadline), loop.time()
            await lock.__aenter__()
            self._lock, now = lock, loop.time()
            timeout = min(context.connect_timeout, deadline - now)
            if timeout <= 0:
                raise Overloaded("the deadline came before the connection was tried")
            self._queued = now - asked > deadline - now
            self._hurried = timeout < context.connect_proof
            tls = context.tls_client(self._address.host)
            connection = self._connection = Connection(deadline)
            with phases.time(Phase.CONNECT):
                await connection.connect(socket_address, timeout, tls=tls is not None)
            slot = context.limits.association_slot(deadline)
            await slot.__aenter__()
            self._slot = slot
            connection.if_silent(slot.release)
            if tls is not None:
                with phases.time(Phase.TLS):
                    await connection.start_tls(tls)
            with phases.time(Phase.ASSOCIATE):
                await connection.request(self._offer)
        except BaseException as error:
            await self._release_all()
            self._reclassify_timeout(error)
            raise
        return connection

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        connection = self._connection
        try:
            if kind is None and connection is not None and connection.established:
                with self._context.phases.time(Phase.RELEASE):
                    await connection.release()
        finally:
            await self._release_all()
        self._reclassify_timeout(error)

    def _reclassify_timeout(self, error: BaseException | None) -> None:
        """Raise Overloaded in place of a timeout, where another probe of the address took most of the time, or the
        connection had too little.

        Silence proves nothing about a peer that had only the rest.
        """
        if self._queued and isinstance(error, NoAnswer | ConnectTimeout):
            raise Overloaded("another probe of this address took most of the time") from None
        if self._hurried and isinstance(error, ConnectTimeout):
            raise Overloaded("too little time was left for the connection") from None

    async def _release_all(self) -> None:
        """Close the connection, then release the slot and the address: that is free only once TLS has closed, too."""
        try:
            if self._connection is not None:
                self._connection.close()
            if self._slot is not None:
                self._slot.release()
            if self._connection is not None and self._context.identity.tls is not None:
                await self._connection.closed()
        finally:
            if self._lock is not None:
                await self._lock.__aexit__(None, None, None)
