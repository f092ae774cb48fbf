"""At most so many connections: beyond that the one that has been idle for longest makes room for the new one.

So neither a client that opens connections and says nothing, nor one that sends a header a byte at a time, keeps others
out: `/-/healthy` is answered as long as there is a connection without a request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

from dicom_exporter.server.limits import RETRY_AFTER, Refusal, Traffic

_IDLE = 90.0
"""Seconds that a connection may be without a request that is whole: longer than the usual scrape interval."""
_TIME_TO_SPEAK = 0.1
"""Seconds in which a new connection is not taken for an idle one: its request may be here, and not be read yet."""
_FAREWELL = 0.5
"""Seconds for a client that is refused to read that."""
_LINGER = 2.0
"""Seconds for the rest of a body that nobody asked for."""


class BoundedRunner(web.AppRunner):
    """An AppRunner whose sites accept at most `max_connections` at once."""

    def __init__(
        self, app: web.Application, traffic: Traffic, max_connections: int, *, idle: float = _IDLE, **kwargs: object
    ) -> None:
        super().__init__(
            app,
            keepalive_timeout=idle,
            lingering_time=_LINGER,
            auto_decompress=False,
            **kwargs,  # type: ignore[arg-type]
        )
        self._traffic = traffic
        self._max_connections = max_connections
        self._new: set[asyncio.BaseProtocol] = set()

    @property
    def server(self) -> web.Server | None:
        """What a site asks for a protocol for each new connection."""
        server = super().server
        return server if server is None else cast(web.Server, self._bounded(server))

    def _bounded(self, server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
        new = self._new  # of all sites, which may ask for the server again for each connection

        def accept() -> asyncio.BaseProtocol:
            there = [each for each in server.connections if each.transport is not None]  # the oldest first
            excess = len(new.union(there)) + 1 - self._max_connections  # aiohttp knows of the new ones a little later
            if excess > 0:  # by more than one where handshakes of TLS that took long have ended together
                idle = [each for each in there if each not in self._traffic.busy and each not in new][:excess]
                if not idle:
                    self._traffic.count(Refusal.CONNECTIONS)
                    return _Refusal()
                for each in idle:
                    each.force_close()
            accepted = server()
            new.add(accepted)
            asyncio.get_running_loop().call_later(_TIME_TO_SPEAK, new.discard, accepted)
            return accepted

        return accept


class _Refusal(asyncio.Protocol):
    """Says 503 to whoever comes, and hangs up: a moment later, as the answer is lost where a request is left unread."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n"
            b"Retry-After: %d\r\n\r\n" % RETRY_AFTER
        )
        if transport.can_write_eof():
            transport.write_eof()
            asyncio.get_running_loop().call_later(_FAREWELL, transport.close)
        else:  # TLS
            transport.close()
