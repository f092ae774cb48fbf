"""A listening socket whose clients are spoken to as the file says when they begin to speak.

The sockets stay open while certificates come and go: each connection is accepted plainly, and gets the TLS context of
the moment in which its first byte arrives.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import time
from collections import Counter

import structlog
from aiohttp import web

from dicom_exporter.webconfig.document import WebConfigErrors
from dicom_exporter.webconfig.handshake import HandshakeFailed
from dicom_exporter.webconfig.live import LiveConfig

log = structlog.stdlib.get_logger(__name__)

_HANDSHAKE_TIMEOUT = 10.0
"""Seconds for the first byte, and again for the rest of the handshake."""
_SHUTDOWN_TIMEOUT = 1.0
"""Seconds for the client to say goodbye, too."""
MAX_OPENING = 1000
"""Connections that have not begun to speak, or are in their handshake. The oldest makes room for one more."""
FILES_OF_AN_OPENING = 2
"""File descriptors that one of those takes."""
_REST = 1.0
"""Seconds without accepting, where this machine has no more to give: file descriptors, memory."""
_EXHAUSTED = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_LOG_EVERY = 10.0
"""Seconds between two log lines of one kind: whoever can connect could fill a disk."""

_REQUEST = 1 << 16
"""Bytes of a request that nobody will read, at a time."""

_TLS_HANDSHAKE = b"\x16"
"""The record type with which a TLS client begins (RFC 8446 5.1)."""
_INTERNAL_ERROR = b"\x15\x03\x03\x00\x02\x02\x50"
"""A fatal alert, `internal_error` (RFC 8446 6)."""
_PLAIN_TO_TLS = (
    b"HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
    b"Client sent an HTTP request to an HTTPS server.\n"
)


class Site(web.BaseSite):
    """Serves `sock`, which is listening, with TLS where `live` says so; closes it at the end.

    At most `max_opening` connections at once are not handed to the application yet.
    """

    __slots__ = ("_accepting", "_live", "_max_opening", "_opening", "_quiet", "_sock")

    def __init__(
        self, runner: web.BaseRunner, sock: socket.socket, live: LiveConfig, max_opening: int = MAX_OPENING
    ) -> None:
        super().__init__(runner)
        self._max_opening = max_opening
        self._sock = sock
        self._live = live
        self._accepting: asyncio.Task[None] | None = None
        self._opening: dict[asyncio.Task[None], None] = {}  # the oldest first
        self._quiet = _Quiet()

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
        """Accept none any more, and drop those that have not begun to speak."""
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
                    self._quiet.log("cannot accept connections", reason=errno.errorcode[error.errno])
                    await asyncio.sleep(_REST)
                continue  # else: it was gone before we took it
            if len(self._opening) >= self._max_opening:
                # Out at once: it takes turns to end, and must not be chosen again.
                oldest = next(iter(self._opening))
                del self._opening[oldest]
                oldest.cancel()
            task = asyncio.create_task(self._open(connection, str(address[0])))
            self._opening[task] = None
            task.add_done_callback(lambda done: self._opening.pop(done, None))
            await asyncio.sleep(0)  # a crowd at the door does not stop what is inside

    async def _open(self, connection: socket.socket, client: str) -> None:
        """Find out how to speak with this client, and hand it to the application."""
        with connection, contextlib.suppress(OSError, TimeoutError):  # gone, or silent
            first = await _first_byte(connection)
            if first != b"" and (words := await self._speak(connection, first, client)):
                await _say_goodbye(connection, words)

    async def _speak(self, connection: socket.socket, first: bytes | None, client: str) -> bytes:
        """Have the application speak to the client, or give what else to tell it.

        The application gets a descriptor of its own for the connection: it closes that one where a handshake fails, and
        the client is still to be told.
        """
        try:
            context = await self._live.tls()
        except WebConfigErrors:
            if first == _TLS_HANDSHAKE:
                return _INTERNAL_ERROR
            context = None  # the application says 500
        if context is not None and first not in (None, _TLS_HANDSHAKE):
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
            self._quiet.log(failure.message, failure.why, client=client)
            return failure.last_words
        return b""


class _Quiet:
    """Logs each kind of trouble at most once in a while, and how often it came up meanwhile."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], float] = {}
        self._held_back: Counter[tuple[str, str]] = Counter()

    def log(self, message: str, reason: str, **details: str) -> None:
        """Log it or count it. `reason` is one of few."""
        kind, now = (message, reason), time.monotonic()
        if now - self._last.get(kind, -_LOG_EVERY) < _LOG_EVERY:
            self._held_back[kind] += 1
            return
        self._last[kind] = now
        log.warning(message, reason=reason, **details, not_logged=self._held_back.pop(kind, 0))


async def _first_byte(connection: socket.socket) -> bytes | None:
    """Wait until the client speaks, and look at its first byte, which stays where it is.

    Empty where the client has gone, None where this loop cannot wait (Windows'). Raises TimeoutError.
    """
    loop = asyncio.get_running_loop()
    spoken = loop.create_future()

    def speaks() -> None:
        if not spoken.done():
            spoken.set_result(None)

    try:
        loop.add_reader(connection, speaks)
    except NotImplementedError:
        return None
    try:
        async with asyncio.timeout(_HANDSHAKE_TIMEOUT):
            await spoken
    finally:
        loop.remove_reader(connection)
    return connection.recv(1, socket.MSG_PEEK)


async def _say_goodbye(connection: socket.socket, words: bytes) -> None:
    """Say it, and wait until the client has heard it: what it says and nobody reads would have it taken back."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(_SHUTDOWN_TIMEOUT):
        await loop.sock_sendall(connection, words)
        connection.shutdown(socket.SHUT_WR)
        while await loop.sock_recv(connection, _REQUEST):
            pass
