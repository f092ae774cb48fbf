"""DICOMweb: how far an identity, or a stranger without credentials, gets at a root (PS3.18).

```
QIDO-RS for a random study UID ─> … for one study ─> … for all, counted ─> WADO-RS, first bytes of one instance
   [] or 204: queryable           an entry: lists     max_studies              only with prove_download
```

Each request has a connection of its own. Nothing is written, no redirect leaves the host, and no entry is kept.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass

from yarl import URL

from dicom_exporter.config import Module, Target
from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import NoResponse, get
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.request import Reply, ServerFacts, request
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.results import WebAnswer, WebResult

MAX_STUDY = 8 * 1024
"""Bytes of a list that are looked at for each study it may hold, decoded: talkative archives spend two thousand."""

_MAX_STUDIES = 1000
"""Where the count of an identity that is no stranger stops."""
_MAX_IMAGE_START = 64 * 1024
_DICOM_PREAMBLE = 128
_STUDY, _SERIES, _INSTANCE = b"0020000D", b"0020000E", b"00080018"
_INSTANCE_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_ROUND = 50
"""Archives stop at 50, 100, 200 or 1000 without a word; dcm4chee-arc at 100 by default. A count that divides by this is
not taken for complete before the archive has said that nothing follows."""


@dataclass(frozen=True, slots=True)
class _Counted:
    studies: int | None
    complete: bool | None


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
    lists = listed.answer is WebAnswer.ENTRIES
    counted, identity = await _count(root, context, facts, listed, most, prove_identity)
    prove_download = settings is not None and settings.prove_download and lists
    image = await _received_image(root, context, facts) if prove_download else None
    return WebResult(
        answer=_furthest(random, listed),
        queryable=random.answer is WebAnswer.EMPTY,
        lists_studies=lists,
        identity_seen=identity,
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
    )


def _studies(root: URL, **query: str) -> URL:
    return (root / "studies").with_query(query)


def _worth_asking_on(random: Reply) -> bool:
    """Whether the plain list may bring more than the random UID did.

    Some answer 400 or 404 where nothing matches; a page in place of JSON, or no time left, will not get better.
    """
    if random.answer is WebAnswer.OTHER:
        return random.status is not None and 400 <= random.status <= 501
    return random.answer is WebAnswer.EMPTY


def _furthest(random: Reply, listed: Reply) -> WebAnswer:
    """The answer that shows most. A list that we had no time for leaves a mere `other` unknown, and so not safe."""
    if listed.answer in (WebAnswer.ENTRIES, WebAnswer.EMPTY):
        return listed.answer
    return WebAnswer.EMPTY if random.answer is WebAnswer.EMPTY else listed.answer


async def _count(
    root: URL, context: ProbeContext, facts: ServerFacts, listed: Reply, most: int, prove_identity: bool
) -> tuple[_Counted, bool | None]:
    """The studies, up to `most`, and whether they name anybody."""
    if listed.status == 413:  # too many, which is an answer: but not how many
        return _Counted(None, False), None
    if listed.answer is not WebAnswer.ENTRIES:
        return (_Counted(0, True) if listed.answer is WebAnswer.EMPTY else _Counted(None, None)), None
    scan = Scan(most, identity=prove_identity)
    reply = await request(_studies(root, limit=str(most + 1)), context, facts, scan, limit=(most + 1) * MAX_STUDY)
    identity = scan.identity_seen or listed.scan.identity_seen if prove_identity else None
    if reply.answer is not WebAnswer.ENTRIES:
        return _Counted(1, False), identity
    complete = scan.complete and not reply.partial and scan.entries <= most
    if complete and scan.entries % _ROUND == 0:
        after = await request(_studies(root, offset=str(scan.entries), limit="1"), context, facts, Scan(1))
        complete = after.answer is WebAnswer.EMPTY
    return _Counted(min(scan.entries, most), complete), identity


async def _received_image(root: URL, context: ProbeContext, facts: ServerFacts) -> bool | None:
    """Whether bytes of one instance arrived: the rest is not read. None where that is not known."""
    instance = await _any_instance(root, context, facts)
    if instance is None:
        return None
    start = b""
    own = context.with_own_phases()
    try:
        async with asyncio.timeout_at(own.deadline), get(instance, own, _INSTANCE_ACCEPT) as response:
            if response.status not in (200, 206):
                return False
            async for piece in pieces(response, _MAX_IMAGE_START):
                start += piece
                if holds_instance(start):
                    return True
    except (NoResponse, TimeoutError):
        return None
    except BodyEnded:
        pass
    return False


def holds_instance(start: bytes) -> bool:
    """Whether a body, bare or multipart, has come as far as the prefix of a DICOM file (PS3.10 7.1)."""
    if start[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM":
        return True
    headers, blank, part = start.partition(b"\r\n\r\n")
    return bool(blank) and b"--" in headers and part[_DICOM_PREAMBLE : _DICOM_PREAMBLE + 4] == b"DICM"


async def _any_instance(root: URL, context: ProbeContext, facts: ServerFacts) -> URL | None:
    """The WADO-RS address of some instance. Its UIDs live here alone.

    Searching all instances is an option that not all archives have (PS3.18 10.6.1.2), so else level by level.
    """
    scan = await _first(root / "instances", context, facts)
    url = root
    for step, tag in (("studies", _STUDY), ("series", _SERIES), ("instances", _INSTANCE)):
        if tag not in scan.uids:
            level = await _first(url / step, context, facts)
            scan.uids |= {key: value for key, value in level.uids.items() if key not in scan.uids}
        uid = scan.uids.get(tag)
        if uid is None:
            return None
        url = url / step / uid.decode("ascii")
    return url


async def _first(url: URL, context: ProbeContext, facts: ServerFacts) -> Scan:
    uids = (_STUDY, _SERIES, _INSTANCE)
    return (await request(url.with_query(limit="1"), context, facts, Scan(1, uids=uids))).scan
