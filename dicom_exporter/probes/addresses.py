"""The probes of a stranger, at each address of the name that they go to: the furthest counts.

A name leads to all of its addresses, and which one somebody is sent to is chance. So nobody is kept out if one of
them lets people in, and a name is closed only if all of its addresses are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from yarl import URL

from dicom_exporter.config import Address, Exposure, Module, Target
from dicom_exporter.net.addresses import EachAddress, probe_each
from dicom_exporter.net.context import ProbeContext, ProbeNotes
from dicom_exporter.net.resolver import MAX_ADDRESSES
from dicom_exporter.probes.dicomweb import probe_dicomweb
from dicom_exporter.probes.exposure import probe_exposure
from dicom_exporter.probes.web_page import probe_web
from dicom_exporter.results import (
    Attempt,
    Outcome,
    SessionResult,
    StrangerResult,
    UnknownReason,
    WebAnswer,
    WebResult,
)

_MARGIN = 0.5
"""Seconds that an address gets beyond the time to connect."""
_ATTEMPTS = 2
"""The first attempt has half of the time: with so many times the time to connect, silence is silence."""
_NO_CONNECTION = frozenset({Outcome.REFUSED, Outcome.CONNECT_TIMEOUT, Outcome.UNREACHABLE})
_DOUBTS = {
    Outcome.DNS_FAILURE: UnknownReason.DNS_FAILURE,
    Outcome.UNREACHABLE: UnknownReason.UNREACHABLE,
    Outcome.OVERLOAD: UnknownReason.OVERLOAD,
    Outcome.BUSY: UnknownReason.BUSY,
    Outcome.NO_ANSWER: UnknownReason.TIMEOUT,
}
_WEB_ORDER = (
    WebAnswer.CLOSED,
    WebAnswer.UNKNOWN,
    WebAnswer.NOT_HTTP,
    WebAnswer.OTHER,
    WebAnswer.DENIED,
    WebAnswer.EMPTY,
    WebAnswer.ENTRIES,
)
"""From the least to the most that a stranger gets."""


async def probe_exposure_everywhere(target: Target, module: Module, context: ProbeContext) -> SessionResult:
    """`probe_exposure` at each address of the target; the session is that of the address where it got furthest.

    `stranger` has the attempts at all of them, those of this address first.
    """
    found = await probe_each(
        target.address,
        context,
        lambda own: probe_exposure(target, module, own),
        at_least=_ATTEMPTS * context.connect_timeout + _MARGIN,
        is_furthest=lambda session: _is_furthest_session(session, module),
    )
    elsewhere = set(found.doubts)
    (_, first), *others = sorted(found.results, key=lambda result: -_rank(result[1]))
    if found.total > 1:
        _note_failed(target.address, context, found)
    if others:
        context.phases.seconds.update(first.phases)
        elsewhere |= {doubt for _, session in others for doubt in _doubts(session)}
    if not others and not elsewhere and not context.notes.doubts:
        return first
    sessions = (first, *(session for _, session in others))
    obsolete = [each.stranger.obsolete_tls_accepted for each in sessions if each.stranger is not None]
    known = [accepted for accepted in obsolete if accepted is not None]
    attempts = tuple(attempt for session in sessions for attempt in _attempts(session))
    if found.total > 1:
        attempts = _without_refusals_in_doubt(attempts, module.exposure or Exposure(), frozenset(elsewhere))
    doubts = context.notes.doubts | elsewhere
    doubts |= {doubt for session in sessions if session.stranger is not None for doubt in session.stranger.doubts}
    stranger = StrangerResult(attempts, any(known) if known else None, frozenset(doubts))
    return replace(first, stranger=stranger, phases=context.phases.seconds)


def _without_refusals_in_doubt(
    attempts: tuple[Attempt, ...], settings: Exposure, elsewhere: frozenset[UnknownReason]
) -> tuple[Attempt, ...]:
    """`attempts`, if that one address names nobody or sends no image is not known to hold for another in doubt.

    `elsewhere` is what is in doubt about other addresses as a whole.
    """
    listing = [attempt for attempt in attempts if any(query.matches for query in attempt.queries.values())]
    identity = settings.prove_identity and (elsewhere or any(each.identity_seen is None for each in listing))
    image = settings.prove_download and (elsewhere or any(each.image_received is None for each in listing))
    if not identity and not image:
        return attempts
    return tuple(
        replace(
            attempt,
            identity_seen=attempt.identity_seen or None if identity else attempt.identity_seen,
            image_received=attempt.image_received or None if image else attempt.image_received,
            doubts=attempt.doubts | elsewhere,
        )
        if attempt in listing
        else attempt
        for attempt in attempts
    )


def _note_failed(address: Address, context: ProbeContext, found: EachAddress[SessionResult]) -> None:
    """Count the addresses that accept no connection, for the metrics."""
    record = context.record(address, found.total)
    for where, session in found.results:
        if where is not None and all(attempt.outcome in _NO_CONNECTION for attempt in _attempts(session)):
            record.failed.add(where)


def _attempts(session: SessionResult) -> tuple[Attempt, ...]:
    return session.stranger.attempts if session.stranger is not None else ()


def _rank(session: SessionResult) -> int:
    return max((_step(attempt) for attempt in _attempts(session)), default=-1)


def _step(attempt: Attempt) -> int:
    """How far an attempt got, to compare addresses by. What that proves is for `verdict.ladder` to say."""
    if attempt.outcome is Outcome.SUCCESS:
        if attempt.image_received:
            return 7
        if attempt.identity_seen:
            return 6
        if any(query.matches for query in attempt.queries.values()):
            return 5
        return 4 if any(query.outcome.is_success for query in attempt.queries.values()) else 3
    if attempt.outcome in (Outcome.DNS_FAILURE, Outcome.OVERLOAD, Outcome.UNREACHABLE):
        return -1
    if attempt.outcome in (Outcome.REFUSED, Outcome.CONNECT_TIMEOUT):
        return 0
    required = attempt.tls is not None and attempt.tls.client_certificate_required
    return 2 if required or attempt.outcome in (Outcome.REJECTED, Outcome.ABORTED, Outcome.BUSY) else 1


def _is_furthest_session(session: SessionResult, module: Module) -> bool:
    """Whether no other address can bring more than this one did."""
    settings = module.exposure
    if settings is not None and settings.prove_download:
        return _rank(session) == 7
    return _rank(session) >= (6 if settings is not None and settings.prove_identity else 5)


def _doubts(session: SessionResult) -> set[UnknownReason]:
    """What is in doubt about an address by how the furthest attempt there ended."""
    furthest = max(_attempts(session), key=_step, default=None)
    if furthest is None:
        return {UnknownReason.ADDRESS_NOT_TRIED}
    doubt = _DOUBTS.get(furthest.outcome)
    return set() if doubt is None else {doubt}


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

    async def probe_redirects_too(own: ProbeContext) -> WebResult:
        return await _at_hosts_of_redirects(own, probe, is_furthest)

    found = await probe_each(
        Address(parts.raw_host, parts.port),
        context,
        probe_redirects_too,
        at_least=context.connect_timeout + _MARGIN,
        is_furthest=is_furthest,
    )
    return _merged([result for _, result in found.results], found.doubts)


async def _at_hosts_of_redirects(
    context: ProbeContext,
    probe: Callable[[ProbeContext], Awaitable[WebResult]],
    is_furthest: Callable[[WebResult], bool],
) -> WebResult:
    """The furthest result of `probe` over the addresses of the hosts that redirects lead to; of most there is one."""
    own = replace(context, notes=ProbeNotes())
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
        if len(results) == MAX_ADDRESSES or loop.time() >= context.deadline:
            own.notes.doubts.add(UnknownReason.ADDRESS_NOT_TRIED)
            break
        tried.add(left[0])
        results.append(await probe(own.at(*left[0], context.deadline)))
    return _merged(results, frozenset(own.notes.doubts))


def _merged(results: Sequence[WebResult], doubts: frozenset[UnknownReason]) -> WebResult:
    """The result that got furthest, with all that is in doubt about the others."""
    first, *others = sorted(results, key=_web_rank, reverse=True)
    doubts |= first.doubts
    for other in others:
        unknown = other.answer is WebAnswer.UNKNOWN and not other.doubts
        doubts |= {UnknownReason.ADDRESS_NOT_TRIED} if unknown else other.doubts
    if doubts == first.doubts:
        return first
    # What one address refuses, another that is in doubt may allow.
    return replace(
        first, doubts=doubts, identity_seen=first.identity_seen or None, image_received=first.image_received or None
    )


def _web_rank(result: WebResult) -> tuple[bool, bool, bool, bool, int]:
    return (
        bool(result.image_received),
        bool(result.identity_seen),
        result.lists_studies,
        result.queryable,
        _WEB_ORDER.index(result.answer),
    )
