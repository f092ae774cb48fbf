"""The web side of an archive: viewers, user interfaces, and the archive's own REST root, on the same exposure ladder.

```
the page itself ─> Orthanc? ─> /system ─> /studies?since=0&limit=1 ─> /statistics
                   dcm4chee? ─> its user interface
```
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import Any

from yarl import URL

from dicom_exporter.config import Module, Target
from dicom_exporter.dicom.products import UNKNOWN
from dicom_exporter.enums import UnknownReason, WebAnswer
from dicom_exporter.http_client.json_scan import Scan, Shape
from dicom_exporter.http_client.request import MAX_PAGE, Reply, ServerFacts, request
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.results import WebResult
from dicom_exporter.text import SafeText

_PAGE = "text/html, */*;q=0.5"
_JSON = "application/json"
_MAY_BE_ORTHANC = frozenset({"DCMTK", "Orthanc"})
"""Products, as `dicom.products` names them: seen over DICOM, Orthanc is DCMTK."""
_ORTHANC_PAGES = ("/ui/app/", "/app/", "/ohif/", "/stone-webviewer/", "/osimis-viewer/", "/web-viewer/")
_VERSION = re.compile(r"[0-9]{1,4}(\.[0-9]{1,4}){1,3}|mainline", re.ASCII)
_DCM4CHEE_UI = "/dcm4chee-arc/ui2/"


@dataclass(frozen=True, slots=True)
class _Found:
    answer: WebAnswer
    queryable: bool = False
    studies: int | None = None
    complete: bool | None = None
    version: SafeText | None = None
    doubts: frozenset[UnknownReason] = frozenset()


async def probe_web(target: Target, module: Module, context: ProbeContext) -> tuple[WebResult, ...]:
    """Ask for each page of `target.web` as a stranger, and for the REST root of the archive that it belongs to.

    `context.peer` says, beside the page, whose REST root is tried. Never raises for what the peer does.
    """
    stranger = context.as_stranger(stranger_context())
    pages = target.web
    return tuple([await _probe_page(page.url, stranger.until(1 / (len(pages) - i))) for i, page in enumerate(pages)])


async def probe_software(target: Target, module: Module, context: ProbeContext) -> SafeText | None:
    """The version of Orthanc, as its REST interface says it to the identity; None if none of the pages belongs to one.

    Never raises for what the peer does.
    """
    for number, page in enumerate(target.web):
        part = context.until(1 / (len(target.web) - number))
        _, about = await _ask_system(orthanc_root(URL(page.url)), part, ServerFacts())
        if about and (version := _version(about.get("Version"))) is not None:
            return version
    return None


async def _probe_page(url: str, context: ProbeContext) -> WebResult:
    """One page. `entries` means that a REST root listed studies; a mere page is `other`, whatever a script shows."""
    software = context.peer.product if context.peer is not None else UNKNOWN
    facts = ServerFacts()
    page = await request(URL(url), context, facts, Scan(1), accept=_PAGE, limit=MAX_PAGE)
    found = _Found(page.answer, page.answer is WebAnswer.EMPTY, doubts=_page_doubts(page))
    if page.status is not None and page.answer in (WebAnswer.OTHER, WebAnswer.DENIED):
        answered = page.url or URL(url)
        if _may_be_orthanc(page, software):
            found = _further(found, await _ask_orthanc(orthanc_root(answered), context, facts))
        elif software.startswith("dcm4che"):
            ui = answered.with_path(_DCM4CHEE_UI)
            interface = await request(ui, context, facts, Scan(1), accept=_PAGE, limit=MAX_PAGE)
            found = _further(found, _Found(interface.answer, doubts=_page_doubts(interface)))
    return WebResult(
        answer=found.answer,
        queryable=found.queryable,
        lists_studies=found.answer is WebAnswer.ENTRIES,
        status=facts.status,
        over_tls=facts.over_tls,
        studies=found.studies,
        complete=found.complete,
        server=facts.server,
        version=found.version,
        client_certificate_required=facts.client_certificate_required,
        tls=facts.tls,
        doubts=found.doubts,
        phases=facts.phases or {},
    )


def _may_be_orthanc(page: Reply, product: str) -> bool:
    listed_strings = page.scan.shape is Shape.STRINGS  # what its own /studies looks like
    return product in _MAY_BE_ORTHANC or listed_strings or b"orthanc" in page.page.lower()


def orthanc_root(url: URL) -> URL:
    """Where Orthanc's REST API begins, given one of its pages: before the part of a user interface, or ``/studies``."""
    path = url.path
    for part in _ORTHANC_PAGES:
        before, found, _ = path.partition(part)
        if found:
            return url.with_path(before or "/").with_query(None)
    return url.with_path(path.removesuffix("/").removesuffix("/studies") or "/").with_query(None)


async def _ask_orthanc(root: URL, context: ProbeContext, facts: ServerFacts) -> _Found | None:
    """What Orthanc's REST API says; None if it is not Orthanc."""
    system, about = await _ask_system(root, context, facts)
    if system.answer in (WebAnswer.DENIED, WebAnswer.UNKNOWN):
        return _Found(system.answer, doubts=_page_doubts(system))
    if not about:
        return None
    return replace(await _studies_of_orthanc(root, context, facts), version=_version(about.get("Version")))


async def _ask_system(root: URL, context: ProbeContext, facts: ServerFacts) -> tuple[Reply, dict[str, Any]]:
    """The answer, and what Orthanc says of itself: empty if it is not Orthanc."""
    system = await request(root / "system", context, facts, Scan(1), accept=_JSON, limit=MAX_PAGE)
    about = _object(system.page)
    return system, about if {"ApiVersion", "DicomAet"} <= about.keys() else {}


def _version(value: object) -> SafeText | None:
    return SafeText(value) if isinstance(value, str) and _VERSION.fullmatch(value) else None


async def _studies_of_orthanc(root: URL, context: ProbeContext, facts: ServerFacts) -> _Found:
    # Without `since`, `limit` is an error to it.
    studies = await request((root / "studies").with_query(since="0", limit="1"), context, facts, Scan(1), accept=_JSON)
    match studies.scan.shape:
        case Shape.STRINGS:
            statistics = await request(root / "statistics", context, facts, Scan(1), accept=_JSON, limit=MAX_PAGE)
            count = _object(statistics.page).get("CountStudies")
            known = isinstance(count, int) and not isinstance(count, bool) and count > 0
            return _Found(WebAnswer.ENTRIES, True, count if known else 1, known)
        case Shape.EMPTY:
            return _Found(WebAnswer.EMPTY, True, 0, True)
    return _Found(studies.answer, doubts=frozenset({studies.doubt} if studies.doubt is not None else ()))


def _further(one: _Found, other: _Found | None) -> _Found:
    """Whichever of the two shows that one gets further. Without time for the second, the first is not the whole."""
    ranks = (WebAnswer.OTHER, WebAnswer.DENIED, WebAnswer.UNKNOWN, WebAnswer.EMPTY, WebAnswer.ENTRIES)
    if other is None:
        return one
    if other.answer not in ranks:
        return replace(one, doubts=one.doubts | other.doubts, version=other.version)
    further = max(one, other, key=lambda found: ranks.index(found.answer))
    if further.answer is WebAnswer.ENTRIES:
        return replace(further, version=other.version)
    return replace(further, doubts=one.doubts | other.doubts, version=other.version)


def _page_doubts(page: Reply) -> frozenset[UnknownReason]:
    """What is in doubt about a page for people: any type and size will do, and an error is an answer."""
    expected = page.doubt in (UnknownReason.NOT_OFFERED, UnknownReason.LIMIT) or (
        page.doubt is UnknownReason.UNREADABLE and page.cut is None
    )
    return frozenset() if page.doubt is None or expected else frozenset({page.doubt})


def _object(data: bytes) -> dict[str, Any]:
    """`data` as a JSON object, an empty one for anything else. For documents without entries of patients only."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
