"""From an address to an established association, and from there to its end, whatever happens in between.

```
resolve ─> connect ─> tls ─> A-ASSOCIATE ─> [ the caller's block ] ─> A-RELEASE
             │                                any error ────────────> A-ABORT
             └─ to the next address of the name, where one accepts no connection
```
"""

from __future__ import annotations

import asyncio

from dicom_exporter.config.values.network import Address, SocketAddress
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.net.addresses import connect_to_first
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ConnectTimeout, NoAnswer, Overloaded, TLSFailed
from dicom_exporter.net.limits import AddressLock, AssociationSlot
from dicom_exporter.net.tls import explained, look
from dicom_exporter.results import Phase, TLSFailure, UnknownReason

_NO_WAIT = 0.001
"""Seconds that pass without any wait."""


def associate(address: Address, offer: AssociateRequest, context: ProbeContext) -> Associating:
    """Hold an association with the peer at `address` for the length of an ``async with`` block, and release it after.

    TLS is spoken where `context.identity` has it. The seconds of each phase that is reached go to `context.phases`.

    Raises:
        ProbeEnded: it did not come about; also in the block, where it ends there.
    """
    return Associating(address, offer, context)


class Associating:
    """What `associate` returns. A class, because a generator in its place takes a tenth of the time of a C-ECHO."""

    __slots__ = ("_address", "_connected_to", "_connection", "_context", "_lock", "_loop", "_offer", "_queued", "_slot")

    def __init__(self, address: Address, offer: AssociateRequest, context: ProbeContext) -> None:
        self._address = address
        self._offer = offer
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._lock: AddressLock | None = None
        self._connected_to: SocketAddress | None = None
        self._slot: AssociationSlot | None = None
        self._connection: Connection | None = None
        self._queued = False
        """Whether more time was spent waiting for other probes than was left for this one."""

    async def __aenter__(self) -> Connection:
        context = self._context
        phases, deadline = context.phases, context.deadline
        known = self._address.socket_addresses
        try:
            if len(known) == 1:
                connection = await self._connect(known[0], deadline)
            else:
                connection = await connect_to_first(self._address, context, self._connect)
            slot, asked = context.limits.association_slot(deadline), self._loop.time()
            await slot.__aenter__()
            self._slot = slot
            connection.if_silent(slot.release)
            self._note_wait(asked, deadline)
            tls = context.tls_client(self._address.host)
            if tls is not None:
                with phases.time(Phase.TLS):
                    await connection.start_tls(tls)
            with phases.time(Phase.ASSOCIATE):
                await connection.request(self._offer)
        except BaseException as error:
            if isinstance(error, TLSFailed):
                await self._explain(error)
            await self._release_all()
            self._reclassify_timeout(error)
            raise
        return connection

    async def _explain(self, failed: TLSFailed) -> None:
        """Find out what the server shows to whom it is enough, while its address is still locked.

        A stranger has accepted all there is already.
        """
        connection, context, where = self._connection, self._context, self._connected_to
        stranger = context.identity.calling_ae_title is None
        if connection is None or where is None or stranger or failed.failure is TLSFailure.NOT_TLS:
            return
        try:
            connection.close()
            await connection.closed()
            tls = context.tls_client(self._address.host)
            failed.facts = explained(failed, await look(where, tls.server_name if tls is not None else "", context))
        except BaseException:
            await self._release_all()
            raise

    async def _connect(self, address: SocketAddress, until: float) -> Connection:
        """Lock `address` and connect to it until loop time `until`; nothing is held where that fails."""
        context, loop = self._context, self._loop
        timeout = 0.0
        try:
            lock, asked = context.limits.lock_address(address, until), loop.time()
            await lock.__aenter__()
            self._lock, self._connected_to = lock, address
            self._note_wait(asked, until)
            timeout = min(context.connect_timeout, until - loop.time())
            if timeout <= 0:
                raise Overloaded("the deadline came before the connection was tried")
            connection = self._connection = Connection(context.deadline)
            with context.phases.time(Phase.CONNECT):
                await connection.connect(address, timeout, tls=context.identity.tls is not None)
        except BaseException as error:
            await self._release_all()
            if isinstance(error, ConnectTimeout) and timeout < context.connect_timeout:
                error.cut_short = True
                context.notes.doubts.add(UnknownReason.TIMEOUT)
            self._reclassify_timeout(error)
            raise
        return connection

    def _note_wait(self, asked: float, until: float) -> None:
        """A wait of ours, which began at `asked`, is over."""
        now = self._loop.time()
        waited = now - asked
        if waited > _NO_WAIT and waited > until - now:
            self._queued = True

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
        """Raise Overloaded in place of a timeout, where other probes took most of the time.

        Silence proves nothing about a peer that had only the rest.
        """
        if self._queued and isinstance(error, NoAnswer | ConnectTimeout):
            raise Overloaded("other probes took most of the time") from None

    async def _release_all(self) -> None:
        """Close the connection, then release the slot and the address: that is free only once TLS has closed, too."""
        connection, lock = self._connection, self._lock
        self._connection = self._lock = None
        try:
            if connection is not None:
                connection.close()
            if self._slot is not None:
                self._slot.release()
            if connection is not None and self._context.identity.tls is not None:
                await connection.closed()
        finally:
            if lock is not None:
                await lock.__aexit__(None, None, None)
