"""C-ECHO and C-FINDs of one identity on one target, on as few associations as that takes, one after the other.

```
associate ─> C-ECHO ─> C-FIND ─> C-FIND ─> … ─> release
                          └─ the archive aborts ─> associate ─> the C-FINDs that are left ─> release
```

The echo comes first: some archives accept the C-FIND context and then abort on the C-FIND (Orthanc, with its defaults).
Nothing is tried twice, with one exception: a C-FIND that was aborted before any match is asked once more with the
minimal keys, as some archives abort on a return key that they do not support.
"""

from __future__ import annotations

import secrets
import string
from collections import deque
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dicom_exporter.config import Module, Query, Target
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import Rejected
from dicom_exporter.dicom.products import product
from dicom_exporter.dicom.requests import AssociateRequest, Credentials, associate_request
from dicom_exporter.dicom.uids import SERVICES, VERIFICATION
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded, TLSFailed
from dicom_exporter.probes.echo import run_echo
from dicom_exporter.probes.keys import SOP_CLASSES, has_optional_keys
from dicom_exporter.probes.query import run_query
from dicom_exporter.results import (
    EchoResult,
    Outcome,
    Peer,
    Phase,
    QueryOutcome,
    QueryResult,
    Rejection,
    Service,
    SessionResult,
    TLSFacts,
)

_NOT_SENT = QueryResult(QueryOutcome.NO_ASSOCIATION)
"""One for all, as it holds nothing: of ten thousand closed targets each has four of them."""
_LETTERS = bytes(string.ascii_uppercase.encode()[byte % 26] for byte in range(256))
"""Byte -> letter, for random titles."""


@dataclass(slots=True)
class _Found:
    """What is known so far."""

    queries_left: deque[Query]
    echo: EchoResult | None = None
    association: Outcome | None = None
    queries: dict[str, QueryResult] = field(default_factory=dict)
    rejection: Rejection | None = None
    services: dict[Service, bool] = field(default_factory=dict)
    peer: Peer | None = None
    tls: TLSFacts | None = None


def probe_session(target: Target, module: Module, context: ProbeContext) -> Coroutine[Any, Any, SessionResult]:
    """The echo of `module`, and its queries that are due. Never raises for what a peer does.

    The phases of the first association go to `context.phases`, with the queries of the later ones. The duration of a
    session is the prober's to measure.
    """
    # No coroutine of its own: each wait of an association would pass through it, a hundredth of a C-ECHO in all.
    return run_session(target, module, context, _sop_classes(module))


def _sop_classes(module: Module) -> tuple[str, ...]:
    """What to propose: no more than is needed, as some archives abort on what they do not like (ConQuest 1.4.16).

    All queries count, due now or not: so each association proposes the same, and a service that is no longer accepted
    shows at once.
    """
    if not module.queries:
        return (VERIFICATION,)
    wanted = [VERIFICATION] if module.echo else []
    wanted += [SOP_CLASSES[query.model] for query in module.queries.values()]
    return tuple(dict.fromkeys(wanted))


async def run_session(target: Target, module: Module, context: ProbeContext, proposed: Sequence[str]) -> SessionResult:
    """`probe_session`, with the SOP classes to propose in each association."""
    found = _Found(deque(query for query in module.queries.values() if query.due))
    associated = await _run_association(target, module, context, proposed, found)
    while associated and found.queries_left:  # the archive ended the association at a query: the next needs another
        later = context.with_own_phases()
        associated = await _run_association(target, module, later, proposed, found)
        context.phases.seconds[Phase.QUERY] += later.phases.seconds.get(Phase.QUERY, 0.0)
    for query in found.queries_left:
        found.queries[query.name] = _NOT_SENT
    return SessionResult(
        identity=context.identity.name,
        echo=found.echo,
        association=found.association,
        queries=found.queries,
        phases=context.phases.seconds,
        rejection=found.rejection,
        services=found.services,
        peer=found.peer,
        tls=found.tls,
    )


async def _run_association(
    target: Target, module: Module, context: ProbeContext, proposed: Sequence[str], found: _Found
) -> bool:
    """One association: the echo if it is due, then queries from the front of those left until it ends.

    Returns whether it got as far as the queries; at least one of those was dealt with then.
    """
    request = offer(target, context, proposed)
    try:
        async with associate(target.address, request, context) as association:
            if found.peer is None:
                _note_peer(found, association, proposed)
            if module.echo and found.echo is None:
                with context.phases.time(Phase.ECHO):
                    found.echo = await run_echo(association)
            if found.queries_left:
                with context.phases.time(Phase.QUERY):
                    await _run_queries(association, module, context, found)
    except ProbeEnded as end:
        if module.echo and found.echo is None:
            found.echo = EchoResult(end.outcome)
        if found.association is None:
            found.association = end.outcome
        if isinstance(end, Rejected):
            found.rejection = end.rejection
        if isinstance(end, TLSFailed):
            found.tls = end.facts
        return False
    return True


async def _run_queries(association: Connection, module: Module, context: ProbeContext, found: _Found) -> None:
    left = found.queries_left
    while left and association.established:
        query = left[0]
        result = await run_query(association, query, context.now)
        aborted = result.outcome is QueryOutcome.ABORTED and result.matches is None
        if aborted and not query.minimal_keys and has_optional_keys(query):
            left[0] = replace(query, minimal_keys=True)
            continue
        found.queries[query.name] = result
        left.popleft()
        if aborted and module.exposure is not None:  # a stranger has the answer for all queries of the SOP class
            others = [other for other in left if other.model != query.model]
            left.clear()
            left.extend(others)


def _note_peer(found: _Found, association: Connection, proposed: Sequence[str]) -> None:
    accept = association.accept
    found.association = Outcome.SUCCESS
    found.peer = Peer(
        accept.implementation_class_uid,
        accept.implementation_version,
        accept.max_pdu_length,
        product(accept.implementation_class_uid, accept.implementation_version),
    )
    for uid in proposed:  # storage stands for several SOP classes: one accepted is enough
        service = SERVICES[uid]
        found.services[service] = found.services.get(service, False) or association.accepted(uid)
    found.tls = association.tls


def offer(
    target: Target, context: ProbeContext, sop_classes: Sequence[str], scp_roles: Sequence[str] = ()
) -> AssociateRequest:
    """The A-ASSOCIATE-RQ that proposes `sop_classes` to `target` as the identity of `context`."""
    identity = context.identity
    user = identity.user_identity
    return associate_request(
        target.called_ae_title,
        identity.calling_ae_title or random_title(),
        sop_classes,
        Credentials(user.username, user.password.reveal()) if user is not None else None,
        scp_roles,
    )


def random_title() -> str:
    """An AE title that no archive knows, a new one each time."""
    return "X" + secrets.token_bytes(15).translate(_LETTERS).decode()
