"""The two upper steps of the exposure ladder over DICOM: a match identifies a patient, an image arrives.

```
identity   C-FIND for names ─> is one of the values not empty?
download   C-FIND of a study, a series of it, an instance of that ─> UIDs and SOP classes alone
           C-GET of the study, offering those SOP classes in every transfer syntax ─> A-ABORT at the first bytes
```

With `surface`, a C-GET for a study that cannot exist moves nothing: it shows whether a stranger may retrieve.

What arrives is looked at and dropped: a value is only tested for being empty, an image for having begun.

An archive can send an image only to a client that takes its SOP class, in a transfer syntax that the archive can send.
One that sends nothing because of what we offer has not refused: that is a doubt (`not_offered`). C-MOVE is never tried,
as it sends to another application entity: only `retrieve_negotiable` says whether it is offered.
"""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from dicom_exporter.config import Target
from dicom_exporter.dicom.associate import associate
from dicom_exporter.dicom.connection import Connection
from dicom_exporter.dicom.dataset import MalformedDataset, find_values
from dicom_exporter.dicom.errors import LimitExceeded, NotOffered
from dicom_exporter.dicom.find import FindEnded
from dicom_exporter.dicom.operations import GetResult, find, get_first_bytes
from dicom_exporter.dicom.requests import ProposedContext, encode_dataset
from dicom_exporter.dicom.uids import (
    PATIENT_FIND,
    STORAGE_CLASSES,
    STORAGE_OF_MODALITY,
    STORAGE_SYNTAXES,
    STUDY_FIND,
    STUDY_GET,
    WORKLIST_FIND,
)
from dicom_exporter.enums import Outcome, QueryOutcome, UnknownReason
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.errors import ProbeEnded
from dicom_exporter.probes.query import outcome_of
from dicom_exporter.probes.session import offer

Proof = tuple[bool | None, frozenset[UnknownReason]]
"""Whether it was proved; and where that is not known, why."""

_PROVED: Proof = (True, frozenset())
_REFUSED: Proof = (False, frozenset())
"""By the peer's doing."""
_SHARE = 0.6
"""Share of the time left for the first try of something that may be tried a second time."""
_ABORTED = frozenset({Outcome.ABORTED, Outcome.CLOSED})
_REASONS: Mapping[Outcome, UnknownReason] = {
    Outcome.NO_ANSWER: UnknownReason.TIMEOUT,
    Outcome.CONNECT_TIMEOUT: UnknownReason.TIMEOUT,
    Outcome.OVERLOAD: UnknownReason.OVERLOAD,
    Outcome.PROXY_FAILURE: UnknownReason.VANTAGE,
    Outcome.BUSY: UnknownReason.BUSY,
    Outcome.PROTOCOL_ERROR: UnknownReason.UNREADABLE,
    Outcome.NOT_OFFERED: UnknownReason.NOT_OFFERED,
}
"""Why a proof is not known, by how its association ended; every other end is `not_asked`."""

_IDENTITY = {0x00100010: "PatientName", 0x00100020: "PatientID", 0x00100030: "PatientBirthDate"}
_MOST_NAMES = 100
"""Matches whose names are tested if the first has none."""
_STUDY_UID = 0x0020000D
_MODALITY = 0x00080060
_SERIES_UID = 0x0020000E
_SOP_CLASS_UID = 0x00080016
_CLASSES_IN_STUDY = 0x00080062
_MAX_UID_LENGTH = 64
_MOST_STUDIES = 3
"""Studies of which an image is asked for, one after the other, while there are only doubts."""
_MOST_INSTANCES = 20
"""Instances of a series that are asked for their SOP class."""
_MOST_CLASSES = 8
_FEW_CLASSES = 24
_MOST_CONTEXTS = 127
"""Presentation contexts for storage: odd IDs up to 255 (PS3.8 9.3.2.2), one of which is for the C-GET."""
_UNCOMPRESSED = 2
"""The first of `STORAGE_SYNTAXES`, which every archive can send."""
_MOST_COMPRESSED = 16
"""Further ones in a context of a SOP class that is offered on suspicion: the request must not become too long."""
_NOT_AUTHORISED = 0x0124
_NOT_SUPPORTED = frozenset({0x0122, 0xA900})
_UNABLE_TO_PROCESS = 0xC
"""The first digit of the statuses with which archives such as Orthanc refuse strangers."""
_UNABLE_TO_SEND = frozenset({0x0000, 0xA702, 0xB000})
"""Final statuses of a C-GET that has sent nothing, although there was something to send (PS3.4 C.4.3.1.4)."""


async def _twice(prove: Callable[[ProbeContext, bool], Awaitable[Proof]], context: ProbeContext) -> Proof:
    """What `prove` finds, tried a second time if the peer aborts: one abort is no property.

    `prove` gets a context, and whether it is the second time. What it raises becomes the reason of a doubt, or is the
    peer's doing.
    """
    for again in (False, True):
        part = context if again else context.until(_SHARE)
        try:
            return await prove(part, again)
        except (ProbeEnded, FindEnded) as error:
            end = error.end if isinstance(error, FindEnded) else error
            if end.outcome not in _ABORTED:
                return _unproved(end)
    return _REFUSED


def _unproved(end: ProbeEnded) -> Proof:
    """What is known when an association ended in this way."""
    if isinstance(end, NotOffered) and not end.other_syntax:
        return _REFUSED
    reason = UnknownReason.LIMIT if isinstance(end, LimitExceeded) else _REASONS.get(end.outcome)
    return _doubt(reason or UnknownReason.NOT_ASKED)


def _doubt(reason: UnknownReason) -> Proof:
    return None, frozenset({reason})


# -- identity ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Names:
    """What was seen in matches."""

    seen: bool = False
    unreadable: bool = False

    def consume(self, data: bytes) -> None:
        try:
            self.seen = self.seen or any(value.strip(b" \0^=\\") for value in find_values(data, _IDENTITY).values())
        except MalformedDataset:
            self.unreadable = True


async def identity_seen(target: Target, context: ProbeContext, sop_class: str) -> Proof:
    """Whether a match of a C-FIND of `sop_class` carries a non-empty name, ID or birth date."""
    keys: dict[str, str | Mapping[str, str]] = dict.fromkeys(_IDENTITY.values(), "")
    if sop_class == WORKLIST_FIND:
        keys["ScheduledProcedureStepSequence"] = {}
    elif sop_class == PATIENT_FIND:
        keys["QueryRetrieveLevel"] = "PATIENT"
    else:
        keys |= {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}
    data = encode_dataset(keys)
    first = await _twice(partial(_names_seen, target, sop_class, data, 1), context)
    if first[0] is not False:
        return first
    return await _twice(partial(_names_seen, target, sop_class, data, _MOST_NAMES), context)  # others may have a name


async def _names_seen(
    target: Target, sop_class: str, identifier: bytes, most: int, context: ProbeContext, _again: bool
) -> Proof:
    names = _Names()
    try:
        async with associate(target.address, offer(target, context, [sop_class]), context) as association:
            counted = await find(association, sop_class, identifier, most, names.consume)
    except (ProbeEnded, FindEnded):
        if names.seen:  # what was seen before it ended was seen
            return _PROVED
        raise
    if names.seen:
        return _PROVED
    if names.unreadable:
        return _doubt(UnknownReason.UNREADABLE)
    if outcome_of(counted) is QueryOutcome.TRUNCATED and most > 1:
        return _doubt(UnknownReason.LIMIT)
    return _REFUSED


# -- retrieve, of nothing ----------------------------------------------------------------------------------------------


async def retrieve_authorised(target: Target, context: ProbeContext) -> bool | None:
    """Whether a C-GET (PS3.4 C.4.3) of a study that cannot exist succeeds, or is refused; None if that is not known.

    A failure "unable to process" (Cxxx) is neither: Orthanc has it for a study that does not exist.
    """
    authorised, _ = await _twice(partial(_nothing_retrieved, target), context)
    return authorised


async def _nothing_retrieved(target: Target, context: ProbeContext, _again: bool) -> Proof:
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": f"2.25.{uuid.uuid4().int}"}
    async with associate(target.address, offer(target, context, [STUDY_GET]), context) as association:
        if not association.accepted(STUDY_GET):
            return _doubt(UnknownReason.NOT_OFFERED)
        result = await get_first_bytes(association, STUDY_GET, encode_dataset(keys))
    if result.arrived or result.status == 0:
        return _PROVED
    return _REFUSED if result.status == _NOT_AUTHORISED else _doubt(UnknownReason.UNAVAILABLE)


# -- download ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Study:
    """What a C-GET needs to know of a study. It leaves this module only towards the archive that it came from."""

    uid: str = field(repr=False)
    sop_classes: tuple[str, ...] = field(default=(), repr=False)
    """Those of some instances; empty if the archive does not say."""
    likely: tuple[str, ...] = field(default=(), repr=False)
    """Those that the modality suggests."""


async def image_received(target: Target, context: ProbeContext) -> Proof:
    """Whether bytes of an image arrive by C-GET (PS3.4 C.4.3), aborted at the first."""
    found: list[_Study] = []

    async def look(part: ProbeContext, _again: bool) -> Proof:
        found[:] = await _studies(target, part)
        return _PROVED

    _, reasons = await _twice(look, context.until(_SHARE))
    if not found:
        return None, reasons or frozenset({UnknownReason.NOT_ASKED})
    doubts: set[UnknownReason] = set()
    for study in found:
        received, reasons = await _twice(partial(_received, target, study), context.until(_SHARE))
        if received is not None:
            return _PROVED if received else (None if doubts else False, frozenset(doubts))
        doubts |= reasons
    return None, frozenset(doubts)


async def _studies(target: Target, context: ProbeContext) -> list[_Study]:
    """A few studies, with the SOP classes of their instances as far as the archive says them.

    Raises:
        ProbeEnded, FindEnded: before a study was found.
    """
    studies: list[_Study] = []
    async with associate(target.address, offer(target, context, [STUDY_FIND]), context) as association:
        keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": ""}
        uids = await _uids(association, keys, _STUDY_UID, _MOST_STUDIES)
        studies += map(_Study, uids)
        try:
            for index, uid in enumerate(uids):
                studies[index] = await _looked_into(association, uid)
        except (ProbeEnded, FindEnded):
            pass  # the commonest SOP classes are offered then
    return studies


async def _looked_into(association: Connection, study: str) -> _Study:
    """A study with the SOP classes of the instances in its first series; else with its SOPClassesInStudy."""
    modality = ""

    def note_modality(data: bytes) -> None:
        nonlocal modality
        modality = find_values(data, (_MODALITY,)).get(_MODALITY, b"").strip(b" \0").decode("ascii", "replace")

    keys = {"QueryRetrieveLevel": "SERIES", "StudyInstanceUID": study, "SeriesInstanceUID": "", "Modality": ""}
    for series in await _uids(association, keys, _SERIES_UID, 1, note_modality):
        keys = {
            "QueryRetrieveLevel": "IMAGE",
            "StudyInstanceUID": study,
            "SeriesInstanceUID": series,
            "SOPInstanceUID": "",
            "SOPClassUID": "",
        }
        found = await _uids(association, keys, _SOP_CLASS_UID, _MOST_INSTANCES)
        if found:
            return _Study(study, found[:_MOST_CLASSES])
    keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study, "SOPClassesInStudy": ""}
    found = await _uids(association, keys, _CLASSES_IN_STUDY, 1)
    return _Study(study, found[:_MOST_CLASSES], STORAGE_OF_MODALITY.get(modality, ()))


async def _uids(
    association: Connection,
    keys: Mapping[str, str],
    tag: int,
    most: int,
    also: Callable[[bytes], None] = lambda data: None,
) -> tuple[str, ...]:
    """The distinct UIDs in `tag` of at most `most` matches for `keys`; `also` gets each match.

    Raises:
        ProbeEnded, FindEnded: before there was one.
    """
    found: dict[str, None] = {}

    def consume(data: bytes) -> None:
        try:
            value = find_values(data, (tag,)).get(tag, b"")
            also(data)
        except MalformedDataset:
            return
        for uid in value[: (_MAX_UID_LENGTH + 1) * _MOST_CLASSES].split(b"\\"):
            text = uid.strip(b" \0")
            if 0 < len(text) <= _MAX_UID_LENGTH and text.replace(b".", b"").isdigit():
                found[text.decode("ascii")] = None

    try:
        await find(association, STUDY_FIND, encode_dataset(keys), most, consume)
    except FindEnded:
        if not found:  # what came before it ended came
            raise
    return tuple(found)


async def _received(target: Target, study: _Study, context: ProbeContext, again: bool) -> Proof:
    contexts = storage_contexts(study.sop_classes, study.likely, together=again)  # it may have aborted on so many
    request = offer(target, context, [STUDY_GET], contexts)
    accepted = False
    try:
        async with associate(target.address, request, context) as association:
            accepted = True
            keys = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": study.uid}
            return _judge(await get_first_bytes(association, STUDY_GET, encode_dataset(keys)))
    except ProbeEnded as end:
        if again and not accepted and len(contexts) > 1 and end.outcome in _ABORTED:
            return _doubt(UnknownReason.NOT_OFFERED)  # it may abort on fewer contexts than these, too
        raise


def _judge(result: GetResult) -> Proof:
    """Whether a C-GET that sent nothing was refused, or had nothing that we take."""
    if result.arrived:
        return _PROVED
    status = result.status
    unable = status is not None and status >> 12 == _UNABLE_TO_PROCESS
    if status == _NOT_AUTHORISED or (unable and not result.failed):
        return _REFUSED
    for_want = status in _NOT_SUPPORTED or status in _UNABLE_TO_SEND or bool(result.failed)
    return _doubt(UnknownReason.NOT_OFFERED if for_want else UnknownReason.UNAVAILABLE)


def storage_contexts(
    sop_classes: Sequence[str], likely: Sequence[str] = (), *, together: bool = False
) -> tuple[ProposedContext, ...]:
    """Presentation contexts in which to take instances of `sop_classes`; if there are none, the commonest classes.

    The archive accepts one transfer syntax of each context, which may not be the one in which it has the image: so a
    SOP class that is known to be there gets a context for each syntax, as far as there is room. With `together` it gets
    one context for all of them. Of the commonest ones, those that are `likely` get half of the room.
    """
    if sop_classes:
        room = 1 if together else _MOST_CONTEXTS // len(sop_classes)
        return tuple((uid, group) for uid in sop_classes for group in _groups(room))
    if together:
        classes = dict.fromkeys((*likely, *STORAGE_CLASSES))
        common = STORAGE_SYNTAXES[: _UNCOMPRESSED + _MOST_COMPRESSED]
        return tuple((uid, common) for uid in list(classes)[:_FEW_CLASSES])
    room = _MOST_CONTEXTS // 2 // max(1, len(likely))
    contexts = [(uid, group) for uid in likely for group in _groups(room)]
    compressed = STORAGE_SYNTAXES[_UNCOMPRESSED : _UNCOMPRESSED + _MOST_COMPRESSED]
    others = [uid for uid in STORAGE_CLASSES if uid not in likely][: (_MOST_CONTEXTS - len(contexts)) // 2]
    contexts += [(uid, group) for uid in others for group in (STORAGE_SYNTAXES[:_UNCOMPRESSED], compressed)]
    return tuple(contexts)


def _groups(room: int) -> list[tuple[str, ...]]:
    """All transfer syntaxes in at most `room` groups, the common ones each alone."""
    if room >= len(STORAGE_SYNTAXES):
        return [(syntax,) for syntax in STORAGE_SYNTAXES]
    alone, rest = STORAGE_SYNTAXES[: room - 1], STORAGE_SYNTAXES[room - 1 :]
    return [*((syntax,) for syntax in alone), rest]
