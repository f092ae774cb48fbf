"""HTTP servers that do what real ones should not, for tests of their clients.

    async with http.server(http.answers(401)) as server:
        ...                                    # let the code under test talk to server.url
        assert "Authorization" not in server.requests[0].headers

A behaviour gets the request, the writer, and the request's number on this server, from 1. When it returns, the
connection is closed.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

HTML = b"<!doctype html><html><head><title>Welcome</title></head><body><div id=app></div></body></html>"
LOGIN = b"<html><form method=post><input name=user><input type='password' name=word></form></html>"
GARBAGE = bytes(range(255, 127, -1)) * 4


@dataclass(frozen=True, slots=True)
class Request:
    """What a client sent."""

    method: str
    target: str
    headers: Mapping[str, str]

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(urlsplit(self.target).query).items()}


Behaviour: TypeAlias = Callable[[Request, asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class Server:
    """A running server."""

    port: int
    scheme: str
    requests: list[Request] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/dicom-web"


@asynccontextmanager
async def server(
    behaviour: Behaviour, tls: ssl.SSLContext | None = None, *, eager: bool = False
) -> AsyncIterator[Server]:
    """Serve `behaviour` on loopback; every connection ends with the block. An eager one waits for no whole request."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            request = Request("GET", "/", {}) if eager and await reader.read(1) else await _request(reader)
            running.requests.append(request)
            await behaviour(request, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            tasks.discard(task)
            writer.transport.abort() if task.cancelling() else writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    running = Server(listener.sockets[0].getsockname()[1], "https" if tls else "http")
    try:
        yield running
    finally:
        listener.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)


async def _request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    return Request(method, target, {name: value.strip() for name, _, value in (line.partition(":") for line in lines)})


def head(status: int, headers: Mapping[str, str] | None = None) -> bytes:
    """Status line and headers."""
    lines = [f"HTTP/1.1 {status} Synthetic", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join([*lines, "", ""]).encode()


def answers(status: int = 200, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Behaviour:
    """The same answer to everything, in full."""

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, {"Content-Length": str(len(body)), **(headers or {})}) + body)
        await writer.drain()

    return behaviour


def sends(data: bytes) -> Behaviour:
    """Those bytes, and the end of the connection."""

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        await writer.drain()

    return behaviour


def routes(table: Mapping[str, Behaviour], otherwise: Behaviour) -> Behaviour:
    """By path, in full."""

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        await table.get(request.path, otherwise)(request, writer)

    return behaviour


def drips(first: bytes, then: bytes = b" ", every: float = 0.02) -> Behaviour:
    """`first`, and then a little at a time without end."""

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while then:
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(every)
        await asyncio.Event().wait()

    return behaviour


def floods(first: bytes, then: bytes) -> Behaviour:
    """`first`, and then as much as the client takes, without end."""

    async def behaviour(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(first)
        while not writer.transport.is_closing():  # over TLS, nothing is raised
            writer.write(then)
            await writer.drain()
            await asyncio.sleep(0)

    return behaviour


silent: Behaviour = drips(b"", then=b"")
"""Reads the request and sends nothing."""


def gzip_bomb(mebibytes: int, prefix: bytes = b"[", filler: bytes = b" ") -> Behaviour:
    """A small body that becomes a large one."""
    coder = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    mebibyte = filler * (1024 * 1024 // len(filler))
    body = coder.compress(prefix) + b"".join(coder.compress(mebibyte) for _ in range(mebibytes)) + coder.flush()
    return answers(200, body, {"Content-Type": "application/dicom+json", "Content-Encoding": "gzip"})


def entry(number: int, name: str = "SYNTHETIC^ONE", patient_id: str = "SYN-1") -> dict[str, Any]:
    """A study as QIDO-RS gives it (PS3.18 F.2)."""
    return {
        "0020000D": {"vr": "UI", "Value": [f"2.25.{number}"]},
        "00080061": {"vr": "CS", "Value": ["CT"]},
        "00100010": {"vr": "PN", "Value": [{"Alphabetic": name}]},
        "00100020": {"vr": "LO", "Value": [patient_id]},
    }


def qido(
    count: int,
    *,
    page: int | None = None,
    max_limit: int | None = None,
    refusal: int = 400,
    refuses_wide: bool = False,
    refuses_offset: bool = False,
    ignores_filter: bool = False,
    ignores_limit: bool = False,
    ignores_offset: bool = False,
    limit_before_offset: bool = False,
    nothing: Behaviour | None = None,
    warning: str | None = None,
    compressed: bool = False,
    content_type: str = "application/dicom+json",
    name: str = "SYNTHETIC^ONE",
    patient_id: str = "SYN-1",
) -> Behaviour:
    """An archive of `count` studies that lists at most `page` of them at once, and refuses a `limit` over `max_limit`.

    Where nothing matches, it answers with `nothing`; if a page is not all, with the header `Warning`, if given.
    """

    async def behaviour(request: Request, writer: asyncio.StreamWriter) -> None:
        query = request.query
        limit = int(query.get("limit", "1000000"))
        refused = (max_limit is not None and limit > max_limit) or (refuses_offset and "offset" in query)
        if refused or (refuses_wide and limit > 1):
            await answers(413 if refuses_wide else refusal)(request, writer)
            return
        offset = 0 if ignores_offset else int(query.get("offset", "0"))
        studies = range(0 if "StudyInstanceUID" in query and not ignores_filter else count)
        most = min(len(studies) if ignores_limit else limit, page or len(studies))
        some = studies[:most][offset:] if limit_before_offset else studies[offset : offset + most]
        if not some and nothing is not None:
            await nothing(request, writer)
            return
        body = json.dumps([entry(number, name, patient_id) for number in some]).encode()
        headers = {"Content-Type": content_type, "Server": "Synthetic/1"}
        if warning is not None and some and some[-1] < count - 1 and len(some) < limit:
            headers["Warning"] = warning
        if compressed:
            body, headers["Content-Encoding"] = gzip.compress(body), "gzip"
        await answers(200, body, headers)(request, writer)

    return behaviour
