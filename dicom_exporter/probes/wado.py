"""Whether DICOMweb hands out an image: the first bytes of one instance (WADO-RS, PS3.18 10.4).

```
a study, a series, an instance by QIDO-RS ─> that instance, as each of `_TYPES` ─> bytes of an image: proved
                                                  406, 415, 400: as the next         401, 403, 404: refused
```
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

from yarl import URL

from dicom_exporter.enums import UnknownReason, WebAnswer
from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import NoResponse, Response
from dicom_exporter.http_client.json_scan import STUDY_INSTANCE_UID, Scan
from dicom_exporter.http_client.redirects import Trail, follow
from dicom_exporter.http_client.request import Reply, ServerFacts, media_type, request, status_meaning
from dicom_exporter.net.context import ProbeContext

_MAX_START = 64 * 1024
"""Bytes that are read of an image at most."""
_PREAMBLE = 128
_SERIES, _INSTANCE = b"0020000E", b"00080018"
_TYPES = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
    "application/dicom",
    "*/*",
)
"""What an instance is asked for as (PS3.18 8.7.3), one after another. Without a transfer syntax, an archive may have to
decompress; some do not know the parameter, and some only send a single part."""
_FRAME_TYPES = ('multipart/related; type="application/octet-stream"; transfer-syntax=*', "*/*")
_PART = re.compile(rb"\r\nContent-Type:[ \t]*(?:image|video)/|\r\nContent-Type:[ \t]*application/octet-stream", re.I)


@dataclass(frozen=True, slots=True)
class Image:
    """Whether bytes of an image came; None if that was not tried or is not known, for the reasons in `doubts`."""

    received: bool | None = None
    doubts: frozenset[UnknownReason] = frozenset()


async def receive_image(root: URL, context: ProbeContext, facts: ServerFacts, accept: str) -> Image:
    """Ask for one instance, and read its first bytes. Never raises for what the peer does.

    Where the archive lets nobody search for instances, the series or the study is asked for in its place.
    """
    found, doubt = await _any_instance(root, context, facts, accept)
    if found is None:
        return Image(None, frozenset({doubt or UnknownReason.NOT_ASKED}))
    attempts = [(found, kind) for kind in _TYPES]
    if found.parent.name == "instances":
        attempts += [(found / "frames" / "1", kind) for kind in _FRAME_TYPES]
    reasons: set[UnknownReason] = set()
    for url, kind in attempts:
        image = await _first_bytes(url, context, kind)
        if image.received or (image.received is False and not reasons):
            return image
        reasons |= image.doubts
        if not image.doubts <= {UnknownReason.NOT_OFFERED, UnknownReason.UNREADABLE}:
            break
    return Image(None, frozenset(reasons))


async def _first_bytes(url: URL, context: ProbeContext, accept: str) -> Image:
    own = context.with_own_phases()
    trail = Trail()
    try:
        async with (
            asyncio.timeout_at(own.deadline),
            follow(url, own, accept, trail, lambda response, url: None) as response,
        ):
            if 300 <= response.status < 400 and not trail.to_login:
                return _doubt(UnknownReason.REDIRECT)
            if response.status not in (200, 203, 206):
                _, doubt = status_meaning(response.status)
                return Image(False) if doubt is None or trail.to_login else _doubt(doubt)
            return await _looked_at(response)
    except TimeoutError:
        return _doubt(UnknownReason.TIMEOUT)
    except NoResponse as end:
        return Image(False) if end.answer is WebAnswer.DENIED else _doubt(end.doubt or UnknownReason.UNAVAILABLE)


async def _looked_at(response: Response) -> Image:
    """Whether the body is an image. The rest of it is not read."""
    start = b""
    kind = media_type(response)
    try:
        async for piece in pieces(response, _MAX_START):
            start += piece
            if holds_instance(start) or holds_pixels(kind, start):
                return Image(True)
    except BodyEnded as end:
        return _doubt(end.reason)
    return Image(False) if kind == "text/html" else _doubt(UnknownReason.UNREADABLE)


def _doubt(reason: UnknownReason) -> Image:
    return Image(None, frozenset({reason}))


def holds_instance(start: bytes) -> bool:
    """Whether a body, bare or multipart, has come as far as the prefix of a DICOM file (PS3.10 7.1)."""
    if start[_PREAMBLE : _PREAMBLE + 4] == b"DICM":
        return True
    headers, blank, part = start.partition(b"\r\n\r\n")
    return bool(blank) and b"--" in headers and part[_PREAMBLE : _PREAMBLE + 4] == b"DICM"


def holds_pixels(kind: str, start: bytes) -> bool:
    """Whether a body of the media type `kind` has come as far as the first byte of a frame, bare or in a part."""
    if kind.startswith("image/"):
        return bool(start)
    headers, blank, part = start.partition(b"\r\n\r\n")
    return kind.startswith("multipart/") and bool(blank and part) and _PART.search(b"\r\n" + headers) is not None


async def _any_instance(
    root: URL, context: ProbeContext, facts: ServerFacts, accept: str
) -> tuple[URL | None, UnknownReason | None]:
    """The WADO-RS address of some instance, or of its series or study. Its UIDs live here alone.

    Searching all instances is an option that not all archives have (PS3.18 10.6.1.2), so else level by level.
    """
    reply = await _first(root / "instances", context, facts, accept)
    uids = reply.scan.uids
    url = root
    for step, tag in (("studies", STUDY_INSTANCE_UID), ("series", _SERIES), ("instances", _INSTANCE)):
        if tag not in uids:
            reply = await _first(url / step, context, facts, accept)
            uids |= {key: value for key, value in reply.scan.uids.items() if key not in uids}
        uid = uids.get(tag)
        if uid is None:
            return (None if url == root else url), reply.doubt
        url = url / step / uid.decode("ascii")
    return url, None


async def _first(url: URL, context: ProbeContext, facts: ServerFacts, accept: str) -> Reply:
    scan = Scan(1, uids=(STUDY_INSTANCE_UID, _SERIES, _INSTANCE))
    return await request(url.with_query(limit="1"), context, facts, scan, accept=accept)
