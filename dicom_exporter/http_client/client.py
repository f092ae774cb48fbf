"""One request on a connection of its own, from the host's name to the response's headers.

The connection is made by `net.tcp`, as for an association, and handed to aiohttp: so a refused
connection, silence and a missing route are distinct here, too, and each phase is timed.
"""

from __future__ import annotations

import asyncio
import base64
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_exceptions import BadStatusLine, LineTooLong
from yarl import URL

from dicom_exporter.config import Address, HTTPSettings
from dicom_exporter.config.values.network import SocketAddress
from dicom_exporter.enums import Outcome, Phase, TLSFailure, UnknownReason, WebAnswer
from dicom_exporter.net.addresses import connect_to_first, judge_silence
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import (
    ConnectionRefused,
    ConnectTimeout,
    NetworkUnreachable,
    Overloaded,
    ProbeEnded,
    ProxyFailed,
    TLSFailed,
)
from dicom_exporter.net.limits import AssociationSlot
from dicom_exporter.net.tcp import TLSClient, answers, connect, open_wire, tls_facts, tls_failed
from dicom_exporter.net.tls import explained, look, verifying_context
from dicom_exporter.net.tls_failure import chain, classify
from dicom_exporter.net.turns import Turns
from dicom_exporter.net.wire import USELESS_BYTES, Wire, forget
from dicom_exporter.results import TLSFacts


def authorization(settings: HTTPSettings) -> str:
    """The value of the ``Authorization`` header (RFC 9110 11.6.2): basic authentication (RFC 7617), or a bearer token
    (RFC 6750). It is a secret.
    """
    basic, token = settings.basic_auth, settings.bearer_token
    if basic is not None:
        pair = f"{basic.username}:{basic.password.reveal()}".encode()
        return "Basic " + base64.b64encode(pair).decode("ascii")
    return "" if token is None else "Bearer " + token.reveal()


_USER_AGENT = "Mozilla/5.0"
"""What every browser says. A name of our own would soon be on a list, and a list is no access control."""
_READ_BUFFER = 32 * 1024
_USELESS = USELESS_BYTES + 4 * _READ_BUFFER
"""Bytes that may come beside the body: aiohttp reads some of the body before we see its headers."""
_DOUBTS = {
    Outcome.DNS_FAILURE: UnknownReason.DNS_FAILURE,
    Outcome.OVERLOAD: UnknownReason.OVERLOAD,
}
"""Why it is not known what a server answers that there is no connection to."""


class NoResponse(Exception):
    """No HTTP response came; `answer` says what that means. Holds nothing that the peer sent."""

    def __init__(
        self,
        answer: WebAnswer,
        *,
        client_certificate_required: bool | None = None,
        tls: TLSFacts | None = None,
        doubt: UnknownReason | None = None,
    ) -> None:
        super().__init__(answer.value)
        self.answer = answer
        self.client_certificate_required = client_certificate_required
        self.tls = tls
        self.doubt = doubt
        """Why another attempt might bring more; None if the end was the server's doing."""


class Response(aiohttp.ClientResponse):
    """A response that knows what is below it."""

    tls_facts: TLSFacts | None = None
    """What the TLS handshake showed."""
    address: SocketAddress | None = None
    """Where it came from."""
    _wire: Wire | None = None

    def watch(self, wire: Wire | None) -> None:
        """Count the bytes of the body as useful ones of `wire`, which it comes over."""
        self._wire = wire
        if wire is not None:
            content = self.content
            wire.count_useful = lambda: content.total_bytes

    @property
    def over_limit(self) -> bool:
        """Whether too much came beside the body."""
        return self._wire is not None and self._wire.over_limit

    async def start(self, connection: Any) -> aiohttp.ClientResponse:
        """Look at the connection, which aiohttp lets go of as soon as a short body has come."""
        if connection.transport is not None:
            self.tls_facts = tls_facts(connection.transport)
        return await super().start(connection)


@asynccontextmanager
async def get(
    url: URL,
    context: ProbeContext,
    accept: str,
    is_allowed: Callable[[SocketAddress], bool] = lambda _: True,
    *,
    method: str = "GET",
    origin: str | None = None,
    upload: tuple[str, bytes] | None = None,
) -> AsyncIterator[Response]:
    """GET `url` and hold the response until the block ends. No redirect is followed, no cookie kept, no proxy used.

    `method` may be another one; `upload` is the media type of its body, and the body. With `origin`, it asks as a page
    of that origin does (RFC 6454).
    TLS and credentials are those of `context.identity`, and the seconds of each phase that was reached go to
    `context.phases`. No address is connected to that is not allowed. The caller bounds the time, and the body.

    Raises:
        NoResponse: before the block, never in it.
    """
    async with AsyncExitStack() as stack:
        address, sock, slot = await _connect(url, context, stack, is_allowed)
        connector = _Connector(sock, _tls_client(url, context), context.limits.turns)
        stack.callback(connector.let_go)
        slot.watch(lambda: 0 if connector.wire is None else connector.wire.received)
        session = await stack.enter_async_context(_session(connector))
        headers = {"Accept": accept, **({} if origin is None else {"Origin": origin})}
        if upload is not None:
            headers["Content-Type"] = upload[0]
        body = None if upload is None else upload[1]
        response = await _send(session, method, url, context, headers, address, connector, body)
        response.address = address
        try:
            yield response
        finally:
            response.close()


def _tls_client(url: URL, context: ProbeContext) -> TLSClient | None:
    if url.scheme != "https":
        return None
    tls = context.identity.tls
    return TLSClient(verifying_context() if tls is None else tls.context, url.raw_host or "")


async def _connect(
    url: URL, context: ProbeContext, stack: AsyncExitStack, is_allowed: Callable[[SocketAddress], bool]
) -> tuple[SocketAddress, socket.socket, AssociationSlot]:
    """A connection to the first address of the host that accepts one; `stack` closes it and releases the address."""
    host, port = url.raw_host, url.port
    if not host or not port:
        raise NoResponse(WebAnswer.UNKNOWN, doubt=UnknownReason.NOT_ASKED)

    async def connect_to(address: SocketAddress, until: float) -> tuple[SocketAddress, socket.socket]:
        if not is_allowed(address):
            raise NoResponse(WebAnswer.UNKNOWN, doubt=UnknownReason.REDIRECT)
        async with AsyncExitStack() as lock:
            await lock.enter_async_context(context.limits.lock_address(address, until, context.turn))
            sock = await _connect_to(address, context, until, Address(host, port))
            stack.push_async_exit(lock.pop_all())
        stack.callback(forget, sock)
        return address, sock

    try:
        connected = await connect_to_first(Address(host, port), context, connect_to)
        slot = context.limits.association_slot(context.deadline)
        await stack.enter_async_context(slot)
    except (ConnectionRefused, ConnectTimeout):
        raise NoResponse(WebAnswer.CLOSED) from None
    except NetworkUnreachable as end:
        doubt = UnknownReason.IP_VERSION if end.from_here else UnknownReason.UNREACHABLE
        raise NoResponse(WebAnswer.UNKNOWN, doubt=doubt) from None
    except ProxyFailed as end:
        raise NoResponse(WebAnswer.UNKNOWN, doubt=end.reason) from None
    except ProbeEnded as end:
        raise NoResponse(WebAnswer.UNKNOWN, doubt=_DOUBTS.get(end.outcome, UnknownReason.UNREACHABLE)) from None
    return *connected, slot


async def _connect_to(address: SocketAddress, context: ProbeContext, until: float, named: Address) -> socket.socket:
    timeout = min(context.connect_timeout, until - asyncio.get_running_loop().time())
    if timeout <= 0:
        raise Overloaded("the deadline came before the connection was tried")
    try:
        with context.phases.time(Phase.CONNECT):
            return await connect(address, timeout)
    except ConnectTimeout as end:
        raise judge_silence(end, timeout, named, context) from None


class _Connector(aiohttp.BaseConnector):
    """Hands the one connection that is made already to the one request that is put."""

    def __init__(self, sock: socket.socket, tls: TLSClient | None, turns: Turns) -> None:
        super().__init__(force_close=True, limit=1)
        self._sock: socket.socket | None = sock
        self._tls = tls
        self._turns = turns
        self.wire: Wire | None = None

    async def _create_connection(self, *_: object) -> ResponseHandler:
        sock, self._sock = self._sock, None
        if sock is None:
            raise OSError("one connection, one question")
        protocol: ResponseHandler = self._factory()
        try:
            self.wire = await open_wire(sock, protocol, self._turns, self._tls, allowed=_USELESS)
        except (OSError, ValueError) as error:
            raise (error if self._tls is None else tls_failed(error)) from None
        return protocol

    def let_go(self) -> None:
        """Close the connection, whatever aiohttp thinks of it."""
        if self.wire is not None:
            self.wire.abort()


def _session(connector: _Connector) -> aiohttp.ClientSession:
    trace = aiohttp.TraceConfig()
    trace.on_connection_create_end.append(_note_connection)
    return aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        auto_decompress=False,  # we do it ourselves, with bounds
        read_bufsize=_READ_BUFFER,
        response_class=Response,
        timeout=aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None),
        middlewares=(_once,),
        trace_configs=[trace],
    )


async def _note_connection(_: object, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx["connected"] = time.perf_counter()


class _Failed(Exception):
    """The first failure of a request. aiohttp would put the request again for some; nothing is tried twice here."""

    def __init__(self, error: aiohttp.ClientError | OSError) -> None:
        super().__init__()
        self.error = error


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except (aiohttp.ClientError, OSError) as error:
        raise _Failed(error) from None


async def _send(
    session: aiohttp.ClientSession,
    method: str,
    url: URL,
    context: ProbeContext,
    headers: Mapping[str, str],
    address: SocketAddress,
    connector: _Connector,
    body: bytes | None,
) -> Response:
    """Send the request and return the response's headers, or say why there are none."""
    headers = {**headers, "Accept-Encoding": "identity", "User-Agent": _USER_AGENT}
    http = context.identity.http
    if http is not None:
        headers["Authorization"] = authorization(http)
    begin = time.perf_counter()
    marks: dict[str, float] = {}
    try:
        response = await session.request(
            method,
            url.with_user(None),
            data=body,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=marks,
        )
        assert isinstance(response, Response)
        response.watch(connector.wire)
        return response
    except _Failed as failed:
        if connector.wire is not None and connector.wire.over_limit:
            raise NoResponse(WebAnswer.OTHER, doubt=UnknownReason.LIMIT) from None
        error: Exception = failed.error
    except TLSFailed as failed_handshake:
        error = failed_handshake
    except asyncio.CancelledError as cancelled:
        if address.via is not None and address.via.unproved and _may_have_no_connection(cancelled, connector):
            context.notes.doubts.add(UnknownReason.VANTAGE)
        raise
    finally:
        connected = marks.get("connected")
        if url.scheme == "https":
            context.phases.add(Phase.TLS, (connected or time.perf_counter()) - begin)
        if connected is not None:
            context.phases.add(Phase.FIRST_BYTE, time.perf_counter() - connected)
    via = address.via
    if via is not None and _may_have_no_connection(error, connector):
        left = min(context.deadline - asyncio.get_running_loop().time(), context.connect_timeout)
        if via.unproved or (left > 0 and not await answers(via, left)):
            raise NoResponse(WebAnswer.UNKNOWN, doubt=UnknownReason.VANTAGE) from None
    raise await _no_response(error, url, context, address) from None


def _may_have_no_connection(error: BaseException, connector: _Connector) -> bool:
    """Whether the lack of a connection has the same end: nothing came, not even an alert of TLS."""
    if isinstance(error, TLSFailed):
        return error.shows_nothing
    return connector.wire is None or connector.wire.received == 0


async def _no_response(error: Exception, url: URL, context: ProbeContext, address: SocketAddress) -> NoResponse:
    """What it means that no response came."""
    if isinstance(error, aiohttp.ClientResponseError):
        # Bytes that begin no HTTP at all; or a status line, and headers that no client would take.
        if any(isinstance(link, BadStatusLine) for link in chain(error)):
            return NoResponse(WebAnswer.NOT_HTTP)
        too_long = any(isinstance(link, LineTooLong) for link in chain(error))
        return NoResponse(WebAnswer.OTHER, doubt=UnknownReason.LIMIT if too_long else UnknownReason.UNREADABLE)
    if url.scheme != "https":
        return NoResponse(WebAnswer.NOT_HTTP)
    failed = error if isinstance(error, TLSFailed) else TLSFailed("TLS ended", failure=classify(error))
    if failed.failure is TLSFailure.NOT_TLS:
        return NoResponse(WebAnswer.NOT_HTTP, tls=failed.facts)
    facts = explained(failed, await look(address, url.raw_host or "", context))
    if facts.client_certificate_required:
        return NoResponse(WebAnswer.DENIED, client_certificate_required=True, tls=facts)
    return NoResponse(WebAnswer.NOT_HTTP, tls=facts, doubt=UnknownReason.TLS_HANDSHAKE)
