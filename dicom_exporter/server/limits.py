"""How much the exporter does at once for its clients, and the 503 for requests above that limit.

```
connection ── connections.py: a maximum number; the one that was idle for longest is closed for a new one
   request ── here: a maximum number until the body is made, with fair shares by client; then 503
      body ── here: a maximum of bytes in all; a response is read within a minute, or the connection ends
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
_CHUNK = 64 * 1024
"""Bytes of a response that are written at once."""
MAX_BODIES = 64 * 1024 * 1024
"""Bytes of all bodies that clients have not read yet, without the newest body."""
_LOG_INTERVAL = 60.0
"""Seconds between two log lines about refusals for the same reason."""


class RefusalReason(StrEnum):
    """Why a client was refused."""

    CONNECTIONS = "connections"
    REQUESTS = "requests"
    SCRAPES = "scrapes"
    LOOKUPS = "lookups"


class Bodies:
    """The bodies that clients have not read yet. Beyond `MAX_BODIES`, who reads the oldest of them is disconnected."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[bytes, set[asyncio.Transport]]] = {}
        self._bytes = 0

    def add(self, body: bytes, transport: asyncio.Transport) -> None:
        """It is being sent from now on. Several may send the same one."""
        if id(body) not in self._waiting:
            self._waiting[id(body)] = body, set()
            self._bytes += len(body)
        self._waiting[id(body)][1].add(transport)
        while self._bytes - len(body) > MAX_BODIES:
            for each in self._drop(next(iter(self._waiting))):
                each.abort()

    def remove(self, body: bytes, transport: asyncio.Transport) -> None:
        """It is sent, or the connection has ended."""
        if id(body) in self._waiting:
            readers = self._waiting[id(body)][1]
            readers.discard(transport)
            if not readers:
                self._drop(id(body))

    def _drop(self, key: int) -> set[asyncio.Transport]:
        body, readers = self._waiting.pop(key)
        self._bytes -= len(body)
        return readers


@dataclass(slots=True)
class Traffic:
    """The requests that are in flight, and counts of those that were refused."""

    max_requests: int = DEFAULT_MAX_REQUESTS
    """Requests in flight at once; 0 for any number."""
    busy: Counter[Any] = field(default_factory=Counter)
    """Requests in flight, by their connection (its aiohttp protocol)."""
    refused: Counter[RefusalReason] = field(default_factory=Counter)
    """Clients that were refused since the start."""
    answered: Counter[int] = field(default_factory=Counter)
    """Requests since the start, by the status code of the response."""
    unknown_targets: int = 0
    """Requests for a target that the configuration does not have, since the start."""
    denied_targets: int = 0
    """Requests for an address that `probe.allow` does not allow, since the start."""
    bodies: Bodies = field(default_factory=Bodies)
    bad: Counter[BadRequest] = field(default_factory=Counter)
    """What was no request, since the start."""
    _slots: dict[tuple[str, str], dict[asyncio.Task[object], None]] = field(default_factory=dict)
    """Client and what it asks for -> its requests whose body is not made yet, the oldest first."""
    _of_client: Counter[str] = field(default_factory=Counter)
    _log: LimitedLog = field(default_factory=LimitedLog)
    _last_logged: dict[RefusalReason, float] = field(default_factory=dict)

    @property
    def requests_in_flight(self) -> int:
        """Requests that are being answered now, over all connections."""
        return self.busy.total()

    @property
    def full(self) -> bool:
        """Whether one more request would be too many."""
        return 0 < self.max_requests <= self._of_client.total()

    def take(self, client: str, what: str) -> bool:
        """Take one of the `max_requests` for the current task, until `give_back`; False if there is none.

        If none is left, a client that has more than the new one loses its oldest request of what it asks for most: its
        task is cancelled. A client that has most of all loses one itself, if that is more than `EVEN_SHARE`.
        """
        if self.full and not self._make_room(client):
            return False
        self._slots.setdefault((client, what), {})[_current_task()] = None
        self._of_client[client] += 1
        return True

    def give_back(self, client: str, what: str) -> bool:
        """The current task has made its body. False if it had lost its place."""
        return self._release((client, what), _current_task())

    def _make_room(self, client: str) -> bool:
        heaviest = max(self._of_client, key=lambda each: self._of_client[each])
        other = self._of_client[heaviest] > self._of_client[client] + 1
        loses = heaviest if other else client
        keys = [key for key in self._slots if key[0] == loses]
        most = max(keys, key=lambda key: len(self._slots[key]), default=None)
        if most is None or (not other and len(self._slots[most]) <= EVEN_SHARE):
            return False
        task = next(iter(self._slots[most]))
        self._release(most, task)
        task.cancel()
        return True

    def _release(self, key: tuple[str, str], task: asyncio.Task[object]) -> bool:
        tasks = self._slots.get(key, {})
        if task not in tasks:
            return False
        del tasks[task]
        self._of_client[key[0]] -= 1
        if not tasks:
            del self._slots[key]
        if not self._of_client[key[0]]:
            del self._of_client[key[0]]
        return True

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


def _current_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    assert task is not None
    return task


def limiting(traffic: Traffic, exempt: Callable[[web.Request], bool]) -> Middleware:
    """The middleware that applies the limits. Requests that are `exempt` are always answered."""

    async def in_share(request: web.Request, handler: Handler) -> web.StreamResponse:
        client, what = request.remote or "", f"{request.path} {request.query.get('target', '')}"
        if not traffic.take(client, what):
            raise traffic.refuse(RefusalReason.REQUESTS)
        mine = True
        try:
            return await handler(request)
        except asyncio.CancelledError:
            mine = traffic.give_back(client, what)
            if mine:
                raise
            _current_task().uncancel()
            raise traffic.refuse(RefusalReason.REQUESTS) from None
        finally:
            if mine:
                traffic.give_back(client, what)

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        if exempt(request):
            return await handler(request)
        connection = request.protocol
        traffic.busy[connection] += 1
        try:
            return await _send(request, await in_share(request, handler), traffic.bodies)
        finally:
            traffic.busy[connection] -= 1
            if not traffic.busy[connection]:
                del traffic.busy[connection]

    return limited


async def _send(request: web.Request, response: web.StreamResponse, bodies: Bodies) -> web.StreamResponse:
    """Send `response`, and abort the connection of a client that does not read it: aiohttp would wait for ever.

    aiohttp itself notices that the connection has ended.
    """
    transport = request.transport
    if transport is None:
        return response
    # Not asyncio.timeout, which takes several times as long to set up: almost every response is sent at once.
    overdue = asyncio.get_running_loop().call_later(SEND_TIMEOUT, transport.abort)
    body = response.body if isinstance(response, web.Response) and isinstance(response.body, bytes) else b""
    bodies.add(body, transport)
    try:
        if isinstance(response, web.Response) and len(body) > _CHUNK:
            return await _send_in_chunks(request, response, memoryview(body))
        await response.prepare(request)
        await response.write_eof()
    except ConnectionError:
        pass  # the client closed the connection, or did not read
    finally:
        overdue.cancel()
        bodies.remove(body, transport)
    return response


async def _send_in_chunks(request: web.Request, response: web.Response, body: memoryview) -> web.StreamResponse:
    """Send a long body chunk by chunk, as the client reads it: at once, it would be copied for each waiting client."""
    headers = {name: value for name, value in response.headers.items() if name != hdrs.CONTENT_LENGTH}
    stream = web.StreamResponse(status=response.status, headers=headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for start in range(0, len(body), _CHUNK):
            await stream.write(body[start : start + _CHUNK])
    await stream.write_eof()
    return stream
