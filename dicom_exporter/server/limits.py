"""How much the exporter does at once for its clients, and what it says to those who come beyond that.

```
connection ── connections.py: at most so many, the longest idle one goes first
   request ── here: at most so many under way, then 503; an answer is read within a minute, or the connection ends
/metrics   ── rounds.py: those that come together share one scrape and one encoded body
```
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

log = structlog.stdlib.get_logger(__name__)

DEFAULT_MAX_REQUESTS = 4096
"""A scrape for each of 10,000 targets, 20 seconds long and once in a minute, is 3,400 at once."""
RETRY_AFTER = 5
"""Seconds after which a client that was refused may come again."""
SEND_TIMEOUT = 60.0
"""Seconds in which a client has to read its answer: longer than any scrape waits."""
_PIECE = 256 * 1024
"""Bytes of an answer that are handed over to be sent at once."""
_SAY_AGAIN = 60.0
"""Seconds between two lines in the log about refusals."""


class Refusal(StrEnum):
    """Why a client was refused."""

    CONNECTIONS = "connections"
    REQUESTS = "requests"
    SCRAPES = "scrapes"
    LOOKUPS = "lookups"


@dataclass(slots=True)
class Traffic:
    """What goes on between us and our clients."""

    max_requests: int = DEFAULT_MAX_REQUESTS
    """Requests under way at once; 0 for any number."""
    busy: Counter[Any] = field(default_factory=Counter)
    """Requests under way, by their connection (its aiohttp protocol)."""
    refused: Counter[Refusal] = field(default_factory=Counter)
    """How many clients were refused since the start."""
    _said: dict[Refusal, float] = field(default_factory=dict)

    @property
    def requests_in_flight(self) -> int:
        """Requests that are being answered now."""
        return self.busy.total()

    @property
    def full(self) -> bool:
        """Whether one more request would be too many."""
        return 0 < self.max_requests <= self.requests_in_flight

    def refuse(self, why: Refusal) -> web.HTTPServiceUnavailable:
        """Count a refusal, say it in the log once a minute, and make the answer, which is to be raised."""
        self.count(why)
        return web.HTTPServiceUnavailable(
            text=f"Too many {why} at once. Try again in {RETRY_AFTER} seconds.\n",
            headers={hdrs.RETRY_AFTER: str(RETRY_AFTER)},
        )

    def count(self, why: Refusal) -> None:
        """Count a refusal, and say it in the log once a minute."""
        self.refused[why] += 1
        now = asyncio.get_running_loop().time()
        if now - self._said.get(why, -_SAY_AGAIN) >= _SAY_AGAIN:
            self._said[why] = now
            log.warning("overloaded: clients are refused", too_many=why.value, refused=self.refused[why])


def limiting(traffic: Traffic, always: frozenset[str]) -> Middleware:
    """The middleware that keeps to the limits. The paths of `always` are answered whatever goes on."""

    @web.middleware
    async def limited(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path in always:
            return await handler(request)
        if traffic.full:
            raise traffic.refuse(Refusal.REQUESTS)
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
    """Send `response`, and end the connection of a client that does not read it. aiohttp itself would wait for ever.

    To send what is sent already does nothing. aiohttp itself notices where the connection has ended.
    """
    try:
        async with asyncio.timeout(SEND_TIMEOUT):
            if isinstance(response, web.Response) and not response.prepared and len(_body(response)) > _PIECE:
                return await _send_in_pieces(request, response)
            await response.prepare(request)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    except ConnectionError:
        pass  # the client went away
    return response


def _body(response: web.Response) -> bytes:
    return response.body if isinstance(response.body, bytes) else b""


async def _send_in_pieces(request: web.Request, response: web.Response) -> web.StreamResponse:
    """Send a long body as the client takes it: at once, it would be copied for each client that waits for the same."""
    body = memoryview(_body(response))
    headers = {name: value for name, value in response.headers.items() if name != hdrs.CONTENT_LENGTH}
    stream = web.StreamResponse(status=response.status, headers=headers)
    stream.content_length = len(body)
    await stream.prepare(request)
    if request.method != hdrs.METH_HEAD:
        for start in range(0, len(body), _PIECE):
            await stream.write(body[start : start + _PIECE])
    await stream.write_eof()
    return stream
