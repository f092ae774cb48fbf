"""Metric families -> the body of an HTTP response, in the format and encoding that the client asks for."""

import asyncio
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from aiohttp import hdrs, web
from prometheus_client import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from dicom_exporter.metrics import Group, lines


@dataclass(frozen=True, slots=True)
class Exposition:
    """The metrics of one response."""

    metrics: Iterable[Metric]
    groups: Iterable[Group[Any]] = ()
    """Those of the targets, which are far more than the rest: `metrics.lines` writes them, for speed."""


Collect = Callable[[], Exposition]

_VERSION = re.compile(r";\s*version=([^;]*)")
_VERSIONS = {"0.0.1", "0.0.4", "1.0.0"}
_GZIP_LEVEL = 1
"""Makes the text ten times smaller. A higher level takes twice the time and saves a tenth more."""
_GZIP_WINDOW = 16 + zlib.MAX_WBITS
"""The `wbits` of zlib for a gzip header (RFC 1952)."""
_CHUNK = 256 * 1024
_FIRST_FLIGHT = 14_600
"""Bytes: ten segments (RFC 6928)."""


@dataclass(frozen=True, slots=True)
class Families:
    """The `Collector` that the encoders of prometheus_client take."""

    collect: Callable[[], Iterable[Metric]]


@dataclass(frozen=True, slots=True)
class Format:
    """The format and encoding that a client asked for."""

    encode: Callable[[Collector], bytes] = field(compare=False)  # the content type says which it is
    content_type: str
    zipped: bool

    def response(self, body: bytes) -> web.Response:
        """The response with a `body` in this format."""
        headers = {hdrs.CONTENT_TYPE: self.content_type, hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}"}
        if self.zipped:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, headers=headers)


def requested_format(request: web.Request) -> Format:
    """The format that `request` asks for. There are only a few, whatever a client sends."""
    encoder, content_type = choose_format(",".join(request.headers.getall(hdrs.ACCEPT, ())))
    return Format(encoder, content_type, accepts_gzip(",".join(request.headers.getall(hdrs.ACCEPT_ENCODING, ()))))


def small_response(exposition: Exposition, format_: Format) -> web.Response:
    """The response with the metrics of one target, without a thread: handing over to one takes longer than encoding.

    It is compressed only if it is longer than what TCP sends without waiting for an acknowledgement.
    """
    body = b"".join(_chunks(exposition, format_))
    if format_.zipped and len(body) > _FIRST_FLIGHT:
        return format_.response(_joined([body], zipped=True))
    return replace(format_, zipped=False).response(body)


async def encode(collect: Collect, format_: Format, encoders: asyncio.Semaphore) -> bytes:
    """The exposition that `collect` returns, encoded, once one of the `encoders` is free.

    `collect` and the encoding run in a thread: for ten thousand targets they take seconds, in which the event loop
    must serve the probes.
    """

    def body() -> bytes:
        return _joined(_chunks(collect(), format_), zipped=format_.zipped)

    async with encoders:
        return await asyncio.to_thread(body)


def _chunks(exposition: Exposition, format_: Format) -> Iterator[bytes]:
    """The text in pieces of `_CHUNK` characters or slightly more."""
    piece: list[str] = []
    length = 0
    for text in lines(exposition.groups):
        piece.append(text)
        length += len(text)
        if length > _CHUNK:
            yield "".join(piece).encode()
            piece.clear()
            length = 0
    yield "".join(piece).encode()
    yield format_.encode(Families(lambda: exposition.metrics))  # last, as it writes the end mark of OpenMetrics


def _joined(chunks: Iterable[bytes], *, zipped: bool) -> bytes:
    """All chunks, compressed one by one: the whole text, ten times as long, is never in memory at once."""
    if not zipped:
        return b"".join(chunks)
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    packed = [packer.compress(chunk) for chunk in chunks]
    return b"".join([*packed, packer.flush()])


def choose_format(accept: str) -> tuple[Callable[[Collector], bytes], str]:
    """The encoder for an `Accept` header, and its content type: text 0.0.4 if no other known format is accepted.

    prometheus_client repeats any version that it is given, so it is given only versions that exist.
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
