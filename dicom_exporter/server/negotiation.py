"""Metric families -> the body of an HTTP response, in the format and encoding that the client asks for."""

import asyncio
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from functools import cache, lru_cache
from typing import Any

from aiohttp import hdrs, web
from prometheus_client import Metric, exposition, openmetrics
from prometheus_client.registry import Collector

from dicom_exporter.metrics import Group, lines
from dicom_exporter.server import accept


@dataclass(frozen=True, slots=True)
class Exposition:
    """The metrics of one response."""

    metrics: Iterable[Metric]
    groups: Iterable[Group[Any]] = ()
    """Those of the targets, which are far more than the rest: `metrics.lines` writes them, for speed."""


Collect = Callable[[], Exposition]


class Text(Enum):
    """The two texts that there are, each with its encoder. The names of our metrics need no escaping in any of them."""

    PROMETHEUS = (exposition.generate_latest,)
    OPENMETRICS = (openmetrics.exposition.generate_latest,)

    @property
    def encode(self) -> Callable[[Collector], bytes]:
        """Encodes metric families."""
        encode: Callable[[Collector], bytes] = self.value[0]
        return encode


_OFFERED = (
    ("text/plain", "0.0.4", Text.PROMETHEUS),
    ("text/plain", "1.0.0", Text.PROMETHEUS),
    ("application/openmetrics-text", "1.0.0", Text.OPENMETRICS),
    ("application/openmetrics-text", "0.0.1", Text.OPENMETRICS),
)
"""Media types, with their versions. The first is for clients that say nothing that we know."""
_UNNAMED = accept.Match(0.0, named=False, order=0)
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

    text: Text
    content_type: str
    zipped: bool
    always_zipped: bool = False
    """Whether the client refuses the plain text."""

    @property
    def body_key(self) -> tuple[Text, bool]:
        """Equal for formats whose bodies are the same bytes: there are four."""
        return self.text, self.zipped

    def response(self, body: bytes, *, plain: bool = False) -> web.Response:
        """The response with a `body` in this format; `plain`: not compressed."""
        headers = {hdrs.CONTENT_TYPE: self.content_type, hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.ACCEPT_ENCODING}"}
        if self.zipped and not plain:
            headers[hdrs.CONTENT_ENCODING] = "gzip"
        return web.Response(body=body, headers=headers)


def requested_format(request: web.Request) -> Format:
    """The format that `request` asks for, one of a few. Raises HTTPNotAcceptable if it refuses all of them."""
    headers = request.headers
    return _format(tuple(headers.getall(hdrs.ACCEPT, ())), tuple(headers.getall(hdrs.ACCEPT_ENCODING, ())))


@lru_cache(maxsize=64)
def _format(accept_lines: tuple[str, ...], encoding_lines: tuple[str, ...]) -> Format:
    """Cached, as each client sends the same headers each time, and reading them takes as long as an answer."""
    text, content_type = choose_format(accept_lines)
    return Format(text, content_type, accepts_gzip(encoding_lines), refuses_plain(encoding_lines))


def small_response(exposition: Exposition, format_: Format) -> web.Response:
    """The response with the metrics of one target, without a thread: handing over to one takes longer than encoding.

    It is compressed only if the client refuses the plain text, or if it is longer than what TCP sends without waiting
    for an acknowledgement.
    """
    body = b"".join(_chunks(exposition, format_))
    if format_.always_zipped or (format_.zipped and len(body) > _FIRST_FLIGHT):
        return format_.response(_joined([body], zipped=True))
    return format_.response(body, plain=True)


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
    # Last, as it writes the end mark of OpenMetrics.
    yield format_.text.encode(Families(lambda: exposition.metrics)) if exposition.metrics else _end(format_.text)


@cache
def _end(text: Text) -> bytes:
    return text.encode(Families(tuple))


def _joined(chunks: Iterable[bytes], *, zipped: bool) -> bytes:
    """All chunks, compressed one by one: the whole text, ten times as long, is never in memory at once."""
    if not zipped:
        return b"".join(chunks)
    packer = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    packed = [packer.compress(chunk) for chunk in chunks]
    return b"".join([*packed, packer.flush()])


def choose_format(lines: Iterable[str]) -> tuple[Text, str]:
    """The text for the lines of an `Accept` header, and its content type: what the client wants most.

    If it names nothing that we have: the first that it does not refuse. Raises HTTPNotAcceptable if it refuses all.
    """
    accepted = [replace(each, parameters=_without_escaping(each.parameters)) for each in accept.parse(lines)]
    wanted = []
    for number, (name, version, text) in enumerate(_OFFERED):
        found = accept.match(accepted, name, {"version": version, "charset": "utf-8"})
        if found is None or found.quality:
            wanted.append((found or _UNNAMED, -number, text, f"{name}; version={version}; charset=utf-8"))
    if not wanted:
        raise web.HTTPNotAcceptable(text=f"There is {' and '.join(dict.fromkeys(each[0] for each in _OFFERED))}.\n")
    _, _, text, content_type = max(wanted, key=lambda each: each[:2])
    return text, content_type


def _without_escaping(parameters: Mapping[str, str]) -> dict[str, str]:
    """How Prometheus 3 wants names escaped is no matter: ours need no escaping."""
    return {key: value for key, value in parameters.items() if key != "escaping"}


def refuses_plain(lines: Sequence[str]) -> bool:
    """Whether `identity` is refused by name, or by a wildcard that does not name it."""
    plain = accept.match(accept.parse(lines), "identity")
    return plain is not None and not plain.quality


def accepts_gzip(lines: Sequence[str]) -> bool:
    """Whether the lines of an `Accept-Encoding` header allow gzip, and want it no less than the plain text.

    Raises HTTPNotAcceptable if they refuse both.
    """
    accepted = accept.parse(lines)
    old_name = accept.match(accepted, "x-gzip")
    zipped = old_name if old_name is not None and old_name.named else accept.match(accepted, "gzip")
    plain = accept.match(accepted, "identity")
    if refuses_plain(lines):
        if zipped is None or not zipped.quality:
            raise web.HTTPNotAcceptable(text="There is gzip and identity.\n")
        return True
    if zipped is None or not zipped.quality:
        return False
    return plain is None or not plain.named or plain.quality <= zipped.quality
