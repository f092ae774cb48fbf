"""DICOMweb: how far an identity, or a stranger without credentials, gets at a root (PS3.18).

```
QIDO-RS for a random study UID ─> … for one study ─> … for all, page by page ─> WADO-RS, first bytes of one instance
   [] or 204: queryable           an entry: lists     until nothing follows        only with prove_download
```

Whatever the first request brings, the list itself is asked for, unless the server refuses us or is not there. Each
request has a connection of its own. Nothing is written, and no entry is kept.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from dataclasses import dataclass
from hashlib import blake2b

from yarl import URL

from dicom_exporter.config import Module, Target
from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import NoResponse, get
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.request import MOMENT, Reply, ServerFacts, request
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.results import UnknownReason, WebAnswer, WebResult

MAX_STUDY = 8 * 1024
"""Bytes of a list that are looked at for each study it may hold, decoded: talkative archives spend two thousand."""

_MAX_STUDIES = 1000
"""Where the count of an identity that is no stranger stops."""
_MAX_IMAGE_START = 64 * 1024
_DICOM_PREAMBLE = 128
_STUDY, _SERIES, _INSTANCE = b"0020000D", b"0020000E", b"00080018"
_INSTANCE_ACCEPTS = (
    'multipart/related; type="application/dicom"; transfer-syntax=*',
    'multipart/related; type="application/dicom"',
    "application/dicom",
    "*/*",
)
"""The forms of an instance that are asked for, one after the other: servers differ in which they know (PS3.18 8.7)."""
_PAGE_KEY = secrets.token_bytes(32)
_PAGE_SIZES = (200, 100, 50)
"""Limits to ask for where a larger one is refused. Azure allows 200 (its conformance statement), others have others."""
_MAX_PAGES = 30
"""Requests for pages of the list in one probe."""
_SIZE_REFUSED = frozenset({400, 413, 414, 416, 422, 501})
"""Statuses of a request of which the server takes the limit to be too large."""
_FORM_REFUSED = frozenset({400, 404, 405, 406, 415, 501})
"""Statuses of a request for an instance in a form that the server does not have."""


@dataclass(frozen=True, slots=True)
class _Counted:
    studies: int | None = None
    complete: bool | None = None
    """Whether the server was asked for what follows, and nothing did."""
    identity: bool | None = None
    """Whether an entry names somebody; None where that was not looked for."""


async def probe_dicomweb(target: Target, module: Module, context: ProbeContext) -> WebResult:
    """Ask the DICOMweb root of `target` (QIDO-RS PS3.18 10.6, WADO-RS 10.4). Never raises for what the peer does.

    A stranger, whose module has `exposure`, trusts any certificate, shows no credentials, and goes as far as the
    settings say. Anybody else only counts, with the TLS and the credentials of the identity: a certificate that does
    not verify reads `not_http`, as nothing was asked, and the result's `tls` says untrusted. It answers us, for
    availability, where `answer` is `empty` or `entries`. `phases` are of the first request.
    """
    settings = module.exposure
    if settings is not None:
        context = context.as_stranger(stranger_context())
    most = _MAX_STUDIES if settings is None else settings.max_matches
    prove_identity = settings is not None and settings.prove_identity
    facts = ServerFacts()
    root = URL(target.dicomweb or "")
    unlikely = _studies(root, StudyInstanceUID=f"2.25.{uuid.uuid4().int}", limit="1")
    random = await request(unlikely, context, facts, Scan(1))
    listed = random
    if _worth_asking_on(random):
        listed = await request(_studies(root, limit="1"), context, facts, Scan(1, identity=prove_identity))
    counted = await _count(root, context, facts, listed, most, prove_identity)
    doubts = set() if listed.answer is WebAnswer.ENTRIES else random.doubts | listed.doubts
    if listed.answer is WebAnswer.EMPTY:  # the list itself was answered
        doubts = set(listed.doubts)
    image = None
    if settings is not None and settings.prove_download and listed.answer is WebAnswer.ENTRIES:
        image, why = await _received_image(root, context, facts)
        doubts |= why
    return WebResult(
        answer=_furthest(random, listed),
        queryable=random.answer is WebAnswer.EMPTY,
        lists_studies=listed.answer is WebAnswer.ENTRIES,
        identity_seen=counted.identity,
        image_received=image,
        authenticated=context.identity.http is not None,
        status=facts.status,
        over_tls=facts.over_tls,
        studies=counted.studies,
        complete=counted.complete,
        server=facts.server,
        client_certificate_required=facts.client_certificate_required,
        tls=facts.tls,
        phases=facts.phases or {},
        doubts=frozenset(doubts),
    )


def _studies(root: URL, **query: str) -> URL:
    return (root / "studies").with_query(query)


def _worth_asking_on(random: Reply) -> bool:
    """Whether the plain list may bring more than the random UID did.

    Some answer 400, 404 or 500 where nothing matches, some with what we cannot read. Only where no HTTP came at all, or
    the server refuses us, the list has nothing to add.
    """
    return random.status is not None and random.answer is not WebAnswer.DENIED


def _furthest(random: Reply, listed: Reply) -> WebAnswer:
    """The answer that shows most. A list that we had no time for leaves a mere `other` unknown, and so not safe."""
    if listed.answer in (WebAnswer.ENTRIES, WebAnswer.EMPTY):
        return listed.answer
    return WebAnswer.EMPTY if random.answer is WebAnswer.EMPTY else listed.answer


async def _count(
    root: URL, context: ProbeContext, facts: ServerFacts, listed: Reply, most: int, prove_identity: bool
) -> _Counted:
    """The studies, up to `most`, page by page, until the server has said that nothing follows."""
    if listed.status == 413:  # too many, which is an answer: but not how many
        return _Counted(complete=False)
    if listed.answer is not WebAnswer.ENTRIES:
        return _Counted(0, not listed.partial) if listed.answer is WebAnswer.EMPTY else _Counted()
    sizes = [most + 1, *(size for size in _PAGE_SIZES if size <= most)]
    total, complete, first = 0, False, None
    named = listed.scan.identity_seen
    for _ in range(_MAX_PAGES):
        size = min(sizes[0], most + 1 - total)
        scan = Scan(size, identity=prove_identity, uids=(_STUDY,))
        query = {"limit": str(size)} | ({"offset": str(total)} if total else {})
        page = await request(_studies(root, **query), context, facts, scan, limit=(size + 1) * MAX_STUDY)
        if page.status in _SIZE_REFUSED and total == 0 and len(sizes) > 1:
            sizes.pop(0)
            continue
        if page.answer is not WebAnswer.ENTRIES:
            complete = page.answer is WebAnswer.EMPTY and total > 0 and not page.partial
            break
        digest = _digest(scan)
        if total and digest == first:  # the server ignores the offset: the same page again
            break
        first = first or digest
        named = named or scan.identity_seen
        total += scan.entries
        if total > most or not scan.complete:
            break
    identity = named if prove_identity else None
    return _Counted(min(total, most), complete, identity) if total else _Counted(identity=identity)


def _digest(scan: Scan) -> bytes:
    """A keyed hash of the first study UID of a page, to notice a page that comes twice. It does not leave the probe."""
    return blake2b(scan.uids.get(_STUDY, b""), key=_PAGE_KEY, digest_size=16).digest()


async def _received_image(
    root: URL, context: ProbeContext, facts: ServerFacts
) -> tuple[bool | None, set[UnknownReason]]:
    """Whether bytes of one instance arrived: the rest is not read. None, with the reasons, where that is not known."""
    instance, refused = await _any_instance(root, context, facts)
    if instance is None:
        return (False, set()) if refused else (None, {UnknownReason.NOT_ASKED})
    for accept in _INSTANCE_ACCEPTS:
        status, received = await _instance_begins(instance, context, accept)
        if received:
            return True, set()
        if status is None:
            return None, {UnknownReason.TIMEOUT}
        if status in MOMENT:
            return None, {UnknownReason.UNAVAILABLE}
        if status not in (200, 206) and status not in _FORM_REFUSED:
            return False, set()
    return None, {UnknownReason.NOT_OFFERED}


async def _instance_begins(instance: URL, context: ProbeContext, accept: str) -> tuple[int | None, bool]:
    """The status of the answer, None where there was none, and whether an instance began in it."""
    start, status = b"", None
    own = context.with_own_phases()
    try:
        async with asyncio.timeout_at(own.deadline), get(instance, own, accept) as response:
            status = response.status
            if status in (200, 206):
                async for piece in pieces(response, _MAX_IMAGE_START):
                    start += piece
                    if holds_instance(start):
                        return status, True
    except (NoResponse, TimeoutError):
        return None, False
    except BodyEnded:
        pass
    return status, False


def holds_instance(start: bytes) -> bool:
    """Whether a body, bare or multipart, has come as far as the prefix of a DICOM file (PS3.10 7.1)."""
    if start[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM":
        return True
    headers, blank, part = start.partition(b"\r\n\r\n")
    return bool(blank) and b"--" in headers and part[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM"


async def _any_instance(root: URL, context: ProbeContext, facts: ServerFacts) -> tuple[URL | None, bool]:
    """The WADO-RS address of some instance, or None and whether the server refuses to list any.

    Its UIDs live here alone.
    Searching all instances is an option that not all archives have (PS3.18 10.6.1.2), so else level by level.
    """
    uids = (await _first(root / "instances", context, facts)).scan.uids
    url = root
    for step, tag in (("studies", _STUDY), ("series", _SERIES), ("instances", _INSTANCE)):
        if tag not in uids:
            level = await _first(url / step, context, facts)
            if level.answer is WebAnswer.DENIED:
                return None, True
            uids |= {key: value for key, value in level.scan.uids.items() if key not in uids}
        uid = uids.get(tag)
        if uid is None:
            return None, False
        url = url / step / uid.decode("ascii")
    return url, False


async def _first(url: URL, context: ProbeContext, facts: ServerFacts) -> Reply:
    uids = (_STUDY, _SERIES, _INSTANCE)
    return await request(url.with_query(limit="1"), context, facts, Scan(1, uids=uids))
