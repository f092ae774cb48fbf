"""One connection of a server, without I/O: bytes in, actions out.

A network, simulated or real, performs the actions in order.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Send:
    """Send these bytes, in one segment."""

    data: bytes


@dataclass(frozen=True)
class Wait:
    """Do nothing for so many seconds; what follows is delayed."""

    seconds: float


@dataclass(frozen=True)
class Close:
    """End the connection (FIN)."""


Action = Send | Wait | Close


class Session(Protocol):
    """A server's side of one connection."""

    def received(self, data: bytes) -> Iterable[Action]:
        """What the server does on these bytes."""


NewSession = Callable[[], Session]


class TLSSession:
    """TLS around another session."""

    def __init__(self, inner: Session, context: ssl.SSLContext) -> None:
        self._inner = inner
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._established = False
        self._ended = False

    def received(self, data: bytes) -> Iterable[Action]:
        """Decrypt, have `inner` act, and encrypt what it sends."""
        if self._ended:
            return []
        self._incoming.write(data)
        try:
            return list(self._act())
        except ssl.SSLWantReadError:
            return self._flush()
        except ssl.SSLError:  # an alert may be in what is left to send
            self._ended = True
            return [*self._flush(), Close()]

    def _act(self) -> Iterator[Action]:
        if not self._established:
            self._tls.do_handshake()
            self._established = True
        plain = b""
        try:
            while piece := self._tls.read(65536):
                plain += piece
            self._ended = True  # close_notify
        except ssl.SSLWantReadError:
            pass
        for action in self._inner.received(plain) if plain else ():
            match action:
                case Send(data):
                    self._tls.write(data)
                    yield from self._flush()
                case Close():
                    self._ended = True
                    yield from self._flush()
                    yield action
                    return
                case _:
                    yield from self._flush()
                    yield action
        yield from self._flush()
        if self._ended:
            yield Close()

    def _flush(self) -> list[Action]:
        data = self._outgoing.read()
        return [Send(data)] if data else []


class HangsUp:
    """Ends every connection as soon as it is made. Networks ask for no byte of the client before that."""

    def received(self, data: bytes) -> Iterable[Action]:
        """Close; it is closed already."""
        return [Close()]


class HandshakeFailure:
    """Ends every handshake with the alert handshake_failure (RFC 5246 7.2.2)."""

    def received(self, data: bytes) -> Iterable[Action]:
        """Send it, and close."""
        return [Send(bytes([21, 3, 3, 0, 2, 2, 40])), Close()]
