"""How much the exporter does at once for its clients, and the 503 for requests above that limit.

```
connection ── connections.py: a maximum number; the one that was idle for longest is closed for a new one
   request ── here: a maximum number in flight, then 503; a response is read within a minute, or the connection ends
/metrics   ── shared_scrapes.py: requests that arrive together share one scrape and one encoded body
```
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from dicom_exporter import DEFAULT_MAX_REQUESTS
from dicom_exporter.limited_log import LimitedLog
from dicom_exporter.server.bad_requests import BadRequest

log = structlog.stdlib.get_logger(__name__)

RETRY_AFTER = 5
"""Seconds after which a client that was refused may try again."""
SEND_TIMEOUT = 60.0
"""Seconds in which a client has to read its response: longer than the timeout of any scrape."""
EVEN_SHARE = 16
"""Requests, and connections, that one client may have in any case. Beyond, it may lose them to others."""
_CHUNK = 256 * 1024
"""Bytes of a response that are written at once."""
_LOG_INTERVAL = 60.0
"""Seconds between two log lines about refusals for the same reason."""


class RefusalReason(StrEnum):
    """Why a client was refused."""

    CONNECTIONS = "connections"
    REQUESTS = "requests"
    SCRAPES = "scrapes"
    LOOKUPS = "lookups"


@dataclass(slots=True)
class Traffic:
    """The requests that are in flight, and counts of those that were refused."""

    max_requests: int = DEFAULT_MAX_REQUESTS
    """Requests in flight at once; 0 for any number."""
    busy: Counter[Any] = field(default_factory=Counter)
    """Requests in flight, by their connection (its aiohttp protocol)."""
    refused: Counter[RefusalReason] = field(default_factory=Counter)
    """Clients that were refused since the start."""
    unknown_targets: int = 0
    """Requests for a target that the configuration does not have, since the start."""
    denied_targets: int = 0
    """Requests for an address that `probe.allow` does not allow, since the start."""
    bad: Counter[BadRequest] = field(default_factory=Counter)
    """What was no request, since the start."""
    _log: LimitedLog = field(default_factory=LimitedLog)
    _last_logged: dict[RefusalReason, float] = field(default_factory=dict)

    @property
    def requests_in_flight(self) -> int:
        """Requests that are being answered now, over all connections."""
        return self.busy.total()

    @property
    def full(self) -> bool:
        """Whether one more request would be too many."""
        return 0 < self.max_requests <= self.requests_in_flight

    def refuse(self, reason: RefusalReason) -> web.HTTPServiceUnavailable:
        """Count and log a refusal as `count` does, and return the response, which is to be raised."""
        self.count(reason)
        return web.HTTPServiceUnavailable(
            text=f"Too many {reason} at once. Try again in {RETRY_AFTER} seconds.\n",
            headers={hdrs.RETRY_AFTER: str(RETRY_AFTER)},
        )

    def bad_request(self, reason: BadRequest, client: str) -> None:
        """Count what is no request, and log one in ten seconds, whatever it is."""
        self.count_bad(reason)
        self._log.warning("bad request", reason=reason.value, client=client)

    def count_bad(self, reason: BadRequest) -> None:
        """Count it alone."""
        self.bad[reason] += 1

    def count(self, reason: RefusalReason) -> None:
        """Count a refusal, and log it at most once a minute."""
        self.refused[reason] += 1
        now = asyncio.get_running_loop().time()
        if now - self._last_logged.get(reason, -_LOG_INTERVAL) >= _LOG_INTERVAL:
            self._last_logged[reason] = now
            log.warning("overloaded: clients are refused", too_many=reason.value, refused=self.refused[reason])


def limiting(traffic: Traffic, exempt: Callable[[web.Request], bool]) -> Middleware:
    """The middleware that applies the limits. Requests that are `exempt` are always answered."""

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        if exempt(request):
            return await handler(request)
        if traffic.full:
            raise traffic.refuse(RefusalReason.REQUESTS)
        connection = request.protocol
        traffic.busy[connection] += 1
        try:
            return await send(request, await handler(request))
        finally:
            traffic.busy[connection] -= 1
            if not traffic.busy[connection]:
                del traffic.busy[connection]

    return limited


async def send(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """Send `response`, and abort the connection of a client that does not read it: aiohttp would wait for ever.

    A response that is sent already is not sent again. aiohttp itself notices that the connection has ended.
    """
    transport = request.transport
    if transport is None:
        return response
    # Not asyncio.timeout, which takes several times as long to set up: almost every response is sent at once.
    overdue = asyncio.get_running_loop().call_later(SEND_TIMEOUT, transport.abort)
    try:
        if isinstance(response, web.Response) and not response.prepared and len(_body(response)) > _CHUNK:
            return await _send_in_chunks(request, response)
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:
        pass  # the client closed the connection, or did not read
    finally:
        overdue.cancel()
    return response


def _body(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


async def _send_in_chunks(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Send a long body chunk by chunk, as the client reads it: at once, it would be copied for each waiting client."""
    body = memoryview(_body(response))
    headers = {name: value for name, value in response.headers.items() if name != hdrs.CONTENT_LENGTH}
    stream = web.StreamResponse(status=response.status, headers=headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for start in range(0, len(body), _CHUNK):
            await stream.write(body[start : start + _CHUNK])
    await stream.write_eof()
    return stream
