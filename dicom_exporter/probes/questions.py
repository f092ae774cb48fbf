"""What a stranger asks on a DICOM port, and how each question gets an answer, or a reason why it has none.

```
associate ─> C-ECHO ─> a study that cannot exist ─> studies ─> worklist ─> patients ─> release
                │
                └─ the first that is aborted or is not answered ends the association. Then, each on one of its own:
                     1. the questions that were not asked      studies first, as they prove the most
                     2. those that were aborted                once more: one abort is no property of the archive
```

No question ends another: an archive that hangs on a C-ECHO may hand its studies to everybody. So each has a share of
the time, and a silent one leaves time for the rest. There are at most two associations for each question, and one more.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from dicom_exporter.config import Level, Model, Query, Target
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import LimitExceeded
from dicom_exporter.dicom.uids import VERIFICATION
from dicom_exporter.enums import Outcome, Phase, QueryOutcome, UnknownReason
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import NetworkUnreachable, ProbeEnded, ProxyFailed
from dicom_exporter.probes.echo import run_echo
from dicom_exporter.probes.keys import SOP_CLASSES
from dicom_exporter.probes.query import run_query
from dicom_exporter.probes.session import NOT_SENT, Found, offer
from dicom_exporter.results import EchoResult, QueryResult, SessionResult

RANDOM_UID = "random_uid"
"""Name of the query that can have no match: an answer to it proves that queries are answered."""
STUDIES = "studies"
WORKLIST = "worklist"
PATIENTS = "patients"

_ECHO_SHARE = 0.2
_SHARES: Mapping[str, float] = {RANDOM_UID: 0.25, STUDIES: 0.6, WORKLIST: 0.5}
"""Share of the time left in which a question on the first association has to get its first response; else all of it."""
_SHARE_ALONE = 0.6
"""Share of the time left that a question on an association of its own may take."""
_ORDER_ALONE = (STUDIES, WORKLIST, PATIENTS, RANDOM_UID)
"""The order of questions on associations of their own: those that can prove the most come first."""

_ABORTED = frozenset({Outcome.ABORTED, Outcome.CLOSED})
_REASONS: Mapping[Outcome, UnknownReason] = {
    Outcome.NO_ANSWER: UnknownReason.TIMEOUT,
    Outcome.CONNECT_TIMEOUT: UnknownReason.TIMEOUT,
    Outcome.OVERLOAD: UnknownReason.OVERLOAD,
    Outcome.PROXY_FAILURE: UnknownReason.VANTAGE,
    Outcome.BUSY: UnknownReason.BUSY,
}
"""Why a question was not asked, by how the association that it needs ended; every other end is just `not_asked`."""
_OUT_OF_RESOURCES = 0xA700
_NOT_AUTHORISED = 0x0124
_QUERY_REASONS: Mapping[QueryOutcome, UnknownReason] = {
    QueryOutcome.TIMEOUT: UnknownReason.TIMEOUT,
    QueryOutcome.OVERLOAD: UnknownReason.OVERLOAD,
    QueryOutcome.NO_ASSOCIATION: UnknownReason.NOT_ASKED,
    QueryOutcome.PROTOCOL_ERROR: UnknownReason.UNREADABLE,
    QueryOutcome.FAILED: UnknownReason.UNAVAILABLE,
}
"""Outcomes of a query that say nothing about what the archive lists."""


_NOT_SENT = dict.fromkeys((RANDOM_UID, STUDIES, WORKLIST, PATIENTS), NOT_SENT)
"""Of `questions`, one for all closed targets: nobody changes it."""
_NO_DOUBTS: frozenset[UnknownReason] = frozenset()
"""One for all: each takes 216 bytes."""


@lru_cache
def questions(max_matches: int) -> tuple[Query, ...]:
    """What a stranger asks, in the order of the first association. The UID is a new one in each process."""
    uid = f"2.25.{uuid.uuid4().int}"
    return (
        Query(RANDOM_UID, Model.STUDY_ROOT, Level.STUDY, match={"StudyInstanceUID": uid}, max_matches=1),
        Query(STUDIES, Model.STUDY_ROOT, Level.STUDY, max_matches=max_matches),
        Query(WORKLIST, Model.WORKLIST, None, max_matches=max_matches),
        Query(PATIENTS, Model.PATIENT_ROOT, Level.PATIENT, max_matches=max_matches),
    )


@dataclass(slots=True)
class _Asking:
    """The questions to one peer, and what came of them."""

    target: Target
    found: Found = field(default_factory=Found)
    doubts: set[UnknownReason] = field(default_factory=set)
    again: set[str] = field(default_factory=set)
    """Questions that were put a second time."""


async def ask(
    target: Target, first: ProbeContext, until: float, proposed: Sequence[str], asked: Sequence[Query]
) -> tuple[SessionResult, frozenset[UnknownReason]]:
    """Ask a C-ECHO and the questions `asked`; return what came, and what is doubtful in it (`Attempt.doubts`).

    Args:
        first: the context of the first association. The phases go there, with the queries of the later associations.
        until: loop time at which the later ones end. They are made only if the first was accepted.
        proposed: SOP classes for the first association, besides Verification.

    Never raises for what a peer does.
    """
    asking = _Asking(target)
    found = asking.found
    await _ask_together(asking, first, (VERIFICATION, *proposed), asked)
    if found.peer is None:
        found.queries = _NOT_SENT if asked else {}
    elif asked:
        await _ask_rest(
            asking,
            first,
            replace(first, deadline=until),
            sorted(asked, key=lambda query: _ORDER_ALONE.index(query.name)),
        )
        asking.doubts |= doubts(found.queries)
    return found.session(first), frozenset(asking.doubts) if asking.doubts else _NO_DOUBTS


def doubts(queries: Mapping[str, QueryResult]) -> frozenset[UnknownReason]:
    """Why these answers may prove less than another client would; empty if one of them brought a match."""
    if any(result.matches for result in queries.values()):
        return frozenset()
    answered = _answered(queries.values())
    reasons = {
        doubt_of(result)
        for name, result in queries.items()
        if name != RANDOM_UID or not answered  # it could not prove more than that
    }
    random = queries.get(RANDOM_UID)
    if random is not None and random.outcome.is_success and _is_refused_as_asked(queries.get(STUDIES)):
        reasons.add(UnknownReason.NOT_OFFERED)
    return frozenset(reason for reason in reasons if reason is not None)


def doubt_of(result: QueryResult) -> UnknownReason | None:
    """Why another client may get another answer; None if it is the archive's doing."""
    if result.status == _OUT_OF_RESOURCES and not result.matches:
        return UnknownReason.UNAVAILABLE
    return result.doubt or _QUERY_REASONS.get(result.outcome)


def _is_refused_as_asked(listing: QueryResult | None) -> bool:
    """Whether the list of all was refused, and not the client: some archives refuse what would match too much.

    So it is if the same client gets an answer to a narrow question of the same SOP class.
    """
    refused = (QueryOutcome.REFUSED, QueryOutcome.UNSUPPORTED)
    return listing is not None and listing.outcome in refused and listing.status not in (None, _NOT_AUTHORISED)


def _answered(results: Collection[QueryResult]) -> bool:
    return any(result.outcome.is_success or result.matches for result in results)


async def _ask_together(
    asking: _Asking, context: ProbeContext, proposed: Sequence[str], asked: Sequence[Query]
) -> None:
    """The first association: the echo, then questions until it ends."""
    found = asking.found
    try:
        async with associate(asking.target.address, offer(asking.target, context, proposed), context) as association:
            found.note_peer(association, proposed)
            with context.phases.time(Phase.ECHO):
                found.echo = await run_echo(association, _within(_ECHO_SHARE, context))
            if asked:
                with context.phases.time(Phase.QUERY):
                    await _put(association, context, found, [query for query in asked if _sop_class(query) in proposed])
    except ProbeEnded as end:
        found.echo = found.echo or EchoResult(end.outcome)
        found.note_end(end)
        if found.peer is None and isinstance(end, LimitExceeded):
            asking.doubts.add(UnknownReason.LIMIT)
        if isinstance(end, NetworkUnreachable) and end.from_here:
            asking.doubts.add(UnknownReason.IP_VERSION)
        if isinstance(end, ProxyFailed):
            asking.doubts.add(end.reason)


def _sop_class(query: Query) -> str:
    return SOP_CLASSES[query.model]


async def _put(association: Connection, context: ProbeContext, found: Found, asked: Sequence[Query]) -> None:
    """Put questions until the association ends; those whose SOP class was not accepted have their answer by that."""
    for query in asked:
        if association.established or not association.accepted(_sop_class(query)):
            share = _SHARES.get(query.name)
            first_by = None if share is None else _within(share, context)
            found.queries[query.name] = await run_query(association, query, context.now, first_by, check_keys=False)


async def _ask_rest(asking: _Asking, first: ProbeContext, later: ProbeContext, asked: Sequence[Query]) -> None:
    """Each question that has no answer yet, on an association of its own; an aborted one a second time."""
    queries = asking.found.queries
    for again in (False, True):
        for query in asked:
            result = queries.get(query.name)
            if (_was_aborted(result) if again else result is None) and _is_worth_it(asking, query):
                if again:
                    asking.again.add(query.name)
                part = later.until(_SHARE_ALONE).with_own_phases()
                queries[query.name] = await _ask_alone(asking, part, replace(query, minimal_keys=again))
                if Phase.QUERY in part.phases.seconds:
                    first.phases.add(Phase.QUERY, part.phases.seconds[Phase.QUERY])


def _was_aborted(result: QueryResult | None) -> bool:
    return result is not None and result.outcome is QueryOutcome.ABORTED and not result.matches


def _is_worth_it(asking: _Asking, query: Query) -> bool:
    """Whether the answer could prove more than there is. The study that cannot exist proves that queries are answered.

    An archive that has aborted on that and twice on the studies aborts on the SOP class.
    """
    queries = asking.found.queries
    if query.name != RANDOM_UID:
        return True
    aborts = RANDOM_UID in queries and STUDIES in asking.again and _was_aborted(queries.get(STUDIES))
    return not aborts and not _answered(queries.values())


async def _ask_alone(asking: _Asking, context: ProbeContext, query: Query) -> QueryResult:
    proposed = (_sop_class(query),)
    try:
        async with associate(asking.target.address, offer(asking.target, context, proposed), context) as association:
            with context.phases.time(Phase.QUERY):
                return await run_query(association, query, context.now, check_keys=False)
    except ProbeEnded as end:
        if end.outcome in _ABORTED:
            return QueryResult(QueryOutcome.ABORTED, minimal_keys=query.minimal_keys)
        reason = _REASONS.get(end.outcome, UnknownReason.NOT_ASKED)
        return QueryResult(QueryOutcome.NO_ASSOCIATION, doubt=reason)


def _within(share: float, context: ProbeContext) -> float:
    """Loop time at which `share` of the time left is over."""
    now = asyncio.get_running_loop().time()
    return now + (context.deadline - now) * share
