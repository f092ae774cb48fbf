"""What lies between a socket and the protocol above it, TLS or HTTP: turns for what comes, and a bound on the useless.

```
socket ─> Wire ─> HTTP                     the bytes of a body are of use
          Wire ─> TLS ─> DICOM or HTTP     the bytes of PDUs, or of a body, are of use
```

Without the bound, a peer could send bytes that count against no other limit for as long as it likes: key updates and
session tickets of TLS, interim responses and extensions of chunks of HTTP.
"""

import asyncio
import socket
from asyncio.sslproto import SSLProtocol
from collections.abc import Callable, Iterable
from typing import Any, cast

from dicom_exporter.net.turns import PIECE, Inbox, Turns

HANDSHAKE_BYTES = 256 * 1024
"""Bytes that a TLS handshake may bring. OpenSSL takes 100 KiB of certificates, in the main part of it."""
USELESS_BYTES = 64 * 1024
"""Bytes that a peer may send beside what is of use, and as many as are of use. All headers of an answer are among them;
TLS adds 22 bytes to a record."""


def forget(sock: socket.socket) -> None:
    """Close `sock`, which was given to `create_connection`, unless its number is uvloop's to close.

    Where a peer resets before uvloop is done, uvloop closes the number without the object, which closes it once more
    when it is collected: by then it is another connection's, and libuv aborts the process (seen with 0.23.0; a relative
    of its issue 738).
    """
    if getattr(sock, "_io_refs", 0) > 0:  # so uvloop counts itself among those who hold the socket
        sock.detach()
    else:
        sock.close()


def unread(sock: socket.socket) -> bytes:
    """What came over `sock` before the peer reset the connection, at most one piece.

    Where sending fails, asyncio and uvloop end the connection and read no more: the alert of TLS that says why would be
    lost, or an A-ABORT.
    """
    try:
        return sock.recv(PIECE, socket.MSG_DONTWAIT)
    except OSError:
        return b""


class TooManyBytes(ConnectionError):
    """The peer sent too many bytes that are of no use."""


class Wire(asyncio.BufferedProtocol):
    """The protocol of a socket, and the transport of the protocol `upper`.

    Args:
        sock: the socket, of which the transport is another handle.
        upper: what the bytes are handed to.
        allowed: how many bytes may be of no use.
        handshake: done once the handshake is, before which `HANDSHAKE_BYTES` may come; None without TLS.
    """

    def __init__(
        self,
        sock: socket.socket,
        turns: Turns,
        upper: asyncio.BaseProtocol,
        allowed: int,
        handshake: asyncio.Future[None] | None,
    ) -> None:
        self._sock = sock
        self.upper = upper
        self._allowed = allowed
        self._handshake = handshake
        self.received = 0
        """Bytes that were handled so far."""
        self._turns = turns
        self._inbox = Inbox(turns, self._take, self._lose)
        self._transport: asyncio.Transport | None = None
        self._reason: BaseException | None = None
        """Why we ended the connection, where that was an error."""
        self.count_useful: Callable[[], int] = int
        """How many bytes of use the layers above have seen."""

    @property
    def over_limit(self) -> bool:
        """Whether the connection was ended as too much came that was of no use."""
        return isinstance(self._reason, TooManyBytes)

    def _take(self, data: bytes) -> None:
        if self._handshake is not None and self._handshake.done():
            self._handshake = None
            self._allowed += self.received
        self.received += len(data)
        allowed = HANDSHAKE_BYTES if self._handshake is not None else self._allowed + 2 * self.count_useful()
        if self.received > allowed:
            self._force_close(TooManyBytes("too many bytes of no use"))
            return
        upper = self.upper
        if isinstance(upper, asyncio.BufferedProtocol):
            while data:
                room = memoryview(upper.get_buffer(len(data)))
                taken = min(len(room), len(data))
                room[:taken] = data[:taken]
                upper.buffer_updated(taken)
                data = data[taken:]
        else:
            cast(asyncio.Protocol, upper).data_received(data)

    def _lose(self, reason: BaseException | None) -> None:
        self.upper.connection_lost(cast(Exception | None, self._reason or reason))

    # -- as the protocol of the socket --------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be the transport of the upper protocol."""
        self._transport = self._inbox.transport = cast(asyncio.Transport, transport)
        self.upper.connection_made(cast(asyncio.Transport, self))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where to put what comes next."""
        return self._turns.room

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on what is in the buffer when it is its turn."""
        self._inbox.receive(bytes(self._turns.buffer[:nbytes]))

    def eof_received(self) -> bool | None:
        """Hand it on: nothing is waiting, as nothing is read while there is."""
        return cast(asyncio.Protocol, self.upper).eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the upper protocol once it has all that came before."""
        if isinstance(exc, ConnectionError) and self._reason is None and (data := unread(self._sock)):
            self._inbox.receive(data)
        forget(self._sock)
        self._inbox.lose(exc)

    def pause_writing(self) -> None:
        """The peer reads more slowly than we send."""
        self.upper.pause_writing()

    def resume_writing(self) -> None:
        """It has caught up."""
        self.upper.resume_writing()

    # -- as the transport of the upper protocol -----------------------------------------------------------------------

    def pause_reading(self) -> None:
        """Hand on nothing before `resume_reading`."""
        self._inbox.pause()

    def resume_reading(self) -> None:
        """Hand on what has come meanwhile, and what comes."""
        self._inbox.resume()

    def close(self) -> None:
        """Send what is unsent, then close; nothing more is handed on."""
        self._inbox.drop()
        self._lower.close()

    def abort(self) -> None:
        """Close at once."""
        self._inbox.drop()
        self._lower.abort()

    def _force_close(self, reason: BaseException) -> None:
        """Close at once for `reason`; asyncio's TLS calls it, and it belongs to every transport of asyncio's."""
        self._reason = self._reason or reason
        self.abort()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send `data`."""
        self._lower.write(data)

    def writelines(self, list_of_data: Iterable[bytes | bytearray | memoryview]) -> None:
        """Send all of it."""
        self._lower.writelines(list_of_data)

    def is_closing(self) -> bool:
        """Whether it is closed, or will be once all is sent."""
        return self._lower.is_closing()

    def get_write_buffer_size(self) -> int:
        """Bytes that are not sent yet."""
        return self._lower.get_write_buffer_size()

    def get_extra_info(self, name: str, default: object = None) -> Any:
        """What the transport of the socket knows."""
        return self._lower.get_extra_info(name, default)

    @property
    def _lower(self) -> asyncio.Transport:
        if self._transport is None:
            raise RuntimeError("not connected")
        return self._transport


class TLS(SSLProtocol):
    """TLS of asyncio's, also on uvloop, whose own neither counts what comes nor reads it in small pieces."""

    max_size = 16 * 1024

    def give_up(self) -> None:
        """There will be no connection."""
        if self._app_transport is not None:
            self._app_transport.abort()
