"""C-ECHO and C-FINDs of one identity on one target, on as few associations as that takes, one after the other.

```
associate ─> C-ECHO ─> C-FIND ─> C-FIND ─> … ─> release
                └──────────┴─ the archive aborts ─> associate ─> the C-FINDs that are left ─> release
```

The echo comes first: some archives accept the C-FIND context and then abort on the C-FIND (Orthanc, with its defaults).
Nothing is tried twice, with one exception: a C-FIND that was aborted before any match is asked once more with the
minimal keys, as some archives abort on a return key that they do not support. What a stranger asks is in `questions`.
"""

from __future__ import annotations

import secrets
import string
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from dicom_exporter.config import Module, Query, Target
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import Rejected
from dicom_exporter.dicom.products import product
from dicom_exporter.dicom.requests import AssociateRequest, Credentials, ProposedContext, associate_request
from dicom_exporter.dicom.uids import SERVICES, VERIFICATION
from dicom_exporter.enums import Outcome, Phase, QueryOutcome, Service
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded, TLSFailed
from dicom_exporter.probes.echo import run_echo
from dicom_exporter.probes.keys import SOP_CLASSES, has_optional_keys
from dicom_exporter.probes.query import run_query
from dicom_exporter.results import EchoResult, Peer, QueryResult, Rejection, SessionResult, TLSFacts

NOT_SENT = QueryResult(QueryOutcome.NO_ASSOCIATION)
"""One for all, as it holds nothing: of ten thousand closed targets each has four of them."""
_LETTERS = bytes(string.ascii_uppercase.encode()[byte % 26] for byte in range(256))
"""Byte -> letter, for random titles."""


@dataclass(slots=True)
class Found:
    """What is known so far of a session."""

    queries_left: deque[Query] = field(default_factory=deque)
    echo: EchoResult | None = None
    association: Outcome | None = None
    queries: dict[str, QueryResult] = field(default_factory=dict)
    rejection: Rejection | None = None
    services: dict[Service, bool] = field(default_factory=dict)
    peer: Peer | None = None
    tls: TLSFacts | None = None

    def note_peer(self, association: Connection, proposed: Sequence[str]) -> None:
        """The association was accepted: who the peer is, and which of the `proposed` SOP classes it takes."""
        accept = association.accept
        self.association = Outcome.SUCCESS
        self.peer = Peer(
            accept.implementation_class_uid,
            accept.implementation_version,
            accept.max_pdu_length,
            product(accept.implementation_class_uid, accept.implementation_version),
        )
        for uid in proposed:  # storage stands for several SOP classes: one accepted is enough
            service = SERVICES[uid]
            self.services[service] = self.services.get(service, False) or association.accepted(uid)
        self.tls = association.tls

    def note_end(self, end: ProbeEnded) -> None:
        """An association ended, or did not come about."""
        if self.association is None:
            self.association = end.outcome
        if isinstance(end, Rejected):
            self.rejection = end.rejection
        if isinstance(end, TLSFailed):
            self.tls = end.facts

    def session(self, context: ProbeContext) -> SessionResult:
        """All of it as a result, with the phases of `context`."""
        return SessionResult(
            identity=context.identity.name,
            echo=self.echo,
            association=self.association,
            queries=self.queries,
            phases=context.phases.seconds,
            rejection=self.rejection,
            services=self.services,
            peer=self.peer,
            tls=self.tls,
        )


async def probe_session(target: Target, module: Module, context: ProbeContext) -> SessionResult:
    """The echo of `module`, and its queries that are due. Never raises for what a peer does.

    The phases of the first association go to `context.phases`, with the queries of the later ones. The duration of a
    session is the prober's to measure.
    """
    queries = {name: query for name, query in module.queries.items() if not query.over_dicomweb}
    if len(queries) < len(module.queries):
        module = replace(module, queries=queries)
    proposed = _sop_classes(module)
    found = Found(deque(query for query in module.queries.values() if query.due))
    associated = await _run_association(target, module, context, proposed, found)
    while associated and found.queries_left:  # the archive ended the association: the next query needs another
        later = context.with_own_phases()
        associated = await _run_association(target, module, later, proposed, found)
        context.phases.add(Phase.QUERY, later.phases.seconds.get(Phase.QUERY, 0.0))
    for query in found.queries_left:
        found.queries[query.name] = NOT_SENT
    return found.session(context)


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


async def _run_association(
    target: Target, module: Module, context: ProbeContext, proposed: Sequence[str], found: Found
) -> bool:
    """One association: the echo if it is due, then queries from the front of those left until it ends.

    Returns whether there may be another. There are no more of them than an echo and the queries: each association that
    was accepted deals with at least one of those.
    """
    request = offer(target, context, proposed)
    try:
        async with associate(target.address, request, context) as association:
            if found.peer is None:
                found.note_peer(association, proposed)
            if module.echo and found.echo is None:
                with context.phases.time(Phase.ECHO):
                    found.echo = await run_echo(association)
            if found.queries_left:
                with context.phases.time(Phase.QUERY):
                    await _run_queries(association, context, found)
    except ProbeEnded as end:
        at_echo = module.echo and found.echo is None
        if at_echo:
            found.echo = EchoResult(end.outcome)
        accepted = found.association is Outcome.SUCCESS
        found.note_end(end)
        return at_echo and accepted and end.outcome in (Outcome.ABORTED, Outcome.CLOSED)
    return True


async def _run_queries(association: Connection, context: ProbeContext, found: Found) -> None:
    """Queries from the front of those left, at least one; and those to which only the A-ASSOCIATE-AC is an answer."""
    left = found.queries_left
    first = True
    while left and (first or association.established or not association.accepted(SOP_CLASSES[left[0].model])):
        first = False
        query = left[0]
        result = await run_query(association, query, context.now)
        aborted = result.outcome is QueryOutcome.ABORTED and result.matches is None
        if aborted and not query.minimal_keys and has_optional_keys(query):
            left[0] = replace(query, minimal_keys=True)
            continue
        found.queries[query.name] = result
        left.popleft()


def offer(
    target: Target,
    context: ProbeContext,
    sop_classes: Sequence[str],
    storage: Sequence[ProposedContext] = (),
    others: Sequence[ProposedContext] = (),
) -> AssociateRequest:
    """The A-ASSOCIATE-RQ that proposes `sop_classes` to `target` as the identity of `context`.

    With `storage`, also to take instances in those presentation contexts. `others` come last.
    """
    identity = context.identity
    user = identity.user_identity
    return associate_request(
        target.called_ae_title,
        identity.calling_ae_title or random_title(),
        sop_classes,
        Credentials(user.username, user.password.reveal()) if user is not None else None,
        storage,
        others,
    )


def random_title() -> str:
    """An AE title that no archive knows, a new one each time."""
    return "X" + secrets.token_bytes(15).translate(_LETTERS).decode()
