"""The probes of a stranger, at each address of the name that they go to: the furthest counts.

A name leads to all of its addresses, and which one somebody is sent to is chance. So nobody is kept out if one of
them lets people in, and a name is closed only if all of its addresses are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from yarl import URL

from dicom_exporter.config import Address, Module, Target
from dicom_exporter.enums import LadderLevel, LadderService, Outcome, UnknownReason, WebAnswer
from dicom_exporter.net.addresses import EachAddress, probe_each
from dicom_exporter.net.context import PROOF_AMONG_SEVERAL, ProbeContext, ProbeNotes
from dicom_exporter.net.resolver import MAX_ADDRESSES
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.exposure import probe_exposure
from dicom_exporter.probes.web_page import probe_web
from dicom_exporter.results import Attempt, SessionResult, StrangerResult, WebResult
from dicom_exporter.verdict.ladder import Verdict, highest, judge

_MARGIN = 0.5
"""Seconds that an address gets beyond the time to connect."""
_ATTEMPTS = 2
"""The first attempt has half of the time: with so many times the time to connect, silence is silence."""
_NO_CONNECTION = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE})


async def probe_exposure_everywhere(target: Target, module: Module, context: ProbeContext) -> SessionResult:
    """`probe_exposure` at each address of the target; the session is that of the address where it got furthest.

    `stranger` has the attempts at all of them, those of this address first.
    """
    found = await probe_each(
        target.address,
        context,
        lambda own: probe_exposure(target, module, own),
        at_least=_ATTEMPTS * context.connect_timeout + _MARGIN,
        is_furthest=lambda session: _proved(_verdict(session, module)) >= highest(_steps(module)),
    )
    if found.total > 1:
        _note_failed(target.address, context, found)
    doubts = found.doubts | context.notes.doubts
    if len(found.results) == 1 and not doubts:
        return found.results[0][1]
    judged = [(session, _verdict(session, module)) for _, session in found.results]
    sessions = [session for session, _ in sorted(judged, key=lambda each: -_proved(each[1]))]
    first = sessions[0]
    if len(sessions) > 1:
        context.phases.seconds.update(first.phases)
    for _, verdict in judged:
        doubts |= frozenset(verdict.reasons[LadderService.DIMSE])
    obsolete = [each.stranger.obsolete_tls_accepted for each in sessions if each.stranger is not None]
    known = [accepted for accepted in obsolete if accepted is not None]
    attempts = tuple(attempt for session in sessions for attempt in _attempts(session))
    stranger = StrangerResult(attempts, any(known) if known else None, doubts)
    return replace(first, stranger=stranger, phases=context.phases.seconds)


def _note_failed(address: Address, context: ProbeContext, found: EachAddress[SessionResult]) -> None:
    """Count the addresses that accept no connection, for the metrics."""
    record = context.record(address, found.total)
    for where, session in found.results:
        if where is not None and all(attempt.outcome in _NO_CONNECTION for attempt in _attempts(session)):
            record.failed.add(where)


def _attempts(session: SessionResult) -> tuple[Attempt, ...]:
    return session.stranger.attempts if session.stranger is not None else ()


def _verdict(session: SessionResult, module: Module) -> Verdict:
    """How far a stranger got at one address, and why it may be that others get further there."""
    verdict = judge([replace(session, prove=_steps(module))])
    assert verdict is not None
    return verdict


def _steps(module: Module) -> frozenset[LadderLevel]:
    return frozenset() if module.exposure is None else module.exposure.steps


def _proved(verdict: Verdict) -> int:
    return verdict.at_least.get(LadderService.DIMSE, -1)


async def probe_dicomweb_everywhere(target: Target, module: Module, context: ProbeContext) -> WebResult:
    """`probe_dicomweb`; for a stranger at each address of the root. The furthest of the results is returned."""
    if module.exposure is None:
        return await probe_dicomweb(target, module, context)
    prove_download, prove_identity = module.exposure.prove_download, module.exposure.prove_identity
    return await _furthest_result(
        target.dicomweb or "",
        context,
        lambda own: probe_dicomweb(target, module, own),
        lambda result: (
            result.lists_studies
            and (not prove_identity or bool(result.identity_seen))
            and (not prove_download or bool(result.image_received))
        ),
    )


async def probe_web_everywhere(target: Target, module: Module, context: ProbeContext) -> tuple[WebResult, ...]:
    """`probe_web` at each address of each page; the result of a page is that of the one where it got furthest."""
    results = []
    pages = target.web
    for index, page in enumerate(pages):
        one = replace(target, web=(page,))

        async def probe(own: ProbeContext, one: Target = one) -> WebResult:
            (result,) = await probe_web(one, module, own)
            return result

        own = context.until(1 / (len(pages) - index))
        results.append(await _furthest_result(page.url, own, probe, lambda result: result.lists_studies))
    return tuple(results)


async def _furthest_result(
    url: str,
    context: ProbeContext,
    probe: Callable[[ProbeContext], Awaitable[WebResult]],
    is_furthest: Callable[[WebResult], bool],
) -> WebResult:
    parts = URL(url)
    if not parts.raw_host or not parts.port:
        return await probe(context)
    named = (parts.raw_host, parts.port)

    async def probe_redirects_too(own: ProbeContext) -> WebResult:
        notes = ProbeNotes({where: record for where, record in own.notes.names.items() if where == named})
        return await _at_hosts_of_redirects(replace(own, notes=notes), probe, is_furthest)

    found = await probe_each(
        Address(*named),
        context,
        probe_redirects_too,
        at_least=PROOF_AMONG_SEVERAL + _MARGIN,
        is_furthest=is_furthest,
    )
    return _merged([result for _, result in found.results], found.doubts)


async def _at_hosts_of_redirects(
    own: ProbeContext,
    probe: Callable[[ProbeContext], Awaitable[WebResult]],
    is_furthest: Callable[[WebResult], bool],
) -> WebResult:
    """The furthest result of `probe` over the addresses of the hosts that redirects lead to; of most there is one."""
    loop = asyncio.get_running_loop()
    results = [await probe(own)]
    tried = set()
    while not is_furthest(results[-1]):
        left = [
            (host, address)
            for (host, _), record in own.notes.names.items()
            for address in record.untried
            if (host, address) not in tried
        ]
        if not left:
            break
        if len(results) == MAX_ADDRESSES or loop.time() >= own.deadline:
            own.notes.doubts.add(UnknownReason.ADDRESS_NOT_TRIED)
            break
        tried.add(left[0])
        results.append(await probe(own.at(*left[0], own.deadline)))
    return _merged(results, frozenset(own.notes.doubts))


def _merged(results: Sequence[WebResult], doubts: frozenset[UnknownReason]) -> WebResult:
    """The result that got furthest, with all that is in doubt about the others."""
    first, *others = sorted(results, key=_web_rank, reverse=True)
    for other in others:
        unknown = other.answer is WebAnswer.UNKNOWN and not other.doubts
        doubts |= {UnknownReason.ADDRESS_NOT_TRIED} if unknown else other.doubts
    if not doubts:
        return first
    # What one address refuses, another that is in doubt may allow.
    return replace(
        first,
        doubts=doubts | first.doubts,
        identity_seen=first.identity_seen or None,
        image_received=first.image_received or None,
    )


def _web_rank(result: WebResult) -> tuple[bool, bool, bool, bool, int]:
    return (
        bool(result.image_received),
        bool(result.identity_seen),
        result.lists_studies,
        result.queryable,
        result.answer.rank,
    )
