"""A DICOMweb root or a page as its description says, without I/O: one request and one answer for each connection."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.testing.truth.certificates import server_context
from tests.testing.truth.model import OTHER_NAME, TLS, Login, Media, Nothing, Page, Redirect, Web
from tests.testing.truth.session import Action, Close, HandshakeFailure, Send, Session, TLSSession, Wait

ROOT = "/dicom-web"
PAGE = "/app/explorer.html"
_PAGE = b"<!doctype html><html><head><title>Synthetic</title></head><body><div id=app></div></body></html>"
_ORTHANC = b"<html><head><title>Orthanc Explorer</title></head></html>"
_FORM = b"<html><form method=post><input name=user><input type='password' name=word></form></html>"
_GATEWAY = b"<html><head><title>Bad gateway</title></head><body><h1>The server is away</h1></body></html>"
_TYPES = {
    Media.DICOM_JSON: "application/dicom+json",
    Media.DICOM_JSON_CHARSET: "application/dicom+json; charset=utf-8",
    Media.JSON: "application/json",
    Media.XML: 'multipart/related; type="application/dicom+xml"; boundary=b',
}
_WARNING = '299 http://synthetic.test: "There are additional results that can be requested"'


@dataclass
class Site:
    """A web server and what it remembers from connection to connection."""

    web: Web | Page
    port: int
    requests: int = 0

    def connected(self) -> Session:
        """A new connection."""
        session = _Connection(self)
        match self.web.tls:
            case TLS.NONE:
                return session
            case TLS.NO_COMMON_CIPHER:
                return HandshakeFailure()
            case kind:
                return TLSSession(session, server_context(kind))


@dataclass(frozen=True)
class _Request:
    path: str
    query: dict[str, str]
    headers: dict[str, str]


class _Connection:
    """One connection."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._buffer = b""
        self._done = False

    def received(self, data: bytes) -> Iterable[Action]:
        self._buffer += data
        if self._done or b"\r\n\r\n" not in self._buffer:
            return []
        self._done = True
        delay = self._site.web.delay
        request = _parsed(self._buffer)
        answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n" if request is None else self._answer(request)
        return [*([Wait(delay)] if delay else []), Send(answer), Close()]

    def _answer(self, request: _Request) -> bytes:
        web, site = self._site.web, self._site
        site.requests += 1
        if web.gateway is not None and site.requests <= web.gateway_times:
            return _response(web.gateway, _GATEWAY, {"Content-Type": "text/html", "Server": "gateway"})
        hops, path = _hops(request.path)
        has_cookie = web.redirect is Redirect.COOKIE and "cookie" in request.headers
        if hops < web.redirects and not has_cookie:
            return self._redirect(request, hops + 1, path)
        match web.login:
            case Login.STATUS_401:
                return _response(401, b"", {"WWW-Authenticate": 'Basic realm="archive"'})
            case Login.STATUS_403:
                return _response(403)
            case Login.FORM:
                return _response(200, _FORM, {"Content-Type": "text/html"})
        return _page(web, path) if isinstance(web, Page) else _DICOMweb(web).answer(request, path)

    def _redirect(self, request: _Request, hops: int, path: str) -> bytes:
        there = self._location(request, hops, path)
        match self._site.web.redirect:
            case Redirect.META:
                body = f'<html><head><meta http-equiv="refresh" content="0; url={there}"></head></html>'.encode()
                return _response(200, body, {"Content-Type": "text/html"})
            case Redirect.COOKIE:
                return _response(302, b"", {"Location": request.path, "Set-Cookie": "seen=1"})
        return _response(302, b"", {"Location": there})

    def _location(self, request: _Request, hops: int, path: str) -> str:
        web = self._site.web
        query = "&".join(f"{key}={value}" for key, value in request.query.items())
        there = f"/hop{hops}{path}" + (f"?{query}" if query else "")
        scheme = "http" if web.tls is TLS.NONE else "https"
        match web.redirect:
            case Redirect.RELATIVE:
                return there
            case Redirect.LOGIN:
                return "/login?next=%2F"
            case Redirect.OTHER_HOST:
                return f"{scheme}://{OTHER_NAME}:{self._site.port}{there}"
            case _:
                return f"{scheme}://{request.headers['host']}{there}"


@dataclass(frozen=True)
class _DICOMweb:
    web: Web

    def answer(self, request: _Request, path: str) -> bytes:
        if self.web.media is Media.HTML:
            return _response(200, _PAGE, {"Content-Type": "text/html"})
        parts = path.removeprefix(ROOT).strip("/").split("/")
        match parts:
            case ["studies"]:
                return self._studies(request)
            case ["instances"] | ["studies", _, "instances"] | ["studies", _, "series", _, "instances"]:
                return self._one(_instance(self.web), bool(self.web.studies))
            case ["series"] | ["studies", _, "series"]:
                return self._one(_series(self.web), bool(self.web.studies))
            case ["studies", *_]:
                return self._wado(request)
        return _response(404)

    def _one(self, entry: dict[str, Any], there: bool) -> bytes:
        return self._list([entry] if there else [], {})

    def _studies(self, request: _Request) -> bytes:
        web = self.web
        asked = next((request.query[key] for key in ("StudyInstanceUID", "0020000D") if key in request.query), None)
        if asked is not None and not web.ignores_filter:
            number = asked.removeprefix("1.2.3.")
            known = number.isdigit() and int(number) < web.studies
            return self._list([_study(web, int(number))] if known else [], {})
        if asked is None and web.list_status is not None:
            return _response(web.list_status, b"")
        limit = ALL if web.ignores_limit else int(request.query.get("limit", ALL))
        if web.max_limit is not None and not web.ignores_limit and limit > web.max_limit:
            return _response(web.refusal, b"limit is too large", {"Content-Type": "text/plain"})
        offset = 0 if web.ignores_offset else int(request.query.get("offset", 0))
        offset -= bool(offset and web.repeats)
        end = min(web.studies, offset + min(limit, web.page or ALL))
        more = end < web.studies and end - offset < limit
        headers = {"Warning": f'199 - "none"\r\nWarning: {_WARNING}'} if more and web.says_more else {}
        entries = [_study(web, number) for number in range(offset, max(offset, end))]
        return self._list(entries, headers, 206 if more and web.partial and entries else 200)

    def _list(self, entries: list[dict[str, Any]], headers: dict[str, str], status: int = 200) -> bytes:
        web = self.web
        if not entries:
            match web.nothing:
                case Nothing.NO_CONTENT:
                    return _response(204)
                case Nothing.EMPTY_BODY:
                    return _response(200, b"", {"Content-Type": _TYPES[web.media]})
                case Nothing.NOT_FOUND:
                    return _response(404, b"No matching studies", {"Content-Type": "text/plain"})
        body = json.dumps(entries).encode()
        if web.media is Media.XML:
            parts = b"".join(
                b"--b\r\nContent-Type: application/dicom+xml\r\n\r\n" + _xml(entry) + b"\r\n" for entry in entries
            )
            body = parts + b"--b--\r\n"
        return _response(status, body, {"Content-Type": _TYPES[web.media], "Server": "Synthetic/1", **headers})

    def _wado(self, request: _Request) -> bytes:
        web = self.web
        if web.wado_status != 200:
            return _response(web.wado_status)
        accept = request.headers.get("accept", "*/*").replace(" ", "")
        if web.wado_accept is not None and web.wado_accept not in accept:
            return _response(406)
        file = bytes(128) + b"DICM" + bytes(600)
        body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--b--\r\n"
        return _response(200, body, {"Content-Type": 'multipart/related; type="application/dicom"; boundary=b'})


ALL = 1_000_000
"""A `limit` that is none."""


def _page(page: Page, path: str) -> bytes:
    if path == PAGE or not page.orthanc:
        return _response(200, _ORTHANC if page.orthanc else _PAGE, {"Content-Type": "text/html"})
    if page.rest_status is not None:
        return _response(page.rest_status)
    match path:
        case "/system":
            return _json({"ApiVersion": 18, "DicomAet": "ORTHANC", "Version": "1.12.3"})
        case "/studies":
            return _json([f"{number:08x}-0000" for number in range(min(page.studies, 1))])
        case "/statistics" if page.statistics:
            return _json({"CountStudies": page.studies})
    return _response(404)


def _json(value: Any) -> bytes:
    return _response(200, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _hops(path: str) -> tuple[int, str]:
    """How many redirects `path` has been through, and the path without them."""
    first, _, rest = path.lstrip("/").partition("/")
    return (int(first[3:]), f"/{rest}") if first.startswith("hop") and first[3:].isdigit() else (0, path)


def _study(web: Web, number: int) -> dict[str, Any]:
    name = {"vr": "PN", "Value": [{"Alphabetic": "SYNTHETIC^ONE"}]} if web.names else {"vr": "PN"}
    patient = {"vr": "LO", "Value": [f"SYN-{number}"]} if web.names else {"vr": "LO"}
    return {
        "0020000D": {"vr": "UI", "Value": [f"1.2.3.{number}"]},
        "00080061": {"vr": "CS", "Value": ["CT"]},
        "00100010": name,
        "00100020": patient,
    }


def _series(web: Web) -> dict[str, Any]:
    return _study(web, 0) | {"0020000E": {"vr": "UI", "Value": ["1.2.3.0.1"]}}


def _instance(web: Web) -> dict[str, Any]:
    return _series(web) | {"00080018": {"vr": "UI", "Value": ["1.2.3.0.1.1"]}}


def _xml(entry: dict[str, Any]) -> bytes:
    def attributes() -> Iterator[str]:
        for tag, attribute in entry.items():
            for value in attribute.get("Value", []):
                text = value if isinstance(value, str) else value["Alphabetic"]
                yield f'<DicomAttribute tag="{tag}" vr="{attribute["vr"]}"><Value number="1">{text}</Value>'
                yield "</DicomAttribute>"

    return f"<NativeDicomModel>{''.join(attributes())}</NativeDicomModel>".encode()


def _parsed(data: bytes) -> _Request | None:
    lines = data.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3:
        return None
    url = urlsplit(words[1])
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    return _Request(url.path, {key: values[0] for key, values in parse_qs(url.query).items()}, headers)


def _response(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status} Synthetic", "Connection: close"]
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
