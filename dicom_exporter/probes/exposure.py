"""How far a stranger gets at a DICOM port: the `dimse` side of the exposure ladder.

```
random calling title ─┬─ configured called title, plain ── echo and C-FINDs: see `questions`
                      │      ├─ aborted ──────── again with fewer SOP classes: some abort on what they do not like
                      │      └─ nothing DICOM ── the same over TLS, without a certificate of ours
      │                └─ closed, too ── does the port close before anything is sent?
                      ├─ a few well-known called titles (opt-in), if the configured one was refused as unknown
                      └─ random called title: is it checked at all?

with `prove`, on the attempt that was accepted: see `proofs`
```

One association after the other, never two at once. Nothing is written, no credentials are tried, and every step is
proved by what came back. What ended by our doing, or by the moment, is in `Attempt.doubts`. The level is decided in
`verdict.ladder`, not here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from dicom_exporter.config import Exposure, Module, Target
from dicom_exporter.dicom import uids
from dicom_exporter.enums import Called, Outcome, RejectReason, Service, TLSFailure, UnknownReason
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.net.tcp import closes_unasked
from dicom_exporter.net.tls import StrangerTLS, accepts_obsolete_tls
from dicom_exporter.probes.proofs import Proof, identity_seen, image_received, retrieve_authorised
from dicom_exporter.probes.questions import PATIENTS, RANDOM_UID, STUDIES, WORKLIST, ask, doubt_of, questions
from dicom_exporter.probes.session import random_title
from dicom_exporter.results import Attempt, SessionResult, StrangerResult, TLSFacts

WELL_KNOWN_TITLES = ("ANY-SCP", "ORTHANC", "DCM4CHEE", "CONQUESTSRV1", "DICOOGLE-STORAGE")
"""What every attacker tries: the defaults of common archives. Tried only if the target allows it."""

_PROPOSED = (
    uids.STUDY_FIND,
    uids.PATIENT_FIND,
    uids.WORKLIST_FIND,
    uids.STUDY_GET,
    uids.STUDY_MOVE,
    *uids.STORAGE,
)
_NOTHING_DICOM = frozenset(
    {Outcome.NOT_DICOM, Outcome.CLOSED, Outcome.NO_ANSWER, Outcome.PROTOCOL_ERROR, Outcome.PROXY_FAILURE}
)
"""Connected, or perhaps, and then nothing that proves DICOM: it may be spoken under TLS."""
_NO_FACTS = TLSFacts(version=None, cipher=None)
_NAMED_BY = {
    STUDIES: uids.STUDY_FIND,
    RANDOM_UID: uids.STUDY_FIND,
    PATIENTS: uids.PATIENT_FIND,
    WORKLIST: uids.WORKLIST_FIND,
}
"""Question that brought a match -> the SOP class in which to ask for names."""
_NO_NAME_HELPS = frozenset({TLSFailure.NOT_TLS, TLSFailure.CERTIFICATE_DEMANDED})
_SHARE = 0.5
"""Share of the time left that one attempt may take, so that a silent one leaves time for the next."""
_SHARE_OVER_TLS = 0.7
_MARGIN = 0.5
"""Seconds beyond the connect timeout that an attempt has at least: an archive that drops our SYN has to read closed."""
_UNASKED = 1.0
"""Seconds in which a port that closes every connection has to do so."""
_SHARE_OF_QUESTIONS = 0.8
"""Share of the time left that all questions of an attempt that was accepted may take."""


@dataclass(frozen=True, slots=True)
class _Try:
    """An attempt, the session it was, and whom it called, how."""

    attempt: Attempt
    session: SessionResult
    target: Target
    """With the called AE title of the attempt."""
    context: ProbeContext
    """With the TLS of the attempt."""

    @property
    def accepted(self) -> bool:
        return self.attempt.outcome is Outcome.SUCCESS


async def probe_exposure(target: Target, module: Module, context: ProbeContext) -> SessionResult:
    """Go as far as a stranger gets, with the settings in `module.exposure`. Never raises for what a peer does.

    The session is that of the attempt that got furthest; `stranger` has all of them.
    """
    settings = module.exposure or Exposure()
    tries = await _attempts(target, settings, context)
    first = tries[0]
    obsolete: bool | None = None
    if all(each.attempt.outcome in _NOTHING_DICOM for each in tries):
        over_tls, context = await _attempts_over_tls(target, settings, context)
        closed = over_tls[-1].attempt.outcome in (Outcome.TLS_FAILURE, Outcome.CLOSED)
        if not (closed and first.attempt.outcome is Outcome.CLOSED and await _hangs_up(target, context)):
            tries += over_tls
        if not settings.tls and _speaks_tls(tries[-1].attempt):  # else `tls_posture` finds out
            obsolete = await accepts_obsolete_tls(target.address, context.until(_SHARE))
    if target.well_known_titles and _title_unknown(first.attempt):
        for title in WELL_KNOWN_TITLES:
            if title != target.called_ae_title:
                called = replace(target, called_ae_title=title)
                tries += await _attempts(called, settings, context, called=Called.WELL_KNOWN)
                if tries[-1].accepted:
                    break
    speaking = next((each for each in tries if _speaks_tls(each.attempt)), first)
    best = next((each for each in tries if each.accepted), speaking)
    if best.accepted or best.attempt.rejection is not None:
        unlisted = replace(target, called_ae_title=random_title())
        tls = best.attempt.over_tls
        tries.append(await _attempt(unlisted, settings, context, called=Called.RANDOM, over_tls=tls, questioned=False))
    attempts = [each.attempt for each in tries]
    if best.accepted:
        attempts[tries.index(best)] = await _retrieve(best, settings, await _prove(best, settings, context.deadline))
    context.phases.seconds.update(best.session.phases)
    return replace(
        best.session,
        queries={name: result for name, result in best.session.queries.items() if name != RANDOM_UID},
        stranger=StrangerResult(tuple(attempts), obsolete),
    )


async def _attempts(
    target: Target,
    settings: Exposure,
    context: ProbeContext,
    *,
    called: Called = Called.CONFIGURED,
    over_tls: bool = False,
) -> list[_Try]:
    """One attempt, and a second one with fewer SOP classes if the first is aborted or closed.

    Some archives abort on what they do not like, and some hang up.
    """
    tries = [await _attempt(target, settings, context, called=called, over_tls=over_tls)]
    tls = tries[0].attempt.tls
    demanded = tls is not None and tls.client_certificate_required
    if tries[0].attempt.outcome in (Outcome.ABORTED, Outcome.CLOSED) and not demanded:
        fewer = (uids.STUDY_FIND,)
        tries.append(await _attempt(target, settings, context, called=called, over_tls=over_tls, propose=fewer))
    return tries


def _speaks_tls(attempt: Attempt) -> bool:
    tls = attempt.tls
    return tls is not None and (tls.version is not None or bool(tls.client_certificate_required))


async def _attempts_over_tls(
    target: Target, settings: Exposure, context: ProbeContext
) -> tuple[list[_Try], ProbeContext]:
    """The attempts over TLS under the first server name that is not refused, and the context with that name.

    A gateway may know the server by its name alone, which is no secret: certificates say it to everybody (RFC 6066 3).
    """
    refused: tuple[_Try, ProbeContext] | None = None
    for name in context.server_names or (target.address.host,):
        named = replace(context, server_name=name)
        tries = await _attempts(target, settings, named, over_tls=True)
        last = tries[-1].attempt
        handshake_failed = last.outcome is Outcome.TLS_FAILURE and last.tls is not None
        if not handshake_failed or _speaks_tls(last) or (last.tls is not None and last.tls.failure in _NO_NAME_HELPS):
            return tries, named
        refused = refused or (tries[-1], named)
    assert refused is not None
    tried, named = refused
    doubts = tried.attempt.doubts | {UnknownReason.TLS_HANDSHAKE}
    return [replace(tried, attempt=replace(tried.attempt, doubts=doubts))], named


async def _attempt(
    target: Target,
    settings: Exposure,
    context: ProbeContext,
    *,
    called: Called = Called.CONFIGURED,
    over_tls: bool = False,
    propose: tuple[str, ...] = _PROPOSED,
    questioned: bool = True,
) -> _Try:
    """One attempt: associate, and propose and ask what there is; only the echo if it is not `questioned`."""
    tls = StrangerTLS() if over_tls else None
    share = 1.0 if not questioned else _SHARE_OVER_TLS if over_tls else _SHARE
    first = context.share_of_time(share, at_least=context.connect_timeout + _MARGIN)
    own = context.as_stranger(None if tls is None else tls.context, first)
    proposed, asked = (propose, questions(settings.max_matches)) if questioned else ((), ())
    session, doubts = await ask(target, own, context.share_of_time(_SHARE_OF_QUESTIONS, 0.0), proposed, asked)
    accepted = session.peer is not None
    outcome = Outcome.SUCCESS if accepted or session.echo is None else session.echo.outcome
    facts = session.tls
    if tls is not None and tls.certificate_requested:
        # With TLS 1.3 the refusal comes after the handshake: as an alert, or as the end that overtook the alert.
        demanded = outcome in (Outcome.TLS_FAILURE, Outcome.CLOSED)
        facts = replace(facts or _NO_FACTS, client_certificate_required=demanded)
        session = replace(session, tls=facts)
    attempt = Attempt(
        outcome=outcome,
        called=called,
        over_tls=over_tls,
        rejection=session.rejection,
        echo=session.echo if accepted else None,
        services=session.services,
        queries=session.queries,
        tls=facts,
        doubts=doubts,
    )
    return _Try(attempt, session, target, own)


async def _hangs_up(target: Target, context: ProbeContext) -> bool:
    """Whether the port closes a connection before it knows what the client speaks: so TLS gets nobody further."""
    try:
        address = (await context.with_own_phases().resolve(target.address)).addresses[0]
        async with context.limits.lock_address(address, context.deadline, context.turn):
            return await closes_unasked(address, context.connect_timeout, _UNASKED)
    except ProbeEnded:
        return False


def _title_unknown(attempt: Attempt) -> bool:
    reason = attempt.rejection.reason if attempt.rejection is not None else None
    return reason is RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED


async def _prove(best: _Try, settings: Exposure, deadline: float) -> Attempt:
    """The two upper steps, if the configuration asks for them and something was listed at all."""
    attempt = best.attempt
    listed = [name for name, result in attempt.queries.items() if result.matches]
    if not listed:
        return attempt
    context = replace(best.context, deadline=deadline).with_own_phases()
    doubts = set(attempt.doubts)
    seen = received = None
    if settings.prove_identity:
        part = context.until(_SHARE) if settings.prove_download else context
        seen, reasons = await _identity(best.target, part, attempt)
        doubts |= reasons
    if settings.prove_download:
        if STUDIES in listed or RANDOM_UID in listed:
            received, reasons = await image_received(best.target, context)
            doubts |= reasons
        elif attempt.services.get(Service.STUDY_GET) is False:
            received = False
        elif PATIENTS in listed:
            doubts.add(UnknownReason.NOT_ASKED)  # by a patient's ID, which we do not keep, one may get to the studies
        else:
            reasons = _doubts_of(attempt, STUDIES, PATIENTS)
            doubts |= reasons
            received = None if reasons else False  # it lists no study to fetch
    return replace(attempt, identity_seen=seen, image_received=received, doubts=frozenset(doubts))


async def _retrieve(best: _Try, settings: Exposure, attempt: Attempt) -> Attempt:
    """Whether a stranger may retrieve, if the configuration asks for it."""
    if not settings.surface or not attempt.services.get(Service.STUDY_GET):
        return attempt
    authorised = attempt.image_received or await retrieve_authorised(best.target, best.context.with_own_phases())
    return replace(attempt, retrieve_authorised=authorised)


async def _identity(target: Target, context: ProbeContext, attempt: Attempt) -> Proof:
    """Whether any of the questions that brought matches brings a name; the names may be in the worklist alone."""
    doubts: set[UnknownReason] = set()
    listed = {sop_class: None for name, sop_class in _NAMED_BY.items() if _listed(attempt, name)}
    for sop_class in listed:
        seen, reasons = await identity_seen(target, context.until(_SHARE), sop_class)
        if seen:
            return seen, reasons
        doubts |= reasons
    empty = [name for name, result in attempt.queries.items() if name != RANDOM_UID and not result.matches]
    doubts |= _doubts_of(attempt, *empty)  # each may have names to list
    return (None if doubts else False), frozenset(doubts)


def _doubts_of(attempt: Attempt, *names: str) -> frozenset[UnknownReason]:
    """Why another client may get another answer to the questions with these `names`."""
    found = [doubt_of(attempt.queries[name]) for name in names if name in attempt.queries]
    return frozenset(reason for reason in found if reason is not None)


def _listed(attempt: Attempt, name: str) -> bool:
    return name in attempt.queries and bool(attempt.queries[name].matches)
