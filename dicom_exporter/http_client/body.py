"""A body that a stranger sends, in bounded pieces."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import aiohttp

from dicom_exporter.enums import UnknownReason
from dicom_exporter.http_client.client import Response

PIECE = 16 * 1024
"""Bytes of one piece at most."""
_ANY_ZLIB_HEADER = 32 + zlib.MAX_WBITS
"""zlib finds out by itself whether it is gzip or zlib (`deflate` of RFC 9110 8.4.1.2)."""
_ZLIB_HEADER = 2
"""Bytes."""


class BodyEnded(Exception):
    """The body could not be read to its end: over our limit, broken, or in a coding that we do not know."""

    def __init__(self, text: str, reason: UnknownReason = UnknownReason.UNREADABLE) -> None:
        super().__init__(text)
        self.reason = reason
        """`limit` if the limit is ours; else `unreadable`."""


class Decoder(Protocol):
    """As much of a decompressing object as is used."""

    @property
    def eof(self) -> bool:
        """Whether the compressed data has ended; what follows is not looked at."""

    @property
    def unconsumed_tail(self) -> bytes:
        """What was not decoded for want of room."""

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        """Decode to at most `max_length` bytes."""


async def pieces(response: Response, limit: int) -> AsyncIterator[bytes]:
    """The body of `response`, decoded, in pieces of at most `PIECE` bytes, and `limit` bytes in all.

    We ask for no compression. Who compresses in spite of that is read, never further than `limit` bytes decoded.

    Raises:
        BodyEnded.
    """
    decoder = decoder_for(response.headers.get("Content-Encoding", ""))
    left = limit
    received = 0
    try:
        while data := await _read(response):
            received += len(data)
            for piece in inflated(decoder, data):
                left -= len(piece)
                if left < 0:
                    raise BodyEnded("longer than our limit", UnknownReason.LIMIT)
                yield piece
                await asyncio.sleep(0)  # a flood is one connection's matter: let the others have their turn
            if received > limit:  # a coding can also make more of less
                raise BodyEnded("longer than our limit", UnknownReason.LIMIT)
    except zlib.error:
        raise BodyEnded("not what its headers announce") from None


async def _read(response: Response) -> bytes:
    """What has come of the body, empty at its end."""
    try:
        return await response.content.readany()
    except (aiohttp.ClientError, OSError, RuntimeError):
        # RuntimeError: so aiohttp says that it had hung up before we read on, over a chunk that it could not read.
        reason = UnknownReason.LIMIT if response.over_limit else UnknownReason.UNREADABLE
        raise BodyEnded("broken off", reason) from None


def decoder_for(coding: str) -> Decoder | None:
    """What undoes a Content-Encoding, None for nothing. Raises BodyEnded for one that we do not know."""
    match coding.strip().lower():
        case "" | "identity":
            return None
        case "gzip" | "x-gzip":
            return zlib.decompressobj(_ANY_ZLIB_HEADER)
        case "deflate":
            return _Deflate()
    raise BodyEnded("a coding that we did not ask for")


class _Deflate:
    """``deflate`` with the header of zlib (RFC 1950), or without it, as some servers send it (RFC 9110 8.4.1.2)."""

    def __init__(self) -> None:
        self._decoder: Decoder = zlib.decompressobj(_ANY_ZLIB_HEADER)
        self._begin: bytes | None = b""
        """What has come while it is not yet clear which of the two it is: two bytes at most."""

    @property
    def eof(self) -> bool:
        return self._decoder.eof

    @property
    def unconsumed_tail(self) -> bytes:
        return self._decoder.unconsumed_tail

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        if self._begin is not None:
            data = self._begin + data
            if len(data) < _ZLIB_HEADER:
                self._begin = data
                return b""
            self._begin = None
            if not _has_zlib_header(data):
                self._decoder = zlib.decompressobj(-zlib.MAX_WBITS)
        return self._decoder.decompress(data, max_length)


def _has_zlib_header(data: bytes) -> bool:
    """Whether the first two bytes are CMF and FLG of RFC 1950 2.2, or the magic number of gzip."""
    return data[:2] == b"\x1f\x8b" or (data[0] & 0x0F == zlib.DEFLATED and int.from_bytes(data[:2], "big") % 31 == 0)


def inflated(decoder: Decoder | None, data: bytes) -> Iterator[bytes]:
    """`data` decoded, piece by piece. Raises zlib.error."""
    if decoder is None:
        for begin in range(0, len(data), PIECE):
            yield data[begin : begin + PIECE]
        return
    while not decoder.eof:
        piece = decoder.decompress(data, PIECE)
        if piece:
            yield piece
        data = decoder.unconsumed_tail
        if not data and len(piece) < PIECE:
            return
