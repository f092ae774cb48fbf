"""Metric families -> the body of an HTTP response, in the format and encoding that the client asks for."""

from __future__ import annotations

import asyncio
import gzip
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from aiohttp import hdrs, web
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

Collect = Callable[[], Iterable[Metric]]

_VERSION = re.compile(r";\s*version=([^;]*)")
_VERSIONS = {"0.0.1", "0.0.4", "1.0.0"}
_GZIP_LEVEL = 1
"""Ten times smaller already; a higher level costs twice the time and saves a tenth more."""


@dataclass(frozen=True, slots=True)
class Families:
    """The `Collector` that prometheus_client's encoders want."""

    collect: Collect


@dataclass(frozen=True, slots=True)
class Format:
    """What a client wants its metrics in."""

    encode: Callable[[Collector], bytes] = field(compare=False)  # the content type says which it is
    content_type: str
    zipped: bool

    def response(self, body: bytes) -> web.Response:
        """The answer with a `body` in this format."""
        headers = {hdrs.CONTENT_TYPE: self.content_type, hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}"}
        if self.zipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, headers=headers)


def wanted(request: web.Request) -> Format:
    """The format that `request` asks for. There are a handful in all, whatever a client sends."""
    encoder, content_type = choose_format(",".join(request.headers.getall(hdrs.ACCEPT, ())))
    return Format(encoder, content_type, accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ()))))


async def encode(collect: Collect, format_: Format, encoders: asyncio.Semaphore) -> bytes:
    """What `collect` gives, encoded, once one of the `encoders` is free.

    Everything happens in a thread, `collect` too: ten thousand targets are seconds of work, and the event loop has
    probes to attend to.
    """

    def body() -> bytes:
        text = format_.encode(Families(collect))
        return gzip.compress(text, _GZIP_LEVEL) if format_.zipped else text

    async with encoders:
        return await asyncio.to_thread(body)


def choose_format(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The encoder for an `Accept` header, and its content type: text 0.0.4 where nothing better is understood.

    prometheus_client compares whatever version it is given, and repeats it: it only gets to see those that there are.
    """
    return choose_encoder(",".join(item for item in accept.split(",") if set(_VERSION.findall(item)) <= _VERSIONS))


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an `Accept-Encoding` header allows gzip (RFC 9110 12.5.3): `gzip;q=0` does not, `*` does."""
    allowed = {}
    for item in accept_encoding.split(","):
        coding, *parameters = (part.strip().lower() for part in item.split(";"))
        quality = next((parameter[2:] for parameter in parameters if parameter.startswith("q=")), "1")
        allowed[coding] = quality.strip("0.") != ""
    return allowed.get("gzip", allowed.get("*", False))
