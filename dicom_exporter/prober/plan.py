"""One identity's visit to one target: everything it asks there, in order, on as few associations as that takes.

```
a stranger:      the exposure ladder, then DICOMweb and the web pages without credentials
anybody else:    echo and the queries that are due, then the images to store, then DICOMweb with its credentials
```
"""

from __future__ import annotations

import asyncio
import secrets
import ssl
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from zoneinfo import ZoneInfo

from dicom_exporter.config import Exposure, Identity, Module, Query, Store, Target
from dicom_exporter.dicom.products import product
from dicom_exporter.http_client.client import HTTPCredentials, basic, bearer
from dicom_exporter.net.tls import stranger_context
from dicom_exporter.prober.cache import Answers, Asked, was_answered
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.exposure import Stranger, probe_stranger
from dicom_exporter.probes.keys import SOP_CLASSES
from dicom_exporter.probes.session import Plan, Wire, probe_session
from dicom_exporter.probes.store import probe_store
from dicom_exporter.probes.web_page import probe_web
from dicom_exporter.results import Phase, QueryResult, SessionResult


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks whom what."""

    target: Target
    identity: Identity
    modules: tuple[Module, ...]
    compared: frozenset[str] = frozenset()
    """Queries whose studies are compared with another target's."""


async def visit(asked: Visit, answers: Answers, wire: Wire, deadline: float) -> SessionResult:
    """Do all that `asked` says before `deadline` (loop time). Never raises for what a peer does.

    `answers` gives the queries that are not due, and takes those that were put.
    """
    exposure = next((module.exposure for module in asked.modules if module.exposure is not None), None)
    if exposure is None:
        return await _ask(asked, answers, wire, deadline)
    others = tuple(module for module in asked.modules if module.exposure is None)
    if not others:
        return await _climb(asked, exposure, wire, deadline)
    result = await _ask(replace(asked, modules=others), answers, wire, deadline)
    found = await _climb(asked, exposure, wire, deadline)
    return replace(found, queries={**result.queries, **found.queries}, store=result.store)


async def _ask(asked: Visit, answers: Answers, wire: Wire, deadline: float) -> SessionResult:
    """Echo, queries and images as somebody the archive may know."""
    loop = asyncio.get_running_loop()
    plan, kept = _plan(asked, answers, loop.time())
    result = SessionResult(asked.identity.name, None, kept)
    if plan.echo or plan.queries:  # where nothing is due, no association for its own sake
        result = _settle(plan, await probe_session(plan, wire, deadline), kept, answers, loop.time())
    images = _store(asked.modules)
    if images is not None:
        begun, given = time.perf_counter(), deadline - loop.time()
        stored = await probe_store(plan, images, wire, deadline)
        phases = dict(result.phases)
        if stored.duration is not None:
            phases[Phase.STORE] = stored.duration
        # By this the rules see that DICOMweb had no time left, which says nothing about it.
        duration = (result.duration or 0.0) + time.perf_counter() - begun
        timeout = given if result.timeout is None else result.timeout
        result = replace(result, store=stored, phases=phases, duration=duration, timeout=timeout)
    if asked.target.dicomweb is not None and plan.echo:
        tls = asked.identity.tls.context if asked.identity.tls is not None else _verifying_context()
        web = await probe_dicomweb(
            asked.target.dicomweb,
            resolver=wire.resolver,
            deadline=deadline,
            connect_timeout=wire.connect_timeout,
            tls=tls,
            credentials=_credentials(asked.identity),
            ip_version=asked.target.ip_version,
            limits=wire.limits,
        )
        result = replace(result, dicomweb=replace(web, authenticated=asked.identity.http is not None))
    return result


async def _climb(asked: Visit, exposure: Exposure, wire: Wire, deadline: float) -> SessionResult:
    """The ladder, as somebody nobody knows; then the web side of it."""
    loop = asyncio.get_running_loop()
    target = asked.target
    urls = ([target.dicomweb] if target.dicomweb is not None else []) + [entry.url for entry in target.web]
    share = deadline
    if urls:  # a silent port leaves time for the web
        share = loop.time() + (deadline - loop.time()) * 0.6
    stranger = Stranger(target, asked.identity, local_time(target), exposure)
    result = await probe_stranger(stranger, wire, share)
    if target.dicomweb is not None:
        web = await probe_dicomweb(
            target.dicomweb,
            resolver=wire.resolver,
            deadline=_share(deadline, len(urls)),
            connect_timeout=wire.connect_timeout,
            tls=stranger_context(),
            max_studies=exposure.max_matches,
            prove_identity=exposure.prove_identity,
            prove_download=exposure.prove_download,
            ip_version=target.ip_version,
            limits=wire.limits,
        )
        result = replace(result, dicomweb=web)
    peer = result.peer
    software = product(peer.implementation_class_uid, peer.implementation_version) if peer is not None else "unknown"
    pages = []
    for index, entry in enumerate(target.web):
        pages.append(
            await probe_web(
                entry.url,
                resolver=wire.resolver,
                deadline=_share(deadline, len(target.web) - index),
                connect_timeout=wire.connect_timeout,
                tls=stranger_context(),
                product=software,
                ip_version=target.ip_version,
                limits=wire.limits,
            )
        )
    return replace(result, web=tuple(pages)) if pages else result


def _plan(asked: Visit, answers: Answers, now: float) -> tuple[Plan, dict[str, QueryResult]]:
    """What to ask now, and the answers that are young enough to be shown again."""
    target, identity = asked.target, asked.identity
    local = local_time(target)
    due: list[Query] = []
    kept: dict[str, QueryResult] = {}
    minimal: set[str] = set()
    for query in queries(asked.modules):
        question = Asked(target, identity, query)
        in_window = query.only_between is None or query.only_between.contains(local.time())
        if in_window and answers.due(question, now):
            due.append(query)
            if answers.wants_minimal_keys(question):
                minimal.add(query.name)
        elif (last := answers.last(question)) is not None:
            kept[query.name] = last
    plan = Plan(
        target,
        identity,
        local,
        echo=any(module.echo for module in asked.modules),
        queries=tuple(due),
        propose=tuple(SOP_CLASSES[query.model] for query in queries(asked.modules)),
        digest_keys=dict.fromkeys(asked.compared, _digest_key()),
        minimal=frozenset(minimal),
    )
    return plan, kept


def _settle(
    plan: Plan, found: SessionResult, kept: Mapping[str, QueryResult], answers: Answers, now: float
) -> SessionResult:
    """Put the new answers beside the kept ones, and keep those that are to be shown again."""
    if not kept and not plan.queries:
        return found
    shown = dict(kept)
    for query in plan.queries:
        result = found.queries[query.name]
        if query.every is not None and was_answered(result):
            result = replace(result, last_run=time.time())
        answers.keep(Asked(plan.target, plan.identity, query), result, now)
        shown[query.name] = result
    return replace(found, queries=shown)


def queries(modules: Iterable[Module]) -> list[Query]:
    """The queries of `modules`, each name once (the config refuses two queries of one name)."""
    return list({query.name: query for module in modules for query in module.queries.values()}.values())


def local_time(target: Target) -> datetime:
    """Now, where the target is; in the system's own zone where the config does not say."""
    return datetime.now(ZoneInfo(target.timezone)) if target.timezone else datetime.now().astimezone()


def _store(modules: Iterable[Module]) -> Store | None:
    return next((module.store for module in modules if module.store is not None), None)


def _credentials(identity: Identity) -> HTTPCredentials | None:
    http = identity.http
    if http is None:
        return None
    if http.basic_auth is not None:
        return basic(http.basic_auth.username, http.basic_auth.password)
    return bearer(http.bearer_token) if http.bearer_token is not None else None


def _share(deadline: float, parts: int) -> float:
    """The end of an even share of the time until `deadline`."""
    now = asyncio.get_running_loop().time()
    return now + (deadline - now) / parts


@cache
def _digest_key() -> bytes:
    """The key of the hashes that targets are compared by: random, for as long as the process lives, told to nobody."""
    return secrets.token_bytes(32)


@cache
def _verifying_context() -> ssl.SSLContext:
    """TLS for an identity that says nothing of it: the system's authorities. Made once, as it reads them all."""
    return ssl.create_default_context()
