"""How old the newest study of a list over DICOMweb is: the queries with `over_dicomweb` (QIDO-RS, PS3.18 10.6).

```
QIDO-RS for one study ─ refused ─> the outcome of the query
        └─ an entry, or none ─> the whole list, counted (`studies_list`), each entry to `freshness`
```
"""

from __future__ import annotations

import struct
import time
from collections.abc import Mapping

from yarl import URL

from dicom_exporter.config import Module, Query, RelativeDate, Target
from dicom_exporter.enums import QueryOutcome, UnknownReason, WebAnswer
from dicom_exporter.http_client.json_scan import Scan
from dicom_exporter.http_client.request import DICOM_JSON, Reply, ServerFacts, request
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.probes.freshness import Newest
from dicom_exporter.probes.studies_list import StudiesList, studies_url
from dicom_exporter.probes.tally import tag_of
from dicom_exporter.results import QueryResult, SessionResult

_BY_ANSWER = {
    WebAnswer.DENIED: QueryOutcome.REFUSED,
    WebAnswer.OTHER: QueryOutcome.UNSUPPORTED,
    WebAnswer.NOT_HTTP: QueryOutcome.NO_ASSOCIATION,
    WebAnswer.CLOSED: QueryOutcome.NO_ASSOCIATION,
}
_BY_DOUBT = {
    UnknownReason.TIMEOUT: QueryOutcome.TIMEOUT,
    UnknownReason.OVERLOAD: QueryOutcome.OVERLOAD,
    UnknownReason.NOT_OFFERED: QueryOutcome.FAILED,
    UnknownReason.UNAVAILABLE: QueryOutcome.FAILED,
    UnknownReason.UNREADABLE: QueryOutcome.PROTOCOL_ERROR,
}
"""Why an answer is none -> how the query ended; any other reason: it was never sent."""


async def probe_newest(target: Target, module: Module, context: ProbeContext) -> SessionResult:
    """The queries of `module` that are due over DICOMweb, one after the other. Never raises for what the peer does."""
    due = [query for query in module.queries.values() if query.due and query.over_dicomweb]
    root, found = URL(target.dicomweb or ""), dict[str, QueryResult]()
    for index, query in enumerate(due):
        own = context.until(1 / (len(due) - index)).with_own_phases()
        found[query.name] = await _ask(root, query, own)
    return SessionResult(module.identity, None, found)


async def _ask(root: URL, query: Query, context: ProbeContext) -> QueryResult:
    begun = time.perf_counter()
    facts, newest = ServerFacts(), Newest(query, context.now)
    tags = {f"{tag_of(keyword):08X}".encode(): tag_of(keyword) for keyword in _keywords(query)}

    def consume(values: Mapping[bytes, list[bytes]]) -> None:
        newest.consume(_as_match({tags[tag]: texts for tag, texts in values.items()}))

    match = _match(query, context)
    first = await request(studies_url(root, **match, limit="1"), context, facts, Scan(1))
    if first.answer not in (WebAnswer.ENTRIES, WebAnswer.EMPTY):
        return QueryResult(_outcome(first), duration=time.perf_counter() - begun)
    matches, complete = 0, not first.partial
    if first.answer is WebAnswer.ENTRIES:
        studies = StudiesList(
            root, context, facts, DICOM_JSON, query.max_matches, False, match, values=tags, on_entry=consume
        )
        counted = await studies.count(first, nothing_is_404=False)
        if counted.studies is None:
            return QueryResult(QueryOutcome.TIMEOUT, duration=time.perf_counter() - begun)
        matches, complete = counted.studies, counted.complete is True
    answered = QueryOutcome.ALLOWED if matches else QueryOutcome.EMPTY
    return QueryResult(
        answered if complete else QueryOutcome.TRUNCATED,
        matches=matches,
        complete=complete,
        freshness=newest.results(complete=complete),
        duration=time.perf_counter() - begun,
    )


def _keywords(query: Query) -> tuple[str, ...]:
    return ("StudyDate", "StudyTime", *query.count_by)


def _match(query: Query, context: ProbeContext) -> dict[str, str]:
    """The parameters of the search (PS3.18 8.3.4); several UIDs are separated by commas."""
    found = {}
    for keyword, value in query.match.items():
        resolved = value.resolve(context.now) if isinstance(value, RelativeDate) else value
        found[keyword] = resolved if isinstance(resolved, str) else ",".join(resolved)
    return found | ({"includefield": query.count_by[0]} if query.count_by else {})


def _as_match(values: Mapping[int, list[bytes]]) -> bytes:
    """An entry as `Newest` reads a match of a C-FIND: implicit VR little endian."""
    return b"".join(
        struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(text)) + text
        for tag, text in sorted((tag, b"\\".join(texts)) for tag, texts in values.items())
    )


def _outcome(reply: Reply) -> QueryOutcome:
    if reply.doubt is not None:
        return _BY_DOUBT.get(reply.doubt, QueryOutcome.NO_ASSOCIATION)
    return _BY_ANSWER.get(reply.answer, QueryOutcome.NO_ASSOCIATION)
