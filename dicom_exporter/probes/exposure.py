"""The two upper steps of the ladder, taken only where the config says so: who it is, and an image.

What arrives is looked at where it lies and dropped: a value is tested for being empty, an image for having begun.

How far somebody gets whom nobody knows: the `dimse` side of the exposure ladder.

```
random calling title ─┬─ configured called title, plain ── echo, C-FIND of a random UID, counts
                      │      ├─ aborted ──────── again with fewer SOP classes: some abort on what they do not like
                      │      └─ nothing DICOM ── the same over TLS, without a certificate of ours
                      ├─ a few well-known called titles (opt-in), where the configured one was refused as unknown
                      └─ random called title: is it checked at all?
```

One after the other, never two at once. Nothing is written, no credentials are tried, and every step is proved by what
came back. The verdict is not made here: see `exposure`.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from pynetdicom.presentation import StoragePresentationContexts

from dicom_exporter.config import Exposure, Identity, Level, Model, Query, Target
from dicom_exporter.dicom import uids
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.dicom.errors import NotOffered
from dicom_exporter.dicom.find import FindEnded
from dicom_exporter.dicom.operations import find, get_first_bytes
from dicom_exporter.dicom.requests import associate_request, encode_identifier
from dicom_exporter.dicom.uids import STUDY_FIND, STUDY_GET
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.net.resolver import literal
from dicom_exporter.net.timing import PhaseTimer
from dicom_exporter.net.tls import StrangerTLS, accepts_obsolete_tls
from dicom_exporter.probes.keys import SOP_CLASSES
from dicom_exporter.probes.session import Plan, Wire, endpoint, probe_session, random_title
from dicom_exporter.results import Attempt, Called, Outcome, SessionResult, StrangerResult, TLSFacts

_STUDY_UID = 0x0020000D
_IDENTITY = {0x00100010: "PatientName", 0x00100020: "PatientID", 0x00100030: "PatientBirthDate"}
_STORAGE = tuple(str(context.abstract_syntax) for context in StoragePresentationContexts[:120])
"""Nearly every Storage SOP class: an image can be sent only in a class that we take; 128 contexts are the most."""


async def probe_identity(plan: Plan, wire: Wire, deadline: float) -> bool | None:
    """Whether a match of a C-FIND carries a non-empty name, ID or birth date; None where it could not be told."""
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
    request = associate_request(_called(plan), random_title(), [STUDY_FIND])
    try:
        async with associate(
            endpoint(plan),
            request,
            PhaseTimer(),
            resolver=wire.resolver,
            deadline=deadline,
            connect_timeout=wire.connect_timeout,
            limits=wire.limits,
        ) as association:
            await find(association, STUDY_FIND, encode_identifier(keys), 1, consume)
    except (ProbeEnded, FindEnded):
        pass  # what was seen before it ended was seen
    return seen if matched else None


async def probe_download(plan: Plan, wire: Wire, deadline: float) -> bool | None:
    """Whether bytes of an image arrive by C-GET (PS3.4 C.4.3), aborted at the first; None where it could not be
    told.
    """
    proposed = [STUDY_FIND, STUDY_GET, *_STORAGE]
    request = associate_request(_called(plan), random_title(), proposed, scp_roles=_STORAGE)
    try:
        async with associate(
            endpoint(plan),
            request,
            PhaseTimer(),
            resolver=wire.resolver,
            deadline=deadline,
            connect_timeout=wire.connect_timeout,
            limits=wire.limits,
        ) as association:
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


def _called(plan: Plan) -> str:
    return plan.called_ae_title or plan.target.called_ae_title


WELL_KNOWN_TITLES = ("ANY-SCP", "ORTHANC", "DCM4CHEE", "CONQUESTSRV1", "DICOOGLE-STORAGE")
"""What every attacker tries: the defaults of common archives. Tried only where the target allows it."""
RANDOM_UID = "random_uid"
"""Name of the query that can have no match: an answer to it proves that queries are answered."""
CALLED_TITLE_UNKNOWN = "called-ae-title-not-recognized"

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


@dataclass(frozen=True, slots=True)
class Stranger:
    """What a stranger tries on one target."""

    target: Target
    identity: Identity
    now: datetime
    settings: Exposure


@dataclass(frozen=True, slots=True)
class _Try:
    """An attempt, the session it was, and how that was set up."""

    attempt: Attempt
    session: SessionResult
    plan: Plan

    @property
    def accepted(self) -> bool:
        return self.attempt.outcome is Outcome.SUCCESS


async def probe_stranger(stranger: Stranger, wire: Wire, deadline: float) -> SessionResult:
    """Climb as far as a stranger gets before `deadline` (loop time). Never raises for what a peer does."""
    loop = asyncio.get_running_loop()
    begun, timeout = time.perf_counter(), deadline - loop.time()
    tries = [await _climb(stranger, wire, _part(deadline, 0.5))]
    first = tries[0]
    if first.attempt.outcome is Outcome.ABORTED:
        tries.append(await _climb(stranger, wire, _part(deadline, 0.5), propose=(uids.STUDY_FIND,)))
    obsolete: bool | None = None
    if all(each.attempt.outcome in _NOTHING_DICOM for each in tries):
        tries.append(await _climb(stranger, wire, _part(deadline, 0.7), over_tls=True))
        if tries[-1].attempt.tls is not None:
            obsolete = await _obsolete(stranger, wire, _part(deadline, 0.5))
    if stranger.target.well_known_titles and _title_unknown(first.attempt):
        for title in WELL_KNOWN_TITLES:
            if title != stranger.target.called_ae_title:
                tries.append(await _climb(stranger, wire, _part(deadline, 0.5), title=title, called=Called.WELL_KNOWN))
                if tries[-1].accepted:
                    break
    over_tls = next((each for each in tries if each.attempt.tls is not None), first)
    best = next((each for each in tries if each.accepted), over_tls)
    if best.accepted or best.attempt.rejection is not None:
        tries.append(
            await _climb(
                stranger,
                wire,
                deadline,
                title=random_title(),
                called=Called.RANDOM,
                over_tls=best.attempt.over_tls,
                ask=False,
            )
        )
    attempts = [each.attempt for each in tries]
    if best.accepted:
        attempts[tries.index(best)] = await _prove(best, stranger.settings, wire, deadline)
    shown = {name: result for name, result in best.session.queries.items() if name != RANDOM_UID}
    return replace(
        best.session,
        queries=shown,
        duration=time.perf_counter() - begun,
        timeout=timeout,
        stranger=StrangerResult(tuple(attempts), obsolete),
    )


async def _climb(
    stranger: Stranger,
    wire: Wire,
    deadline: float,
    *,
    title: str | None = None,
    called: Called = Called.CONFIGURED,
    over_tls: bool = False,
    propose: tuple[str, ...] = _PROPOSED,
    ask: bool = True,
) -> _Try:
    """One attempt: associate, and `ask` what there is to ask."""
    tls = StrangerTLS(stranger.target.address.host) if over_tls else None
    plan = Plan(
        stranger.target,
        stranger.identity if stranger.identity.tls is None else replace(stranger.identity, tls=None),
        stranger.now,
        echo=True,
        queries=_questions(stranger.settings.max_matches, propose) if ask else (),
        propose=propose if ask else (),
        tls=tls.client if tls is not None else None,
        called_ae_title=title,
        give_up_on_abort=True,
    )
    session = await probe_session(plan, wire, deadline)
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
    return _Try(attempt, session, plan)


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


async def _prove(best: _Try, settings: Exposure, wire: Wire, deadline: float) -> Attempt:
    """The upper steps, where the config asks for them and studies are listed at all."""
    studies = best.attempt.queries.get("studies")
    if studies is None or not studies.matches:
        return best.attempt
    seen = await probe_identity(best.plan, wire, deadline) if settings.prove_identity else None
    received = await probe_download(best.plan, wire, deadline) if settings.prove_download else None
    return replace(best.attempt, identity_seen=seen, image_received=received)


async def _obsolete(stranger: Stranger, wire: Wire, deadline: float) -> bool | None:
    address = stranger.target.address
    try:
        place = literal(address.host, address.port) or await wire.resolver.resolve(
            address.host, address.port, stranger.target.ip_version
        )
        async with wire.limits.lock_address(place, deadline):
            return await accepts_obsolete_tls(
                place, address.host, connect_timeout=wire.connect_timeout, deadline=deadline
            )
    except ProbeEnded:
        return None


def _title_unknown(attempt: Attempt) -> bool:
    return attempt.rejection is not None and attempt.rejection.reason == CALLED_TITLE_UNKNOWN


def _part(deadline: float, share: float) -> float:
    """A deadline before `deadline`, so that one silent attempt leaves time for the next."""
    now = asyncio.get_running_loop().time()
    return now + (deadline - now) * share
