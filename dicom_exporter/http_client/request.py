"""One request to a server, and what its answer means, whatever it is.

```
no response ─────────────────────────> closed, not_http, unknown      `client.NoResponse`
redirect not followed ───────────────> other, doubt `redirect`
401, 403, login ─────────────────────> denied
404, 405, 410, 501 ──────────────────> other: the server says that it has no such resource
408, 425, 429, 5xx ──────────────────> unknown, doubt `unavailable`: it is about this moment
other 4xx ───────────────────────────> other, doubt `not_offered`: another question might be answered
204, or 200 with an empty body ──────> empty
200 ── DICOM JSON ───────────────────> entries, empty
    ── HTML page ────────────────────> other: this is no DICOMweb
    ── anything else ────────────────> other, doubt `unreadable` or `limit`
```
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from yarl import URL

from dicom_exporter.enums import LoginScheme, Phase, UnknownReason, WebAnswer
from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import NoResponse, Response
from dicom_exporter.http_client.json_scan import Scan, Shape
from dicom_exporter.http_client.login import login_schemes
from dicom_exporter.http_client.redirects import Trail, follow
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.results import TLSFacts
from dicom_exporter.text import SafeText

DICOM_JSON = "application/dicom+json"
"""The media type of a list (PS3.18 10.6.2). Alone, as there are servers that compare the whole header."""
MAX_ANSWER = 256 * 1024
"""Bytes of an answer that should hold one entry at most."""
MAX_PAGE = 64 * 1024
"""Bytes of a page that are looked at."""

_CONNECTING_ENDS_BY_ITSELF = 0.02
"""Seconds beyond the deadline, at which a lookup and a connection end and say how: silence may be proved by then."""
_READABLE = frozenset({200, 203, 206})
_DENIED = frozenset({401, 403, 407, 495, 496})
"""495 and 496 are nginx's own, for the client certificate."""
_CLIENT_CERTIFICATE = frozenset({495, 496})
_NO_SUCH_RESOURCE = frozenset({404, 405, 410, 501, 505})
_MOMENTARY = frozenset({408, 425, 429})
"""RFC 9110 15.5.9, RFC 8470 5.2, RFC 6585 4. So are all of 5xx that are not in `_NO_SUCH_RESOURCE`: gateways have many
of their own."""
_PASSWORD_FIELD = re.compile(rb"""<input\b[^>]{0,500}\btype\s*=\s*["']?password""", re.IGNORECASE)
_REFRESH = re.compile(rb"""<meta\b[^>]{0,500}\bhttp-equiv\s*=\s*["']?refresh\b""", re.IGNORECASE)
"""A page that browsers leave for another by themselves."""
_NO_CLIENT_CERTIFICATE = b"No required SSL certificate was sent"
"""nginx asks for a certificate, goes on without one, and says so with status 400."""
_MORE = re.compile(r"(?:^|,)\s*299\b|additional results", re.IGNORECASE)
"""The ``Warning`` of a list that is not all (PS3.18 8.3.4.4), also in the words of earlier editions."""
_HTML = re.compile(rb"[\s\xef\xbb\xbf]*<(?:!doctype\s+html|html|head|body)\b", re.IGNORECASE)
_HTML_TYPES = frozenset({"text/html", "application/xhtml+xml"})
_ANY_TYPES = frozenset({"", "text/plain", "application/octet-stream"})
"""What servers send if they do not know the type of a file."""
_LIST_TYPES = frozenset(
    {"", "application/dicom+json", "application/json", "application/dicom+xml", "multipart/related"}
)
"""Types of an empty body that means that nothing matches."""
_DICOM_XML = b"NativeDicomModel"


@dataclass(slots=True)
class ServerFacts:
    """What the requests of one probe showed of the server: mostly, what the first of them did."""

    status: int | None = None
    server: SafeText | None = None
    over_tls: bool = False
    client_certificate_required: bool | None = None
    login: tuple[LoginScheme, ...] = ()
    """What the first 401 named."""
    tls: TLSFacts | None = None
    phases: Mapping[Phase, float] | None = None
    """Seconds of each phase of the first request, which is the same every time; None before it."""

    def note(self, response: Response, url: URL) -> None:
        """Remember what a response shows."""
        self.over_tls = url.scheme == "https"
        self.tls = self.tls or response.tls_facts
        if response.status == 401:
            self.login = self.login or login_schemes(response.headers.getall("WWW-Authenticate", ()))
        if self.status is None:
            self.status = response.status
            server = response.headers.get("Server")
            self.server = None if server is None else SafeText(server)


@dataclass(slots=True)
class Reply:
    """The answer to one request."""

    scan: Scan
    answer: WebAnswer = WebAnswer.UNKNOWN
    doubt: UnknownReason | None = None
    """Why another attempt, or another client, might get more; None if the server decided the answer."""
    status: int | None = None
    url: URL | None = None
    """Where the answer came from, after redirects."""
    partial: bool = False
    """The server says itself that there is more, or the body was not read to its end."""
    cut: UnknownReason | None = None
    """Why the body was not read to its end."""
    media_type: str = ""
    """Of the body, in lower case, without parameters."""
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

    Redirects are followed (`redirects`). Never raises for what the peer does.
    """
    reply = Reply(scan)
    trail = Trail()
    own = context.with_own_phases()
    if facts.phases is None:
        facts.phases = own.phases.seconds

    def note(response: Response, url: URL) -> None:
        facts.note(response, url)
        reply.status, reply.url, reply.media_type = response.status, url, media_type(response)

    try:
        async with (
            asyncio.timeout_at(own.deadline + _CONNECTING_ENDS_BY_ITSELF),
            follow(url, own, accept, trail, note) as response,
        ):
            with own.phases.time(Phase.TRANSFER):
                await _judge(response, facts, reply, limit, trail, for_people="html" in accept)
    except TimeoutError:
        unproved = UnknownReason.VANTAGE in own.notes.doubts
        _judge_unfinished(reply, UnknownReason.VANTAGE if unproved else UnknownReason.TIMEOUT)
    except NoResponse as end:
        _judge_no_response(end, facts, reply, trail)
    return reply


def media_type(response: Response) -> str:
    """The media type of the body, in lower case, without parameters; empty if the server names none."""
    return response.headers.get("Content-Type", "").partition(";")[0].strip().lower()


def status_meaning(status: int) -> tuple[WebAnswer, UnknownReason | None]:
    """What a status means that is not a success (RFC 9110 15), and what is in doubt because of it."""
    if status in _DENIED:
        return WebAnswer.DENIED, None
    if status in _NO_SUCH_RESOURCE:
        return WebAnswer.OTHER, None
    if status in _MOMENTARY or status >= 500:
        return WebAnswer.UNKNOWN, UnknownReason.UNAVAILABLE
    return WebAnswer.OTHER, UnknownReason.NOT_OFFERED if status >= 400 else UnknownReason.UNREADABLE


def _judge_unfinished(reply: Reply, reason: UnknownReason) -> None:
    """What is proved when the deadline comes in mid-answer. What could still become anything is not known."""
    if reply.status in _READABLE:
        _judge_body(reply, reason)
    if reply.doubt is not None or reply.answer is WebAnswer.UNKNOWN:
        reply.answer, reply.doubt = WebAnswer.UNKNOWN, reason
    reply.partial = True


def _judge_no_response(end: NoResponse, facts: ServerFacts, reply: Reply, trail: Trail) -> None:
    reply.answer, reply.doubt = end.answer, end.doubt
    if trail.followed and end.answer in (WebAnswer.CLOSED, WebAnswer.NOT_HTTP, WebAnswer.UNKNOWN):
        reply.answer = WebAnswer.OTHER  # the server that sent us there did answer
        if trail.to_login:
            reply.answer, reply.doubt = WebAnswer.DENIED, None
    facts.tls = facts.tls or end.tls
    if facts.client_certificate_required is None:
        facts.client_certificate_required = end.client_certificate_required


async def _judge(
    response: Response, facts: ServerFacts, reply: Reply, limit: int, trail: Trail, *, for_people: bool
) -> None:
    status = response.status
    if 300 <= status < 400:
        reply.answer = WebAnswer.DENIED if trail.to_login else WebAnswer.OTHER
        if not trail.to_login:
            reply.doubt = UnknownReason.REDIRECT
        return
    if status == 204:
        reply.answer = WebAnswer.EMPTY
    elif status in _READABLE:
        reply.partial = status == 206 or any(_MORE.search(line) for line in response.headers.getall("Warning", ()))
        _judge_body(reply, await _read(response, reply, limit))
    else:
        reply.answer, reply.doubt = status_meaning(status)
        if status in _CLIENT_CERTIFICATE:
            facts.client_certificate_required = True
        elif status == 400 and _NO_CLIENT_CERTIFICATE in await _page(response, reply):
            reply.answer, reply.doubt = WebAnswer.DENIED, None
            facts.client_certificate_required = True
    if reply.answer not in (WebAnswer.ENTRIES, WebAnswer.EMPTY):
        _judge_page(response, reply, trail, for_people=for_people)


def _judge_page(response: Response, reply: Reply, trail: Trail, *, for_people: bool) -> None:
    """What the page, or the error, that came in place of a list says by itself.

    With `for_people`, a page was asked for, which may hold a form beside all else.
    """
    if "Retry-After" in response.headers and response.status != 401:
        reply.answer, reply.doubt = WebAnswer.UNKNOWN, UnknownReason.UNAVAILABLE
    elif response.status in _READABLE and (
        trail.to_login or ((trail.followed or not for_people) and _PASSWORD_FIELD.search(reply.page) is not None)
    ):
        reply.answer, reply.doubt = WebAnswer.DENIED, None
    elif response.status in _READABLE and ("Refresh" in response.headers or _REFRESH.search(reply.page) is not None):
        reply.doubt = UnknownReason.REDIRECT


def _judge_body(reply: Reply, cut: UnknownReason | None) -> None:
    """What the body shows; `cut`: why it was not read to its end."""
    scan = reply.scan
    reply.cut = cut
    match scan.shape:
        case Shape.ENTRIES:
            reply.answer = WebAnswer.ENTRIES
            return
        case Shape.EMPTY:
            reply.answer = WebAnswer.EMPTY
            return
    reply.answer, reply.doubt = WebAnswer.OTHER, cut or UnknownReason.UNREADABLE
    if scan.blank and cut is None and reply.media_type in _LIST_TYPES:
        reply.answer, reply.doubt = WebAnswer.EMPTY, None  # PS3.18 10.6.3.1: the representation may be of no length
    elif _is_html(reply):
        reply.doubt = None


def _is_html(reply: Reply) -> bool:
    """Whether it is a page for people: an application of one page answers any path with it.

    Not if the server calls the body DICOM JSON: then an archive is behind, and something else wrote the page.
    """
    if reply.scan.shape is not Shape.OTHER or _DICOM_XML in reply.page:
        return False
    if reply.media_type in _HTML_TYPES:
        return True
    return reply.media_type in _ANY_TYPES and _HTML.match(reply.page) is not None


async def _read(response: Response, reply: Reply, limit: int) -> UnknownReason | None:
    """Read the body as far as it is wanted. Returns why it could not be read to its end, or None."""
    scan = reply.scan
    try:
        async for piece in pieces(response, limit):
            if scan.shape is not Shape.OTHER:
                scan.feed(piece)
            if scan.shape is Shape.OTHER:
                reply.page += piece[: MAX_PAGE - len(reply.page)]
            if len(reply.page) >= MAX_PAGE or (scan.done and scan.entries):
                return None
    except BodyEnded as end:
        reply.partial = True
        return end.reason
    return None


async def _page(response: Response, reply: Reply) -> bytes:
    try:
        async for piece in pieces(response, MAX_PAGE):
            reply.page += piece
    except BodyEnded:
        pass
    return reply.page
