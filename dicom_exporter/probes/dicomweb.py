"""DICOMweb: how far an identity, or a stranger without credentials, gets at a root (PS3.18).

```
QIDO-RS for a random study UID ─> … for one study ─> … for all, counted ─> WADO-RS, first bytes of one instance
   nothing matches: queryable       an entry: lists    `studies_list`         only with prove_download: `wado`
```

With `surface`, what else it offers: `web_surface`.

Whatever the first question brings, the list itself is asked for: some archives answer 400, 404 or 500 if nothing
matches. Each request has a connection of its own. Nothing is written, and no entry is kept.
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace

from yarl import URL

from dicom_exporter.config import Module, Target
from dicom_exporter.enums import UnknownReason, WebAnswer
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.request import DICOM_JSON, Reply, ServerFacts, request
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.probes.studies_list import Counted, StudiesList, studies_url
from dicom_exporter.probes.wado import Image, receive_image
from dicom_exporter.probes.web_surface import cors_with_credentials, stow_offered
from dicom_exporter.results import WebResult

_MAX_STUDIES = 1000
"""Where the count of an identity that is no stranger stops."""
_OTHER_TYPES = ("application/json", "*/*")
"""What else the list is asked for as, if the answer to the media type of the standard was not readable."""
_NO_CONNECTION = frozenset(
    {UnknownReason.DNS_FAILURE, UnknownReason.UNREACHABLE, UnknownReason.IP_VERSION, UnknownReason.OVERLOAD}
)
_FIRST_SHARE = 0.5
_MARGIN = 0.5
"""Seconds beyond the time to connect that the first question has at least: silence is closed only if waited for."""


async def probe_dicomweb(target: Target, module: Module, context: ProbeContext) -> WebResult:
    """Ask the DICOMweb root of `target` (QIDO-RS PS3.18 10.6, WADO-RS 10.4). Never raises for what the peer does.

    A stranger, whose module has `exposure`, trusts any certificate, shows no credentials, and goes as far as the
    settings say. Anybody else only counts, with the TLS and the credentials of the identity: a certificate that does
    not verify reads `not_http`, as nothing was asked, and the result's `tls` says untrusted. It answers us, for
    availability, if `answer` is `empty` or `entries`. `phases` are of the first request.
    """
    settings = module.exposure
    if settings is not None:
        context = context.as_stranger(stranger_context())
    most = _MAX_STUDIES if settings is None else settings.max_matches
    prove_identity = settings is not None and settings.prove_identity
    facts = ServerFacts()
    root = URL(target.dicomweb or "")
    unlikely = studies_url(root, StudyInstanceUID=f"2.25.{uuid.uuid4().int}", limit="1")
    random = await request(unlikely, _first_part(context), facts, Scan(1, identity=prove_identity))
    listed, accept = random, DICOM_JSON
    if _may_list(random):
        listed = replace(random, answer=WebAnswer.UNKNOWN, doubt=random.doubt or UnknownReason.NOT_ASKED)
        if asyncio.get_running_loop().time() < context.deadline:
            listed, accept = await _listed(root, context, facts, prove_identity)
    lists = listed.answer is WebAnswer.ENTRIES
    counted = Counted()
    if lists:
        studies = StudiesList(root, context, facts, accept, most, prove_identity)
        counted = await studies.count(listed, nothing_is_404=random.status == 404)
    elif listed.answer is WebAnswer.EMPTY:
        counted = Counted(0, not listed.partial)
    image = Image()
    if lists and settings is not None and settings.prove_download:
        image = await receive_image(root, context, facts, accept)
    answer = max(random.answer, listed.answer, key=lambda answer: answer.rank)
    stow = cors = None
    if settings is not None and settings.surface and facts.status is not None:
        stow, cors = await stow_offered(root, context), await cors_with_credentials(root, context)
    return WebResult(
        answer=answer,
        queryable=random.answer is WebAnswer.EMPTY,
        lists_studies=lists,
        identity_seen=counted.identity_seen,
        image_received=image.received,
        authenticated=context.identity.http is not None,
        status=facts.status,
        over_tls=facts.over_tls,
        studies=counted.studies,
        complete=counted.complete,
        server=facts.server,
        client_certificate_required=facts.client_certificate_required,
        login=facts.login,
        stow_offered=stow,
        cors_with_credentials=cors,
        tls=facts.tls,
        doubts=_doubts(random, listed) | image.doubts | counted.doubts,
        phases=facts.phases or {},
    )


def _first_part(context: ProbeContext) -> ProbeContext:
    """The context of the first question: one that is not answered leaves time for the list."""
    loop_time = asyncio.get_running_loop().time()
    until = max(context.until(_FIRST_SHARE).deadline, loop_time + context.connect_timeout + _MARGIN)
    return replace(context, deadline=min(context.deadline, until))


def _may_list(random: Reply) -> bool:
    """Whether the list itself may bring more than the question for a random UID did."""
    if random.answer is WebAnswer.UNKNOWN:
        return random.doubt not in _NO_CONNECTION
    return random.answer not in (WebAnswer.ENTRIES, WebAnswer.CLOSED)


async def _listed(root: URL, context: ProbeContext, facts: ServerFacts, prove_identity: bool) -> tuple[Reply, str]:
    """The answer to the question for one study, and the media type that it was asked for as."""
    first, accept = None, DICOM_JSON
    for accept in (DICOM_JSON, *_OTHER_TYPES):
        reply = await request(
            studies_url(root, limit="1"), context, facts, Scan(1, identity=prove_identity), accept=accept
        )
        if reply.answer in (WebAnswer.ENTRIES, WebAnswer.EMPTY):
            return reply, accept
        first = first or reply
        if reply.doubt not in (UnknownReason.UNREADABLE, UnknownReason.NOT_OFFERED):
            break
    assert first is not None
    return first, accept


def _doubts(random: Reply, listed: Reply) -> frozenset[UnknownReason]:
    """Why it may be that a stranger gets further than the answers show."""
    if listed.answer is WebAnswer.ENTRIES:
        return frozenset()
    doubts = {listed.doubt}
    if listed.answer is not WebAnswer.EMPTY and random.doubt is not UnknownReason.NOT_OFFERED:
        doubts.add(random.doubt)  # it may be that nothing matches, which would be more than the list showed
    return frozenset(doubt for doubt in doubts if doubt is not None)
