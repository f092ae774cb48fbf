"""How far a stranger gets at a DICOM port: the `dimse` side of the exposure ladder.

```
random calling title ─┬─ configured called title, plain ── echo, C-FIND of a random UID, counts
                      │      ├─ aborted ──────── again with fewer SOP classes: some abort on what they do not like
                      │      └─ nothing DICOM ── the same over TLS, without a certificate of ours
                      ├─ a few well-known called titles (opt-in), where the configured one was refused as unknown
                      └─ random called title: is it checked at all?

with `prove`, on the attempt that was accepted:  a C-FIND for names, a C-GET of the first bytes of an image
```

One association after the other, never two at once. Nothing is written, no credentials are tried, and every step is
proved by what came back. What arrives is looked at and dropped: a value is only tested for being empty, an image for
having begun. The level is decided in `verdict.ladder`, not here.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from functools import lru_cache

from pynetdicom.presentation import StoragePresentationContexts

from dicom_exporter.config import Exposure, Level, Model, Module, Query, Target
from dicom_exporter.dicom import uids
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.dicom.errors import NotOffered
from dicom_exporter.dicom.find import FindEnded
from dicom_exporter.dicom.operations import find, get_first_bytes
from dicom_exporter.dicom.requests import encode_identifier
from dicom_exporter.dicom.uids import STUDY_FIND, STUDY_GET, VERIFICATION
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.net.tls import StrangerTLS, accepts_obsolete_tls
from dicom_exporter.probes.keys import SOP_CLASSES
from dicom_exporter.probes.session import offer, random_title, run_session
from dicom_exporter.results import (
    Attempt,
    Called,
    Outcome,
    RejectReason,
    SessionResult,
    StrangerResult,
    TLSFacts,
    TLSFailure,
    UnknownReason,
)

WELL_KNOWN_TITLES = ("ANY-SCP", "ORTHANC", "DCM4CHEE", "CONQUESTSRV1", "DICOOGLE-STORAGE")
"""What every attacker tries: the defaults of common archives. Tried only where the target allows it."""
RANDOM_UID = "random_uid"
"""Name of the query that can have no match: an answer to it proves that queries are answered."""

_PROPOSED = (
    uids.STUDY_FIND,
    uids.PATIENT_FIND,
    uids.WORKLIST_FIND,
    uids.STUDY_GET,
    uids.STUDY_MOVE,
    *uids.STORAGE,
)
_NOTHING_DICOM = frozenset({Outcome.NOT_DICOM, Outcome.CLOSED, Outcome.NO_ANSWER, Outcome.PROTOCOL_ERROR})
"""Connected, and then nothing that proves DICOM: it may be spoken under TLS."""
_NO_FACTS = TLSFacts(version=None, cipher=None)
_NO_NAME_HELPS = frozenset({TLSFailure.NOT_TLS, TLSFailure.CERTIFICATE_DEMANDED})
_STUDY_UID = 0x0020000D
_IDENTITY = {0x00100010: "PatientName", 0x00100020: "PatientID", 0x00100030: "PatientBirthDate"}
_STORAGE = tuple(str(context.abstract_syntax) for context in StoragePresentationContexts[:120])
"""Nearly every Storage SOP class: an image can be sent only in a class that we take; 128 contexts are the most."""
_SHARE = 0.5
"""Share of the time left that one attempt may take, so that a silent one leaves time for the next."""
_SHARE_OVER_TLS = 0.7


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
    tries = [await _attempt(target, settings, context.until(_SHARE))]
    first = tries[0]
    if first.attempt.outcome is Outcome.ABORTED:
        tries.append(await _attempt(target, settings, context.until(_SHARE), propose=(uids.STUDY_FIND,)))
    obsolete: bool | None = None
    if all(each.attempt.outcome in _NOTHING_DICOM for each in tries):
        over_tls, context = await _attempt_over_tls(target, settings, context)
        tries.append(over_tls)
        if _speaks_tls(over_tls.attempt):
            obsolete = await accepts_obsolete_tls(target.address, context.until(_SHARE))
    if target.well_known_titles and _title_unknown(first.attempt):
        for title in WELL_KNOWN_TITLES:
            if title != target.called_ae_title:
                called = replace(target, called_ae_title=title)
                tries.append(await _attempt(called, settings, context.until(_SHARE), called=Called.WELL_KNOWN))
                if tries[-1].accepted:
                    break
    speaking = next((each for each in tries if _speaks_tls(each.attempt)), first)
    best = next((each for each in tries if each.accepted), speaking)
    if best.accepted or best.attempt.rejection is not None:
        unlisted = replace(target, called_ae_title=random_title())
        tls = best.attempt.over_tls
        tries.append(await _attempt(unlisted, settings, context, called=Called.RANDOM, over_tls=tls, ask=False))
    attempts = [each.attempt for each in tries]
    if best.accepted:
        attempts[tries.index(best)] = await _prove(best, settings, context.deadline)
    context.phases.seconds.update(best.session.phases)
    return replace(
        best.session,
        queries={name: result for name, result in best.session.queries.items() if name != RANDOM_UID},
        stranger=StrangerResult(tuple(attempts), obsolete),
    )


def _speaks_tls(attempt: Attempt) -> bool:
    tls = attempt.tls
    return tls is not None and (tls.version is not None or bool(tls.client_certificate_required))


async def _attempt_over_tls(target: Target, settings: Exposure, context: ProbeContext) -> tuple[_Try, ProbeContext]:
    """The attempt over TLS under the first server name that is not refused, and the context with that name.

    A gateway may know the server by its name alone, which is no secret: certificates say it to everybody (RFC 6066 3).
    """
    until = context.until(_SHARE_OVER_TLS).deadline
    refused: tuple[_Try, ProbeContext] | None = None
    for name in context.server_names or (target.address.host,):
        named = replace(context, server_name=name)
        tried = await _attempt(target, settings, replace(named, deadline=until), over_tls=True)
        tls = tried.attempt.tls
        handshake_failed = tried.attempt.outcome is Outcome.TLS_FAILURE and tls is not None
        if not handshake_failed or (tls is not None and (_speaks_tls(tried.attempt) or tls.failure in _NO_NAME_HELPS)):
            return tried, named
        refused = refused or (tried, named)
    assert refused is not None
    tried, named = refused
    doubts = tried.attempt.doubts | {UnknownReason.TLS_HANDSHAKE}
    return replace(tried, attempt=replace(tried.attempt, doubts=doubts)), named


async def _attempt(
    target: Target,
    settings: Exposure,
    context: ProbeContext,
    *,
    called: Called = Called.CONFIGURED,
    over_tls: bool = False,
    propose: tuple[str, ...] = _PROPOSED,
    ask: bool = True,
) -> _Try:
    """One attempt: associate, and with `ask` propose and query what there is; else only the echo."""
    tls = StrangerTLS() if over_tls else None
    own = context.with_own_phases().as_stranger(None if tls is None else tls.context)
    queries = _questions(settings.max_matches, propose) if ask else ()
    module = Module(
        "exposure", identity=own.identity.name, queries={query.name: query for query in queries}, exposure=settings
    )
    session = await run_session(target, module, own, (VERIFICATION, *propose) if ask else (VERIFICATION,))
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
    )
    return _Try(attempt, session, target, own)


def _questions(max_matches: int, proposed: tuple[str, ...]) -> tuple[Query, ...]:
    """What a stranger asks, from the least to the most."""
    if SOP_CLASSES[Model.STUDY_ROOT] not in proposed:
        return _listings(max_matches, proposed)
    uid = f"2.25.{uuid.uuid4().int}"
    unlikely = Query(RANDOM_UID, Model.STUDY_ROOT, Level.STUDY, match={"StudyInstanceUID": uid}, max_matches=1)
    return (unlikely, *_listings(max_matches, proposed))


@lru_cache
def _listings(max_matches: int, proposed: tuple[str, ...]) -> tuple[Query, ...]:
    questions = (
        Query("worklist", Model.WORKLIST, None, max_matches=max_matches),
        Query("studies", Model.STUDY_ROOT, Level.STUDY, max_matches=max_matches),
        Query("patients", Model.PATIENT_ROOT, Level.PATIENT, max_matches=max_matches),
    )
    return tuple(question for question in questions if SOP_CLASSES[question.model] in proposed)


def _title_unknown(attempt: Attempt) -> bool:
    reason = attempt.rejection.reason if attempt.rejection is not None else None
    return reason is RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED


async def _prove(best: _Try, settings: Exposure, deadline: float) -> Attempt:
    """The two upper steps, where the configuration asks for them and studies are listed at all."""
    studies = best.attempt.queries.get("studies")
    if studies is None or not studies.matches:
        return best.attempt
    context = replace(best.context, deadline=deadline).with_own_phases()
    seen = await _identity_seen(best.target, context) if settings.prove_identity else None
    received = await _image_received(best.target, context) if settings.prove_download else None
    return replace(best.attempt, identity_seen=seen, image_received=received)


async def _identity_seen(target: Target, context: ProbeContext) -> bool | None:
    """Whether a match of a C-FIND carries a non-empty name, ID or birth date; None where that is not known."""
    seen = False
    matched = False

    def consume(data: bytes) -> None:
        nonlocal seen, matched
        matched = True
        try:
            seen = seen or any(value.strip(b" \0^") for value in find_values(data, _IDENTITY).values())
        except MalformedDataset:
            pass

    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": "", **dict.fromkeys(_IDENTITY.values(), "")}
    request = offer(target, context, [STUDY_FIND])
    try:
        async with associate(target.address, request, context) as association:
            await find(association, STUDY_FIND, encode_identifier(keys), 1, consume)
    except (ProbeEnded, FindEnded):
        pass  # what was seen before it ended was seen
    return seen if matched else None


async def _image_received(target: Target, context: ProbeContext) -> bool | None:
    """Whether bytes of an image arrive by C-GET (PS3.4 C.4.3), aborted at the first; None where that is
    not known.
    """
    request = offer(target, context, [STUDY_FIND, STUDY_GET, *_STORAGE], scp_roles=_STORAGE)
    try:
        async with associate(target.address, request, context) as association:
            study = await _first_study(association)
            if not study:
                return None
            keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study}
            return await get_first_bytes(association, STUDY_GET, encode_identifier(keys))
    except NotOffered:
        return False
    except (ProbeEnded, FindEnded):
        return None


async def _first_study(association: Connection) -> str:
    """The UID of some study. It leaves this module only towards the archive that it came from."""
    studies: list[bytes] = []

    def consume(data: bytes) -> None:
        try:
            studies.append(find_values(data, (_STUDY_UID,)).get(_STUDY_UID, b""))
        except MalformedDataset:
            pass

    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}
    await find(association, STUDY_FIND, encode_identifier(keys), 1, consume)
    uid = studies[0].strip(b" \0") if studies else b""
    return uid.decode("ascii") if uid.isascii() and uid.replace(b".", b"").isdigit() else ""
