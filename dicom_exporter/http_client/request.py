"""One request to a server, and what its answer means, whatever it is."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from dicom_exporter.config import Address
from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import NoResponse, Response, get
from dicom_exporter.http_client.json_scan import Scan, Verdict
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.results import Phase, TLSFacts, UnknownReason, WebAnswer
from dicom_exporter.text import SafeText

DICOM_JSON = "application/dicom+json, application/json;q=0.5"
MAX_ANSWER = 256 * 1024
"""Bytes of an answer that should hold one entry at most."""
MAX_PAGE = 64 * 1024
"""Bytes of a page that are looked at."""

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
MAX_REDIRECTS = 5
"""Redirects that are followed in one request."""
_DENIED = frozenset({401, 403, 407, 495, 496})
"""495 and 496 are nginx's own, for the client certificate."""
MOMENT = frozenset({408, 425, 429, 500, *range(502, 505), *range(506, 600)})
"""Statuses about this moment, or of a gateway whose server does not answer: they say nothing about the server behind.

RFC 9110 15.5.9 and 15.6, RFC 6585 4, RFC 8470 5.2; above 511 they are those of gateways. 501 and 505 are about the
request.
"""
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
    """The server says itself that there is more, or the body was cut."""
    doubts: set[UnknownReason] = field(default_factory=set)
    """Why another request might bring more; empty where the answer is the server's own."""
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

    Redirects are followed as a browser does, at most `MAX_REDIRECTS`; with credentials, within the same origin only
    (RFC 6454). Where following ends, it is a doubt. Never raises for what the peer does.
    """
    reply = Reply(scan)
    own = context.with_own_phases()
    if facts.phases is None:
        facts.phases = own.phases.seconds
    try:
        async with asyncio.timeout_at(own.deadline):
            await _follow(url, own, facts, reply, accept, limit)
    except TimeoutError:
        reply.answer = _unfinished(reply)
        if reply.answer is WebAnswer.UNKNOWN:
            reply.doubts.add(UnknownReason.TIMEOUT)
    except NoResponse as end:
        reply.answer = end.answer
        if end.doubt is not None:
            reply.doubts.add(end.doubt)
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


async def _follow(first: URL, context: ProbeContext, facts: ServerFacts, reply: Reply, accept: str, limit: int) -> None:
    url, seen = first, {first}
    for _ in range(MAX_REDIRECTS + 1):
        async with get(url, context, accept) as response:
            _note(facts, response, url)
            reply.status, reply.url = response.status, url
            if response.status not in _REDIRECTS:
                with context.phases.time(Phase.TRANSFER):
                    await _judge(response, facts, reply, accept, limit, redirected=url is not first)
                return
            target = _redirect(response, url)
        if target is None:
            break
        if leads_to_login(target):
            reply.answer = WebAnswer.DENIED
            return
        if target in seen or not await _may_follow(first, url, target, context):
            break
        seen.add(target)
        url = target
    reply.answer = WebAnswer.OTHER
    reply.doubts.add(UnknownReason.REDIRECT)


async def _may_follow(first: URL, url: URL, target: URL, context: ProbeContext) -> bool:
    """Whether a redirect from `url` to `target` is followed.

    Credentials stay within the origin that the configuration names. A server elsewhere cannot make us ask this machine,
    or one that only this network segment reaches.
    """
    if context.identity.http is not None:
        return target.origin() == first.origin()
    if target.raw_host == url.raw_host:
        return True
    here = any(address.is_loopback for address in await _addresses(first, context))
    return not any(
        address.is_link_local or address.is_multicast or address.is_unspecified or (address.is_loopback and not here)
        for address in await _addresses(target, context)
    )


async def _addresses(url: URL, context: ProbeContext) -> list[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    """The addresses of the host of `url`; empty where they are not known, and the connection will say why."""
    try:
        resolved = await context.resolve(Address(url.raw_host or "", url.port or 0))
    except ProbeEnded:
        return []
    return [ipaddress.ip_address(address.ip) for address in resolved.addresses]


def _note(facts: ServerFacts, response: Response, url: URL) -> None:
    facts.over_tls = url.scheme == "https"
    facts.tls = facts.tls or response.tls_facts
    if facts.status is None:
        facts.status = response.status
        server = response.headers.get("Server")
        facts.server = None if server is None else SafeText(server)


def _redirect(response: Response, url: URL) -> URL | None:
    """Where a redirect leads, without user and fragment; None where it does not say, or not to HTTP."""
    location = response.headers.get("Location")
    if location is None:
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


async def _judge(
    response: Response, facts: ServerFacts, reply: Reply, accept: str, limit: int, *, redirected: bool
) -> None:
    status = response.status
    if status in _DENIED:
        reply.answer = WebAnswer.DENIED
        if status not in (401, 403, 407):
            facts.client_certificate_required = True
        return
    if status in MOMENT:
        reply.doubts.add(UnknownReason.UNAVAILABLE)
        return
    if status == 204:
        reply.answer = WebAnswer.EMPTY
        reply.partial = _says_more(response)
        return
    if status not in (200, 206):
        reply.answer = WebAnswer.OTHER
        if status == 400 and _NO_CLIENT_CERTIFICATE in await _page(response, reply):
            reply.answer = WebAnswer.DENIED
            facts.client_certificate_required = True
        return
    reply.partial = status == 206 or _says_more(response)
    await _read(response, reply, limit)
    if accept is DICOM_JSON:
        _judge_list(response, reply)
    else:
        answer = _ANSWERS[reply.scan.verdict]
        reply.answer = WebAnswer.OTHER if answer is WebAnswer.UNKNOWN else answer
    if redirected and _PASSWORD_FIELD.search(reply.page):
        reply.answer = WebAnswer.DENIED
        reply.doubts.clear()


def _says_more(response: Response) -> bool:
    """Whether a Warning header says that the list goes on, or doubts the answer in another way (PS3.18 10.6.3.2).

    The words differ between the editions of the standard, so the code 299 counts, in any line of the header.
    """
    lines = response.headers.getall("Warning", [])
    return any(re.search(r"\b299\b|additional results", line, re.IGNORECASE) for line in lines)


def _judge_list(response: Response, reply: Reply) -> None:
    """What a body means that should hold a list in DICOM JSON (PS3.18 10.6.3).

    No body at all is a list without an entry, as newer editions have it. A page is no DICOMweb; anything else that is
    no such list may be one in a form that we cannot read.
    """
    verdict = reply.scan.verdict
    media = response.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if verdict in (Verdict.ENTRIES, Verdict.EMPTY):
        reply.answer = _ANSWERS[verdict]
        return
    if not reply.scan.begun and not reply.partial and (media == "" or "json" in media):
        reply.answer = WebAnswer.EMPTY
        return
    reply.answer = WebAnswer.OTHER
    start = reply.page.lstrip()[:15].lower()
    if media not in ("text/html", "application/xhtml+xml") and not start.startswith((b"<!doctype html", b"<html")):
        reply.doubts.add(UnknownReason.UNREADABLE)


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
