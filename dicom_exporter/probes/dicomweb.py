"""DICOMweb: how far somebody with these credentials, or with none, gets at a root (PS3.18).

```
QIDO-RS for a random study UID ─> … for one study ─> … for all, counted ─> WADO-RS, first bytes of one instance
   [] or 204: queryable           an entry: lists     max_studies              only with prove_download
```

Each question has a connection of its own. Nothing is written, no redirect leaves the host, and no entry is kept.
"""

from __future__ import annotations

import asyncio
import ssl
import uuid
from dataclasses import dataclass

from yarl import URL

from dicom_exporter.http_client.body import BodyEnded, pieces
from dicom_exporter.http_client.client import HTTPCredentials, NoResponse, Way, get
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.request import Findings, Reply, ask
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import Resolver
from dicom_exporter.net.timing import PhaseTimer
from dicom_exporter.results import WebAnswer, WebResult

MAX_STUDY = 8 * 1024
"""Bytes of a list that are looked at for each study it may hold, decoded: talkative archives spend two thousand."""

_MAX_IMAGE_START = 64 * 1024
_DICOM_PREAMBLE = 128
_STUDY, _SERIES, _INSTANCE = b"0020000D", b"0020000E", b"00080018"
_INSTANCE_ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_ROUND = 50
"""Archives stop at 50, 100, 200 or 1000 without a word; dcm4chee-arc at 100 by default. A count that divides by this is
not believed to be all before the archive has said that nothing follows."""


@dataclass(frozen=True, slots=True)
class _Counted:
    studies: int | None
    complete: bool | None


async def probe_dicomweb(
    url: str,
    *,
    resolver: Resolver,
    deadline: float,
    connect_timeout: float,
    tls: ssl.SSLContext,
    credentials: HTTPCredentials | None = None,
    max_studies: int = 1000,
    prove_identity: bool = False,
    prove_download: bool = False,
    ip_version: int | None = None,
    limits: ConnectionLimits | None = None,
) -> WebResult:
    """Ask the DICOMweb root at `url` (QIDO-RS PS3.18 10.6, WADO-RS 10.4). Never raises for what the peer does.

    Args:
        url: the root, without ``/studies``. A user name in it is not sent.
        deadline: loop time at which all of it ends.
        connect_timeout: seconds that a TCP connection may take. Silence for that long is `closed`; silence that our
            deadline cut short is `unknown`.
        tls: `dicom.stranger_tls.stranger_context()` for a stranger, who trusts everybody, or one that verifies. A
            certificate that does not verify reads `not_http`: nothing was asked, and the result's `tls` says untrusted.
        credentials: sent to `url` alone, never after a redirect.
        max_studies: counted at most.
        prove_identity: look whether a name, an ID or a birth date of the entries is not empty.
        prove_download: fetch the first bytes of one instance.

    It answers us, for availability, where `answer` is `empty` or `entries`. `phases` are of the first question.
    """
    way = Way(resolver, deadline, connect_timeout, tls, credentials, ip_version, limits)
    findings = Findings()
    root = URL(url)
    random = await ask(_studies(root, StudyInstanceUID=f"2.25.{uuid.uuid4().int}", limit="1"), way, findings, Scan(1))
    listed = random
    if _worth_asking_on(random):
        listed = await ask(_studies(root, limit="1"), way, findings, Scan(1, identity=prove_identity))
    lists = listed.answer is WebAnswer.ENTRIES
    counted, identity = await _count(root, way, findings, listed, max_studies, prove_identity)
    image = await _received_image(root, way, findings) if prove_download and lists else None
    return WebResult(
        answer=_furthest(random, listed),
        queryable=random.answer is WebAnswer.EMPTY,
        lists_studies=lists,
        identity_seen=identity,
        image_received=image,
        status=findings.status,
        over_tls=findings.over_tls,
        studies=counted.studies,
        complete=counted.complete,
        server=findings.server,
        client_certificate_required=findings.client_certificate_required,
        tls=findings.tls,
        phases=findings.phases,
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
    root: URL, way: Way, findings: Findings, listed: Reply, most: int, prove_identity: bool
) -> tuple[_Counted, bool | None]:
    """The studies, up to `most`, and whether they name anybody."""
    if listed.status == 413:  # too many, which is an answer: but not how many
        return _Counted(None, False), None
    if listed.answer is not WebAnswer.ENTRIES:
        return (_Counted(0, True) if listed.answer is WebAnswer.EMPTY else _Counted(None, None)), None
    scan = Scan(most, identity=prove_identity)
    reply = await ask(_studies(root, limit=str(most + 1)), way, findings, scan, limit=(most + 1) * MAX_STUDY)
    identity = scan.identity_seen or listed.scan.identity_seen if prove_identity else None
    if reply.answer is not WebAnswer.ENTRIES:
        return _Counted(1, False), identity
    complete = scan.complete and not reply.partial and scan.entries <= most
    if complete and scan.entries % _ROUND == 0:
        after = await ask(_studies(root, offset=str(scan.entries), limit="1"), way, findings, Scan(1))
        complete = after.answer is WebAnswer.EMPTY
    return _Counted(min(scan.entries, most), complete), identity


async def _received_image(root: URL, way: Way, findings: Findings) -> bool | None:
    """Whether bytes of one instance arrived: the rest is not read. None where it could not be told."""
    place = await _any_instance(root, way, findings)
    if place is None:
        return None
    start = b""
    try:
        async with asyncio.timeout_at(way.deadline), get(place, way, _INSTANCE_ACCEPT, PhaseTimer()) as response:
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


async def _any_instance(root: URL, way: Way, findings: Findings) -> URL | None:
    """The WADO-RS address of some instance. Its UIDs live here alone.

    Searching all instances is an option that not all archives have (PS3.18 10.6.1.2), so else level by level.
    """
    scan = await _first(root / "instances", way, findings)
    place = root
    for step, tag in (("studies", _STUDY), ("series", _SERIES), ("instances", _INSTANCE)):
        if tag not in scan.uids:
            level = await _first(place / step, way, findings)
            scan.uids |= {key: value for key, value in level.uids.items() if key not in scan.uids}
        uid = scan.uids.get(tag)
        if uid is None:
            return None
        place = place / step / uid.decode("ascii")
    return place


async def _first(url: URL, way: Way, findings: Findings) -> Scan:
    uids = (_STUDY, _SERIES, _INSTANCE)
    return (await ask(url.with_query(limit="1"), way, findings, Scan(1, uids=uids))).scan
