"""A listening socket that serves each client by the configuration at the time of its first byte.

The socket stays open while certificates change: each connection is accepted without TLS, and gets the TLS context that
is current when its first byte arrives.
"""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable
from functools import partial

from aiohttp import web

from dicom_exporter.limited_log import LimitedLog
from dicom_exporter.webconfig.handshake import HandshakeFailed
from dicom_exporter.webconfig.live import LiveConfig
from dicom_exporter.yamlfile.errors import ConfigErrors

_HANDSHAKE_TIMEOUT = 10.0
"""Seconds for the first byte, and again for the rest of the handshake."""
_SHUTDOWN_TIMEOUT = 1.0
"""Seconds for the client to close its side."""
MAX_OPENING = 1000
"""Connections without a first byte, or in their handshake. The oldest is dropped for a new one."""
FILES_OF_AN_OPENING = 2
"""File descriptors that each of those takes."""
_PAUSE = 1.0
"""Seconds without accepting, if the machine is out of file descriptors or memory."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_DRAIN = 1 << 16
"""Bytes to read at a time of a request that is discarded."""

_TLS_HANDSHAKE = b"\x16"
"""The record type with which a TLS client begins (RFC 8446 5.1)."""
_INTERNAL_ERROR = b"\x15\x03\x03\x00\x02\x02\x50"
"""A fatal alert, `internal_error` (RFC 8446 6)."""
_PLAIN_TO_TLS = (
    b"HTTP/1.0 400 Bad Request\r\nServer: dicom_exporter\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
    b"X-Content-Type-Options: nosniff\r\nContent-Security-Policy: default-src 'none'\r\nCache-Control: no-store\r\n\r\n"
    b"Client sent an HTTP request to an HTTPS server.\n"
)


class Site(web.BaseSite):
    """Serves `sock`, which is listening, with TLS if `live` says so; closes it at the end.

    At most `max_opening` connections at once are not handed to the application yet. `on_bad_request` is called for
    those that never are, with "handshake" or "plain_http".
    """

    __slots__ = ("_accepting", "_bad", "_live", "_log", "_max_opening", "_opening", "_sock")

    def __init__(
        self,
        runner: web.BaseRunner,
        sock: socket.socket,
        live: LiveConfig,
        max_opening: int = MAX_OPENING,
        on_bad_request: Callable[[str], None] = lambda _reason: None,
    ) -> None:
        super().__init__(runner)
        self._max_opening = max_opening
        self._sock = sock
        self._live = live
        self._bad = on_bad_request
        self._accepting: asyncio.Task[None] | None = None
        self._opening: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._log = LimitedLog()

    @property
    def name(self) -> str:
        """Where it listens."""
        return str(self._sock.getsockname())

    async def start(self) -> None:
        """Accept connections from now on."""
        await super().start()
        self._sock.setblocking(False)
        self._accepting = asyncio.create_task(self._accept())

    async def stop(self) -> None:
        """Stop accepting, and drop the connections that are not handed to the application yet."""
        tasks = [*self._opening, *([self._accepting] if self._accepting else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sock.close()
        await super().stop()

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, address = await loop.sock_accept(self._sock)
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    self._log.warning("cannot accept connections", reason=errno.errorcode[error.errno])
                    await asyncio.sleep(_PAUSE)
                continue  # otherwise the client is gone already
            if len(self._opening) >= self._max_opening:
                # Removed at once: it takes a few turns of the loop to end, and must not be chosen again.
                oldest = next(iter(self._opening))
                del self._opening[oldest]
                oldest.cancel()
            task = asyncio.create_task(self._open(connection, str(address[0])))
            self._opening[task] = None
            task.add_done_callback(partial(self._opened, connection))
            await asyncio.sleep(0)  # many new connections at once must not block the rest of the loop

    def _opened(self, connection: socket.socket, task: asyncio.Task[None]) -> None:
        self._opening.pop(task, None)
        connection.close()  # here, as the task may have been cancelled before it began

    async def _open(self, connection: socket.socket, client: str) -> None:
        """Choose plain HTTP or TLS for this client, and hand its connection to the application."""
        with contextlib.suppress(OSError, TimeoutError):  # gone, or silent
            first = await _first_byte(connection)
            if first != b"" and (refusal := await self._hand_over(connection, first, client)):
                await _send_and_drain(connection, refusal)

    async def _hand_over(self, connection: socket.socket, first: bytes | None, client: str) -> bytes:
        """Hand the connection to the application; otherwise give the bytes to send before it is closed.

        The application gets a duplicate of the descriptor: asyncio closes that one if a handshake fails, before the
        alert is sent.
        """
        try:
            context = await self._live.tls()
        except ConfigErrors:
            if first == _TLS_HANDSHAKE:
                return _INTERNAL_ERROR
            context = None  # the application answers 500
        if context is not None and first not in (None, _TLS_HANDSHAKE):
            self._bad("plain_http")
            self._log.warning("plain HTTP to a port that speaks HTTPS", client=client)
            return _PLAIN_TO_TLS
        application = self._runner.server
        assert application is not None
        patience = None if context is None else _HANDSHAKE_TIMEOUT
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                application,
                connection.dup(),
                ssl=context,
                ssl_handshake_timeout=patience,
                ssl_shutdown_timeout=patience and _SHUTDOWN_TIMEOUT,
            )
        except HandshakeFailed as failure:
            self._bad("handshake")
            self._log.warning(failure.message, reason=failure.why, client=client)
            return failure.alert
        return b""


async def _first_byte(connection: socket.socket) -> bytes | None:
    """Wait for the first byte of the client, and peek at it.

    Empty if the client is gone, None if this event loop cannot wait (on Windows). Raises TimeoutError.
    """
    loop = asyncio.get_running_loop()
    readable = loop.create_future()

    def wake() -> None:
        if not readable.done():
            readable.set_result(None)

    try:
        loop.add_reader(connection, wake)
    except NotImplementedError:
        return None
    try:
        async with asyncio.timeout(_HANDSHAKE_TIMEOUT):
            await readable
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _send_and_drain(connection: socket.socket, data: bytes) -> None:
    """Send `data`, and read until the client closes: closing with unread data would reset the connection."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_SHUTDOWN_TIMEOUT):
        await loop.sock_sendall(connection, data)
        connection.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(connection, _DRAIN):
            pass
