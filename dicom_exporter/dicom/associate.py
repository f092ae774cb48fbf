"""From an address to an established association, and from there to its end, whatever happens in between.

```
resolve ─> connect ─> tls ─> A-ASSOCIATE ─> [ the caller's block ] ─> A-RELEASE
             │                                any error ────────────> A-ABORT
             └─ to the next address of the name, if one accepts no connection
```
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from dicom_exporter.config.values.network import Address, SocketAddress
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import Rejected
from dicom_exporter.dicom.requests import AssociateRequest
from dicom_exporter.enums import Outcome, Phase, TLSFailure
from dicom_exporter.net.addresses import connect_to_first, judge_silence
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ConnectionEnded, ConnectTimeout, NoAnswer, Overloaded, ProxyFailed, TLSFailed
from dicom_exporter.net.limits import JUST_NOW, AddressLock, AssociationSlot
from dicom_exporter.net.tcp import answers
from dicom_exporter.net.tls import explained, look

_PAUSE_WHERE_BUSY = 1.0
"""Seconds before another attempt if the peer may be busy with the end of our own last association."""
_NO_WAIT = 0.001
"""Seconds that pass without any wait."""


def associate(address: Address, offer: AssociateRequest, context: ProbeContext) -> Associating:
    """Hold an association with the peer at `address` for the length of an ``async with`` block, and release it after.

    TLS is spoken if `context.identity` has it. The seconds of each phase that is reached go to `context.phases`.

    Raises:
        ProbeEnded: it did not come about; also in the block, if it ends there.
    """
    return Associating(address, offer, context)


class Associating:
    """What `associate` returns. A class, because a generator in its place adds a tenth to the time of a C-ECHO."""

    __slots__ = (
        "_address",
        "_associated",
        "_connect_time",
        "_connected_to",
        "_connection",
        "_context",
        "_just_had_another",
        "_lock",
        "_loop",
        "_offer",
        "_queued",
        "_slot",
    )

    def __init__(self, address: Address, offer: AssociateRequest, context: ProbeContext) -> None:
        self._address = address
        self._offer = offer
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._lock: AddressLock | None = None
        self._connected_to: SocketAddress | None = None
        self._connect_time = 0.0
        """Seconds that the connection was given."""
        self._associated = False
        """Whether a connection was made."""
        self._just_had_another = False
        """Whether an association of ours with the same address had just ended."""
        self._slot: AssociationSlot | None = None
        self._connection: Connection | None = None
        self._queued = False
        """Whether more time was spent waiting for other probes than was left for this one."""

    async def __aenter__(self) -> Connection:
        known = self._address.socket_addresses
        try:
            if len(known) == 1 and self._context.vantage is None:
                connection = await self._connect(known[0], self._context.deadline)
            else:
                connection = await connect_to_first(self._address, self._context, self._connect)
            try:
                await self._establish(connection)
            except Rejected as rejected:
                if rejected.outcome is not Outcome.BUSY or not self._just_had_another:
                    raise
                connection = await self._connect_again(rejected)
                await self._establish(connection)
        except BaseException as error:
            if isinstance(error, TLSFailed):
                await self._explain(error)
            heard = self._connection is not None and self._connection.heard
            await self._release_all()
            await self._check_proxy(error, heard=heard)
            self._reclassify_timeout(error)
            raise
        return connection

    async def _establish(self, connection: Connection) -> None:
        """What comes once connected: the slot, TLS, and the A-ASSOCIATE-RQ."""
        context = self._context
        phases, deadline = context.phases, context.deadline
        slot = context.limits.association_slot(deadline)
        if not slot.acquire_nowait():
            asked = self._loop.time()
            await slot.__aenter__()
            self._note_wait(asked, deadline)
        self._slot = slot
        connection.if_silent(slot.release)
        tls = context.tls_client(self._address.host)
        if tls is not None:
            with phases.time(Phase.TLS):
                await connection.start_tls(tls)
        with phases.time(Phase.ASSOCIATE):
            await connection.request(self._offer)

    async def _connect_again(self, rejected: Rejected) -> Connection:
        """Connect once more after a pause: the peer is busy, perhaps with the end of our own last association.

        Raises what was `rejected` if no time is left for that.
        """
        context, address = self._context, self._connected_to
        pause = max(context.limits.pause, _PAUSE_WHERE_BUSY)
        if address is None or self._loop.time() + pause >= context.deadline:
            raise rejected
        await self._close()
        await asyncio.sleep(pause)
        connection, connecting = self._open(address, context.deadline)
        with context.phases.time(Phase.CONNECT):
            await connecting
        return connection

    async def _explain(self, failed: TLSFailed) -> None:
        """Find out what the server shows to whom it is enough, while its address is still locked.

        A stranger has accepted all there is already.
        """
        context, where = self._context, self._connected_to
        stranger = context.identity.calling_ae_title is None
        if where is None or stranger or failed.failure is TLSFailure.NOT_TLS:
            return
        try:
            await self._close()
            tls = context.tls_client(self._address.host)
            failed.facts = explained(failed, await look(where, tls.server_name if tls is not None else "", context))
        except BaseException:
            await self._release_all()
            raise

    async def _connect(self, address: SocketAddress, until: float) -> Connection:
        """Lock `address` and connect to it until loop time `until`; nothing is held if that fails."""
        limits, loop = self._context.limits, self._loop
        asked = now = loop.time()
        try:
            lock = limits.lock_address(address, until, self._context.turn)
            if not lock.acquire_nowait():
                await lock.__aenter__()
                self._note_wait(asked, until)
                now = loop.time()
            self._lock, self._connected_to = lock, address
            since = limits.since_end(address, now)
            self._just_had_another = since <= JUST_NOW
            if since < limits.pause:
                await asyncio.sleep(max(0.0, min(limits.pause - since, until - loop.time())))
                self._note_wait(asked, until)
            connection, connecting = self._open(address, until)
            with self._context.phases.time(Phase.CONNECT):
                await connecting
        except BaseException as error:
            await self._release_all()
            self._reclassify_timeout(error)
            raise
        self._associated = True
        return connection

    def _open(self, address: SocketAddress, until: float) -> tuple[Connection, Coroutine[Any, Any, None]]:
        """A connection to `address`, which is locked, and what to await until it is made, until loop time `until`.

        No coroutine of its own: each wait for the connection would pass through it.
        """
        context = self._context
        self._connect_time = timeout = min(context.connect_timeout, until - self._loop.time())
        if timeout <= 0:
            raise Overloaded("the deadline came before the connection was tried")
        connection = self._connection = Connection(context.deadline, context.limits.turns)
        return connection, connection.connect(address, timeout, tls=context.identity.tls is not None)

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
        if error is not None:
            await self._check_proxy(error, heard=True)
        self._reclassify_timeout(error)

    def _reclassify_timeout(self, error: BaseException | None) -> None:
        """Raise Overloaded in place of a timeout, if other probes took most of the time, or too little was given.

        Silence proves nothing about a peer that had only the rest.
        """
        if isinstance(error, ConnectTimeout):
            judged = judge_silence(error, self._connect_time, self._address, self._context)
            if judged is not error:
                try:
                    raise judged from None
                finally:
                    del judged  # its traceback has this frame: a cycle, of ten thousand filtered targets 200 MB
        if self._queued and isinstance(error, NoAnswer | ConnectTimeout):
            raise Overloaded("other probes took most of the time") from None

    async def _check_proxy(self, error: BaseException, *, heard: bool) -> None:
        """Raise ProxyFailed in place of an end that may be the proxy's doing.

        It may if nothing was `heard`, and the proxy did not show its connection; or if the proxy does not work now.
        """
        via = None if self._connected_to is None else self._connected_to.via
        no_alert = isinstance(error, TLSFailed) and error.shows_nothing
        if via is None or not (no_alert or isinstance(error, NoAnswer | ConnectionEnded)):
            return
        left = min(self._context.deadline - self._loop.time(), self._context.connect_timeout)
        if (via.unproved and not heard) or (left > 0 and not await answers(via, left)):
            raise ProxyFailed("the proxy ended the connection, or has none") from None

    async def _close(self) -> None:
        """Close the connection, release the slot, and wait until TLS has closed, too."""
        connection = self._connection
        self._connection = None
        if connection is not None:
            connection.close()
        if self._slot is not None:
            self._slot.release()
        if connection is not None and self._context.identity.tls is not None:
            await connection.closed()

    async def _release_all(self) -> None:
        """Close the connection, then release the address: that is free only once TLS has closed, too."""
        lock = self._lock
        self._lock = None
        try:
            await self._close()
        finally:
            if lock is not None:
                if self._associated and self._connected_to is not None:
                    self._context.limits.note_end(self._connected_to, self._loop.time())
                await lock.__aexit__(None, None, None)
