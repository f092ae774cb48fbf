"""A maximum number of connections: at the maximum, the client that has most of them loses one for a new one.

So clients that open connections and send nothing, or send a header one byte at a time, cannot keep others out:
`/-/healthy` is answered as long as there is a connection without a request, or a client with many.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from typing import Any, cast

import structlog
from aiohttp import hdrs, web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.web_log import AccessLogger

from dicom_exporter.server.bad_requests import BadRequest, reason_of, secure
from dicom_exporter.server.limits import EVEN_SHARE, RETRY_AFTER, RefusalReason, Traffic

log = structlog.stdlib.get_logger(__name__)

_IDLE = 90.0
"""Seconds that a connection may be without a complete request: longer than the usual scrape interval."""
_FIRST_REQUEST = 0.1
"""Seconds in which a new connection does not count as idle: its request may have arrived, and not be read yet."""
_REFUSAL_READ = 0.5
"""Seconds in which a refused client can read the refusal."""
_LINGER = 2.0
"""Seconds for the rest of a request body that no handler reads."""
_MAX_HEADER = 64 * 1024
"""Bytes of one header, and of all headers of a request that arrive in several pieces. Browsers send long cookies."""
_MAX_HEADERS = 16 * 1024 * 1024
"""Bytes of the headers of all requests that arrive in several pieces. Above it, each may have no more than:"""
_USUAL_HEADER = 4096
_TLS_HANDSHAKE = b"\x16\x03"
"""With these bytes a TLS client begins (RFC 8446 5.1)."""


class BoundedRunner(web.AppRunner):
    """An AppRunner whose sites accept at most `max_connections` at once.

    `headers` are those of the web configuration, for answers that no handler makes.
    """

    def __init__(
        self,
        app: web.Application,
        traffic: Traffic,
        max_connections: int,
        *,
        idle: float = _IDLE,
        headers: Callable[[], Mapping[str, str]] = dict,
        access_log_class: type[AbstractAccessLogger] = AccessLogger,
        **kwargs: object,
    ) -> None:
        super().__init__(app, **kwargs)  # type: ignore[arg-type]
        options = {
            "keepalive_timeout": idle,
            "lingering_time": _LINGER,
            "auto_decompress": False,
            "max_field_size": _MAX_HEADER,
            "access_log_class": access_log_class,
        }
        self._open = _Open(traffic, max_connections, headers, options)

    @property
    def server(self) -> web.Server | None:
        """The factory that a site calls for the protocol of each new connection."""
        server = super().server
        return server if server is None else cast(web.Server, lambda: self._open.accept(server))


class _Open:
    """The connections that are open, by the address of the client."""

    def __init__(
        self,
        traffic: Traffic,
        max_connections: int,
        headers: Callable[[], Mapping[str, str]],
        options: Mapping[str, Any],
    ) -> None:
        self.traffic = traffic
        self.headers = headers
        self._max_connections = max_connections
        self._options = options
        self._opening: set[asyncio.BaseProtocol] = set()
        """Accepted, and without a transport yet."""
        self._established: dict[str, dict[_Connection, None]] = {}
        """The oldest first."""
        self._count = 0
        self.head_bytes = 0
        """Of all requests whose headers have not ended."""

    def accept(self, server: web.Server) -> asyncio.BaseProtocol:
        """The protocol of a new connection, which may be one that refuses it."""
        excess = self._count + len(self._opening) + 1 - self._max_connections
        if excess > 0 and not self._make_room(excess):  # more than one after slow TLS handshakes that ended together
            self.traffic.count(RefusalReason.CONNECTIONS)
            return _Refuse()
        loop = asyncio.get_running_loop()
        accepted = _Connection(server, self, loop, self._options)
        self._opening.add(accepted)
        loop.call_later(_FIRST_REQUEST, self._opening.discard, accepted)
        return accepted

    def add(self, connection: "_Connection") -> None:
        """It has a transport now."""
        self._opening.discard(connection)
        self._established.setdefault(connection.client, {})[connection] = None
        self._count += 1

    def remove(self, connection: "_Connection") -> None:
        """It has ended, or will in a moment."""
        group = self._established.get(connection.client, {})
        if connection in group:
            del group[connection]
            self._count -= 1
            if not group:
                del self._established[connection.client]

    def _make_room(self, excess: int) -> bool:
        """Close the connections that have been idle for longest, first of the client that has most of all."""
        for client in self._heaviest_first():
            idle = [each for each in self._established[client] if self._is_idle(each)][:excess]
            for each in idle:
                self.remove(each)
                each.force_close()
            excess -= len(idle)
            if excess <= 0:
                return True
        most = next((self._established[client] for client in self._heaviest_first()), {})
        if len(most) <= EVEN_SHARE:
            return False
        oldest = next(iter(most))
        self.remove(oldest)
        self.traffic.count(RefusalReason.CONNECTIONS)
        if oldest.transport is not None:
            oldest.transport.abort()
        return True

    def _heaviest_first(self) -> Iterator[str]:
        if self._established:
            first = max(self._established, key=lambda client: len(self._established[client]))
            yield first
            yield from sorted(self._established.keys() - {first}, key=lambda client: -len(self._established[client]))

    def _is_idle(self, connection: "_Connection") -> bool:
        age = asyncio.get_running_loop().time() - connection.accepted
        return connection not in self.traffic.busy and age >= _FIRST_REQUEST


class _Connection(web.RequestHandler):
    """Counts what is no request, and answers it with our own words and headers."""

    __slots__ = ("_first", "_head", "_of", "accepted", "client")

    def __init__(
        self, server: web.Server, of: _Open, loop: asyncio.AbstractEventLoop, options: Mapping[str, Any]
    ) -> None:
        super().__init__(server, loop=loop, **options)
        self._of = of
        self.accepted = loop.time()
        self.client = ""
        self._first = b""
        self._head = 0
        """Bytes of a request whose headers have not ended."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As the base class."""
        peer = transport.get_extra_info("peername")
        self.client = str(peer[0]) if isinstance(peer, tuple) else ""
        self._of.add(self)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """As the base class."""
        self._of.remove(self)
        if self._head:
            self._set_head(0)
            self._of.traffic.bad_request(BadRequest.INCOMPLETE, self.client)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As the base class."""
        self._first = self._first or data[:2]
        before, waiting = self._request_count, self._waiter is not None
        super().data_received(data)
        self._set_head(self._head + len(data) if waiting and self._request_count == before else 0)
        limit = _MAX_HEADER if self._of.head_bytes <= _MAX_HEADERS else _USUAL_HEADER
        if self._head > limit and self.transport is not None:
            self._set_head(0)
            self._of.traffic.bad_request(BadRequest.TOO_LONG, self.client)
            self.transport.write(raw_answer(431, BadRequest.TOO_LONG.explanation))
            self.force_close()

    def _set_head(self, length: int) -> None:
        self._of.head_bytes += length - self._head
        self._head = length

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The answer to what is no request, and to one whose handler has failed, which is a bug."""
        if status == 400:
            reason = BadRequest.TLS if self._first == _TLS_HANDSHAKE else reason_of(exc)
            self._of.traffic.bad_request(reason, self.client)
            text = f"Bad request: {reason.explanation}.\n"
        else:
            log.error("request failed", status=status, exc_info=exc)
            text = "The exporter has failed to answer. Its log says more.\n"
        if request.writer.output_size > 0:
            raise ConnectionError("the answer is partly sent")
        response = web.Response(status=status, text=text)
        secure(response.headers)
        response.headers.update(self._of.headers())
        response.force_close()
        return response


def raw_answer(status: int, text: str, headers: Mapping[str, str] | None = None) -> bytes:
    """An answer as bytes, for a client that gets no handler."""
    reasons = {400: "Bad Request", 431: "Request Header Fields Too Large", 503: "Service Unavailable"}
    body = f"{text}\n" if text else ""
    all_headers = {
        hdrs.CONTENT_TYPE: "text/plain; charset=utf-8",
        hdrs.CONTENT_LENGTH: str(len(body)),
        hdrs.CONNECTION: "close",
        **(headers or {}),
    }
    secure(all_headers)
    lines = [f"HTTP/1.1 {status} {reasons[status]}", *(f"{name}: {value}" for name, value in all_headers.items())]
    return ("\r\n".join(lines) + f"\r\n\r\n{body}").encode()


class _Refuse(asyncio.Protocol):
    """Answers 503 and closes the connection, after a moment: the response is lost if the request is not read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast(asyncio.Transport, transport)
        transport.write(raw_answer(503, "", {hdrs.RETRY_AFTER: str(RETRY_AFTER)}))
        if transport.can_write_eof():
            transport.write_eof()
            asyncio.get_running_loop().call_later(_REFUSAL_READ, transport.close)
        else:  # TLS
            transport.close()
