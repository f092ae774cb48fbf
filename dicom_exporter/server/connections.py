"""A maximum number of connections: at the maximum, the one that has been idle for longest is closed for a new one.

So clients that open connections and send nothing, or send a header one byte at a time, cannot keep others out:
`/-/healthy` is answered as long as there is a connection without a request.
"""

import asyncio
from collections.abc import Callable
from typing import cast

from aiohttp import web

from dicom_exporter.server.limits import RETRY_AFTER, RefusalReason, Traffic

_IDLE = 90.0
"""Seconds that a connection may be without a complete request: longer than the usual scrape interval."""
_FIRST_REQUEST = 0.1
"""Seconds in which a new connection does not count as idle: its request may have arrived, and not be read yet."""
_REFUSAL_READ = 0.5
"""Seconds in which a refused client can read the refusal."""
_LINGER = 2.0
"""Seconds for the rest of a request body that no handler reads."""


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
        """The factory that a site calls for the protocol of each new connection."""
        server = super().server
        return server if server is None else cast(web.Server, self._bounded(server))

    def _bounded(self, server: web.Server) -> Callable[[], asyncio.BaseProtocol]:
        new = self._new  # of all sites, each of which may read `server` again for each connection

        def accept() -> asyncio.BaseProtocol:
            established = [each for each in server.connections if each.transport is not None]  # oldest first
            excess = len(new.union(established)) + 1 - self._max_connections  # aiohttp lists new ones a moment later
            if excess > 0:  # more than one after several slow TLS handshakes that ended together
                idle = [each for each in established if each not in self._traffic.busy and each not in new][:excess]
                if not idle:
                    self._traffic.count(RefusalReason.CONNECTIONS)
                    return _Refuse()
                for each in idle:
                    each.force_close()
            accepted = server()
            new.add(accepted)
            asyncio.get_running_loop().call_later(_FIRST_REQUEST, new.discard, accepted)
            return accepted

        return accept


class _Refuse(asyncio.Protocol):
    """Answers 503 and closes the connection, after a moment: the response is lost if the request is not read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        transport.write(
            b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n"
            b"Retry-After: %d\r\n\r\n" % RETRY_AFTER
        )
        if transport.can_write_eof():
            transport.write_eof()
            asyncio.get_running_loop().call_later(_REFUSAL_READ, transport.close)
        else:  # TLS
            transport.close()
