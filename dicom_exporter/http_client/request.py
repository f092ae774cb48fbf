"""One request to a server, and what its answer means, whatever it is."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import NoResponse, Response, get
from dicom_exporter.http_client.json_scan import Scan, Verdict
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.results import Phase, TLSFacts, WebAnswer
from dicom_exporter.text import SafeText

DICOM_JSON = "application/dicom+json, application/json;q=0.5"
MAX_ANSWER = 256 * 1024
"""Bytes of an answer that should hold one entry at most."""
MAX_PAGE = 64 * 1024
"""Bytes of a page that are looked at."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_DENIED = frozenset({401, 403, 495, 496})
"""495 and 496 are nginx's own, for the client certificate."""
_LOGIN = re.compile(r"log-?(?:in|on)|sign-?(?:in|on)|auth|openid|saml|sso|keycloak|adfs|/cas/", re.IGNORECASE)
_PASSWORD_FIELD = re.compile(rb"""<input\b[^>]{0,500}\btype\s*=\s*["']?password""", re.IGNORECASE)
_NO_CLIENT_CERTIFICATE = b"No required SSL certificate was sent"
"""nginx asks for a certificate, goes on without one, and says so with status 400."""


@dataclass(slots=True)
class ServerFacts:
    """What the requests of one probe showed of the server: mostly, what the first of them did."""

    status: int | None = None
    server: SafeText | None = None
    over_tls: bool = False
    client_certificate_required: bool | None = None
    tls: TLSFacts | None = None
    phases: Mapping[Phase, float] | None = None
    """Seconds of each phase of the first request, which is the same every time; None before it."""


@dataclass(slots=True)
class Reply:
    """The answer to one request."""

    scan: Scan
    answer: WebAnswer = WebAnswer.UNKNOWN
    status: int | None = None
    url: URL | None = None
    """Where the answer came from, after a redirect."""
    partial: bool = False
    """The server says itself that there is more."""
    page: bytes = field(default=b"", repr=False)
    """The first bytes of what is no JSON array. To look at, and to drop."""


async def request(
    url: URL,
    context: ProbeContext,
    facts: ServerFacts,
    scan: Scan,
    *,
    accept: str = DICOM_JSON,
    limit: int = MAX_ANSWER,
) -> Reply:
    """GET `url` until `context.deadline` and judge the answer; `scan` sees up to `limit` bytes of the body.

    A redirect within the host is followed once, and only without credentials; one to another host, never. Never raises
    for what the peer does.
    """
    reply = Reply(scan)
    own = context.with_own_phases()
    if facts.phases is None:
        facts.phases = own.phases.seconds
    try:
        async with asyncio.timeout_at(own.deadline):
            await _follow(url, own, facts, reply, accept, limit, redirected=False)
    except TimeoutError:
        reply.answer = _unfinished(reply)
    except NoResponse as end:
        reply.answer = end.answer
        facts.tls = facts.tls or end.tls
        if facts.client_certificate_required is None:
            facts.client_certificate_required = end.client_certificate_required
    return reply


def _unfinished(reply: Reply) -> WebAnswer:
    """What is proved when the deadline comes in mid-answer. What could still become anything is unknown."""
    if reply.answer is not WebAnswer.UNKNOWN:
        return reply.answer
    return _ANSWERS[reply.scan.verdict] if reply.status in (200, 206) else WebAnswer.UNKNOWN


_ANSWERS = {
    Verdict.ENTRIES: WebAnswer.ENTRIES,
    Verdict.EMPTY: WebAnswer.EMPTY,
    Verdict.STRINGS: WebAnswer.OTHER,
    Verdict.OTHER: WebAnswer.OTHER,
    Verdict.UNDECIDED: WebAnswer.UNKNOWN,
}


async def _follow(
    url: URL, context: ProbeContext, facts: ServerFacts, reply: Reply, accept: str, limit: int, *, redirected: bool
) -> None:
    async with get(url, context, accept) as response:
        _note(facts, response, url)
        reply.status, reply.url = response.status, url
        target = _redirect(response, url)
        if target is None:
            with context.phases.time(Phase.TRANSFER):
                await _judge(response, facts, reply, limit, redirected=redirected)
            return
    if leads_to_login(target):
        reply.answer = WebAnswer.DENIED
    elif redirected or context.identity.http is not None or target.raw_host != url.raw_host:
        reply.answer = WebAnswer.OTHER
    else:
        await _follow(target, context, facts, reply, accept, limit, redirected=True)


def _note(facts: ServerFacts, response: Response, url: URL) -> None:
    facts.over_tls = url.scheme == "https"
    facts.tls = facts.tls or response.tls_facts
    if facts.status is None:
        facts.status = response.status
        server = response.headers.get("Server")
        facts.server = None if server is None else SafeText(server)


def _redirect(response: Response, url: URL) -> URL | None:
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or location is None:
        return None
    try:
        target = url.join(URL(location))
        usable = target.scheme in ("http", "https") and bool(target.raw_host) and bool(target.port)
    except ValueError:
        return None
    return target.with_user(None).with_fragment(None) if usable else None


def leads_to_login(url: URL) -> bool:
    """Whether a redirect to `url` asks for a login: judged by the words of its host and path alone."""
    return _LOGIN.search(f"{url.raw_host}{url.raw_path}") is not None


async def _judge(response: Response, facts: ServerFacts, reply: Reply, limit: int, *, redirected: bool) -> None:
    status = response.status
    if status in _DENIED:
        reply.answer = WebAnswer.DENIED
        if status not in (401, 403):
            facts.client_certificate_required = True
        return
    if status == 204:
        reply.answer = WebAnswer.EMPTY
        return
    if status not in (200, 206):
        reply.answer = WebAnswer.OTHER
        if status == 400 and _NO_CLIENT_CERTIFICATE in await _page(response, reply):
            reply.answer = WebAnswer.DENIED
            facts.client_certificate_required = True
        return
    reply.partial = status == 206 or "additional results" in response.headers.get("Warning", "")
    await _read(response, reply, limit)
    answer = _ANSWERS[reply.scan.verdict]
    # The body is over: what is not decided by now is none of DICOM's.
    reply.answer = WebAnswer.OTHER if answer is WebAnswer.UNKNOWN else answer
    if redirected and _PASSWORD_FIELD.search(reply.page):
        reply.answer = WebAnswer.DENIED


async def _read(response: Response, reply: Reply, limit: int) -> None:
    scan = reply.scan
    try:
        async for piece in pieces(response, limit):
            if scan.verdict is not Verdict.OTHER:
                scan.feed(piece)
            if scan.verdict is Verdict.OTHER:
                reply.page += piece[: MAX_PAGE - len(reply.page)]
            if len(reply.page) >= MAX_PAGE or (scan.done and scan.entries):
                return
    except BodyEnded:
        reply.partial = True


async def _page(response: Response, reply: Reply) -> bytes:
    try:
        async for piece in pieces(response, MAX_PAGE):
            reply.page += piece
    except BodyEnded:
        pass
    return reply.page
