"""All that one identity asks of one target, on as few associations as that takes, one after the other.

```
associate ─> C-ECHO ─> C-FIND ─> C-FIND ─> … ─> release
                          └─ the archive aborts ─> associate ─> the C-FINDs that are left ─> release
```

The echo comes first: some archives accept the C-FIND context and then abort on the C-FIND (Orthanc, with its defaults).
Nothing is tried twice, with one exception: a C-FIND that was aborted before any match is asked once more with the
minimal keys, as some archives abort on a return key that they do not support.
"""

from __future__ import annotations

import asyncio
import secrets
import string
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from dicom_exporter.config import Identity, Query, Target
from dicom_exporter.dicom.associate import Endpoint, associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.errors import Rejected
from dicom_exporter.dicom.requests import AssociateRequest, Credentials, associate_request
from dicom_exporter.dicom.uids import SERVICES, VERIFICATION
from dicom_exporter.net.errors import ProbeEnded, TLSFailed
from dicom_exporter.net.limits import ConnectionLimits
from dicom_exporter.net.resolver import Resolver
from dicom_exporter.net.tcp import TLSClient
from dicom_exporter.net.timing import OnPhase, PhaseTimer
from dicom_exporter.probes.echo import probe_echo
from dicom_exporter.probes.keys import SOP_CLASSES, has_optional_keys
from dicom_exporter.probes.query import probe_query
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


@dataclass(frozen=True, slots=True)
class Plan:
    """What one identity asks of one target now."""

    target: Target
    identity: Identity
    now: datetime
    """Local time at the target, for queries that ask for ``today``."""
    echo: bool
    queries: tuple[Query, ...] = ()
    propose: tuple[str, ...] = ()
    """SOP classes to propose: those of all that this identity ever asks here, due now or not. So every association
    proposes the same, and a service that is accepted no longer shows at once."""
    tls: TLSClient | None = None
    """How to speak TLS, where the identity does not say."""
    called_ae_title: str | None = None
    """In place of the target's own."""
    give_up_on_abort: bool = False
    """Do not put more queries of a SOP class to an archive that aborted one: a stranger has its answer then."""
    digest_keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    """Query name -> key, for the queries whose studies are compared with another target's."""
    minimal: frozenset[str] = frozenset()
    """Names of the queries to ask with the minimal keys at once, as this archive aborted on more before."""


@dataclass(frozen=True, slots=True)
class Wire:
    """What a probe needs of its surroundings."""

    resolver: Resolver
    limits: ConnectionLimits
    connect_timeout: float
    on_phase: OnPhase | None = None
    """Hears of the phases, for somebody who looks on."""


@dataclass(slots=True)
class _Found:
    """What is known so far."""

    echo: EchoResult | None = None
    association: Outcome | None = None
    queries: dict[str, QueryResult] = field(default_factory=dict)
    minimal: set[str] = field(default_factory=set)
    rejection: Rejection | None = None
    services: dict[Service, bool] = field(default_factory=dict)
    peer: Peer | None = None
    tls: TLSFacts | None = None


async def probe_session(plan: Plan, wire: Wire, deadline: float) -> SessionResult:
    """Do what `plan` says before `deadline` (loop time). Never raises for what a peer does."""
    loop = asyncio.get_running_loop()
    begun, timeout = time.perf_counter(), deadline - loop.time()
    found = _Found(minimal=set(plan.minimal))
    left = deque(plan.queries)
    phases = PhaseTimer(wire.on_phase)
    associated = await _run_association(plan, wire, deadline, left, found, phases)
    while associated and left:  # the archive ended the association at a query: the next one needs another
        later = PhaseTimer(wire.on_phase)
        associated = await _run_association(plan, wire, deadline, left, found, later)
        phases.seconds[Phase.QUERY] += later.seconds.get(Phase.QUERY, 0.0)
    for query in left:
        found.queries[query.name] = _NOT_SENT
    return SessionResult(
        identity=plan.identity.name,
        echo=found.echo,
        association=found.association,
        queries=found.queries,
        phases=phases.seconds,
        duration=time.perf_counter() - begun,
        timeout=timeout,
        rejection=found.rejection,
        services=found.services,
        peer=found.peer,
        tls=found.tls,
    )


async def _run_association(
    plan: Plan, wire: Wire, deadline: float, left: deque[Query], found: _Found, phases: PhaseTimer
) -> bool:
    """One association: the echo if it is due, then queries from the front of `left` until it ends.

    Returns whether it got as far as the queries; at least one of those was dealt with then.
    """
    proposed = _abstract_syntaxes(plan)
    try:
        async with associate(
            endpoint(plan),
            request(plan, proposed),
            phases,
            resolver=wire.resolver,
            deadline=deadline,
            connect_timeout=wire.connect_timeout,
            limits=wire.limits,
        ) as association:
            if found.peer is None:
                _introduce(found, association, proposed)
            if plan.echo and found.echo is None:
                with phases.time(Phase.ECHO):
                    found.echo = await probe_echo(association)
            if left:
                with phases.time(Phase.QUERY):
                    await _ask(association, plan, left, found)
    except ProbeEnded as end:
        if plan.echo and found.echo is None:
            found.echo = EchoResult(end.outcome)
        if found.association is None:
            found.association = end.outcome
        if isinstance(end, Rejected):
            found.rejection = end.rejection
        if isinstance(end, TLSFailed) and end.untrusted:
            found.tls = TLSFacts(certificate_trusted=False)
        return False
    return True


async def _ask(association: Connection, plan: Plan, left: deque[Query], found: _Found) -> None:
    while left and association.established:
        query = left[0]
        minimal = query.name in found.minimal
        key = plan.digest_keys.get(query.name)
        result = await probe_query(association, query, plan.now, minimal=minimal, digest_key=key)
        unread = result.outcome is QueryOutcome.ABORTED and result.matches is None
        if unread and not minimal and has_optional_keys(query):
            found.minimal.add(query.name)
            continue
        found.queries[query.name] = result
        left.popleft()
        if unread and plan.give_up_on_abort:
            kept = [other for other in left if other.model != query.model]
            left.clear()
            left.extend(kept)


def _introduce(found: _Found, association: Connection, proposed: Sequence[str]) -> None:
    accept = association.accept
    found.association = Outcome.SUCCESS
    found.peer = Peer(accept.implementation_class_uid, accept.implementation_version, accept.max_pdu_length)
    for uid in proposed:  # storage stands for several SOP classes: one accepted is enough
        service = SERVICES[uid]
        found.services[service] = found.services.get(service, False) or association.accepted(uid)
    found.tls = association.tls


def _abstract_syntaxes(plan: Plan) -> tuple[str, ...]:
    """What to propose: no more than is needed, as some archives abort on what they do not like (ConQuest 1.4.16)."""
    if not plan.propose and not plan.queries:
        return (VERIFICATION,)
    wanted = [VERIFICATION] if plan.echo else []
    wanted += [*plan.propose, *(SOP_CLASSES[query.model] for query in plan.queries)]
    return tuple(dict.fromkeys(wanted))


def request(plan: Plan, abstract_syntaxes: Sequence[str]) -> AssociateRequest:
    """Encode the A-ASSOCIATE-RQ with the titles and the user identity of `plan`."""
    identity = plan.identity
    user = identity.user_identity
    return associate_request(
        plan.called_ae_title or plan.target.called_ae_title,
        identity.calling_ae_title or random_title(),
        abstract_syntaxes,
        Credentials(user.username, user.password.reveal()) if user is not None else None,
    )


def random_title() -> str:
    """An AE title that nobody has on a list, new each time."""
    return "X" + secrets.token_bytes(15).translate(_LETTERS).decode()


def endpoint(plan: Plan) -> Endpoint:
    """Where and how `plan` connects."""
    address = plan.target.address
    settings = plan.identity.tls
    tls = TLSClient(settings.context, settings.server_name or address.host) if settings is not None else None
    return Endpoint(address.host, address.port, plan.target.ip_version, plan.tls or tls)
