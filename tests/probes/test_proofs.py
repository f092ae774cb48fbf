"""The two upper steps over DICOM: what proves them, what refuses, and what is only a doubt; on a simulated network."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

import pytest

from dicom_exporter.config import Target
from dicom_exporter.dicom.uids import STORAGE_CLASSES, STORAGE_SYNTAXES, STUDY_FIND, STUDY_GET, WORKLIST_FIND
from dicom_exporter.enums import UnknownReason
from dicom_exporter.net.context import ProbeContext
from dicom_exporter.net.resolver import LookupThreads
from dicom_exporter.probes.proofs import Proof, identity_seen, image_received, retrieve_authorised, storage_contexts
from tests.testing.context import STRANGER, probe_context
from tests.testing.hostile import messages, scenarios, simulated, wire
from tests.testing.hostile.parsing import parse_proposal, take_pdu

ACCEPT = wire.associate_ac({1: wire.ACCEPTED, 3: wire.ACCEPTED})
CLOSE = simulated.direct(simulated.Direction.CLOSE)
HANG = simulated.direct(simulated.Direction.WAIT)
ABORT = [wire.abort(), CLOSE]
END = [wire.release_rp(), CLOSE]
PRIVATE = "1.2.840.113619.4.30"
"""A Storage SOP class of a vendor."""
C_STORE_RQ, C_GET_RSP = 0x0001, 0x8010
STUDY = messages.element(messages.STUDY_INSTANCE_UID, messages.uid("2.25.1"))
SERIES = messages.element((0x0020, 0x000E), messages.uid("2.25.2"))
INSTANCE = messages.element((0x0008, 0x0016), messages.uid(PRIVATE))
NAMED = messages.element(messages.PATIENT_NAME, "SECRET^PHI")
NAMELESS = messages.element(messages.PATIENT_NAME, "^^")


def found(message_id: int, *datasets: bytes, status: int = messages.SUCCESS) -> list[bytes]:
    pending = messages.find_rsp(message_id, messages.PENDING, dataset=True)
    each = [messages.message(1, pending, dataset) for dataset in datasets]
    return [*each, messages.message(1, messages.find_rsp(message_id, status))]


def listed(studies: int = 1) -> list[bytes]:
    """The association that finds studies, and for each the SOP class of its instances."""
    steps = [ACCEPT, *found(1, *[STUDY] * studies)]
    return [*steps, *found(2, SERIES), *found(3, INSTANCE), *END]


def got(status: int, **suboperations: int) -> list[bytes]:
    """A final response to a C-GET, with numbers of sub-operations."""
    tags = {"completed": 0x1021, "failed": 0x1022}
    command = {0x0100: C_GET_RSP, 0x0120: 1, 0x0800: messages.NO_DATASET, 0x0900: status}
    command |= {tags[name]: number for name, number in suboperations.items()}
    return [messages.message(1, messages.command_set(command)), *END]


def stored() -> list[bytes]:
    """The beginning of an image."""
    command = messages.command_set({0x0100: C_STORE_RQ, 0x0110: 1, 0x0800: 1})
    pdvs = [
        wire.pdv(3, command, command=True, last=True),
        wire.pdv(3, bytes(100), command=False, last=False),
    ]
    return [*map(wire.p_data, pdvs), CLOSE]


def play(
    prove: Callable[[Target, ProbeContext], Awaitable[Proof]], steps: Sequence[bytes]
) -> tuple[Proof, list[list[str]]]:
    """What is proved, and the abstract syntaxes of each association."""
    script = simulated.Script(steps, silent_at_end=True)

    async def client() -> Proof:
        return await prove(scenarios.target(), probe_context(LookupThreads(), STRANGER, seconds=scenarios.SECONDS))

    with simulated.loop() as loop:
        proof = loop.play(script, client)
    for conversation in script.conversations:
        conversation.check()
    return proof, [_proposed(conversation.sent) for conversation in script.conversations]


def _proposed(sent: bytes | bytearray) -> list[str]:
    pdu = take_pdu(bytearray(sent))
    assert pdu is not None
    return list(parse_proposal(pdu[1]).contexts.values())


async def names(target: Target, context: ProbeContext) -> Proof:
    return await identity_seen(target, context, STUDY_FIND)


def doubt(reason: UnknownReason) -> Proof:
    return None, frozenset({reason})


PROVED: Proof = (True, frozenset())
REFUSED: Proof = (False, frozenset())


@pytest.mark.parametrize(
    ("steps", "proof"),
    [
        ([ACCEPT, *found(1, NAMED), *END], PROVED),
        ([ACCEPT, *found(1, NAMED)[:1], *ABORT], PROVED),
        ([ACCEPT, *found(1, NAMELESS), *END, ACCEPT, *found(1, NAMELESS, NAMED), *END], PROVED),
        ([ACCEPT, *found(1, NAMELESS), *END] * 2, REFUSED),
        ([ACCEPT, *found(1, status=0x0124), *END] * 2, REFUSED),
        ([ACCEPT, *ABORT, ACCEPT, *found(1, NAMED), *END], PROVED),
        ([ACCEPT, *ABORT] * 4, REFUSED),
        ([ACCEPT, HANG], doubt(UnknownReason.TIMEOUT)),
        ([ACCEPT, *found(1, b"\x10\x00\x10"), *END], doubt(UnknownReason.UNREADABLE)),
        ([wire.associate_rj(2, 3, 2), CLOSE], doubt(UnknownReason.BUSY)),
        ([wire.associate_ac({1: 3}), *END] * 2, REFUSED),
        ([wire.associate_ac({1: 4}), *END], doubt(UnknownReason.NOT_OFFERED)),
    ],
    ids=[
        "name",
        "name, then abort",
        "name in a later match",
        "no name",
        "refused",
        "aborted once",
        "aborted each time",
        "silent",
        "unreadable",
        "busy",
        "no context",
        "other transfer syntax",
    ],
)
def test_identity_proof(steps: list[bytes], proof: Proof) -> None:
    assert play(names, steps)[0] == proof


def test_identity_of_a_worklist_item_is_asked_there() -> None:
    async def prove(target: Target, context: ProbeContext) -> Proof:
        return await identity_seen(target, context, WORKLIST_FIND)

    assert play(prove, [ACCEPT, *found(1, NAMED), *END]) == (PROVED, [[WORKLIST_FIND]])


@pytest.mark.parametrize(
    ("ends", "proof"),
    [
        ([stored()], PROVED),
        ([got(0xA702, failed=1, completed=0)], doubt(UnknownReason.NOT_OFFERED)),
        ([got(0xB000, failed=2, completed=0)], doubt(UnknownReason.NOT_OFFERED)),
        ([got(0xA900)], doubt(UnknownReason.NOT_OFFERED)),
        ([got(0x0122)], doubt(UnknownReason.NOT_OFFERED)),
        ([got(0x0000)], doubt(UnknownReason.NOT_OFFERED)),
        ([got(0xC000, failed=3)], doubt(UnknownReason.NOT_OFFERED)),
        ([got(0x0124)], REFUSED),
        ([got(0x0124, failed=1)], REFUSED),
        ([got(0xC000)], REFUSED),
        ([got(0xA701)], doubt(UnknownReason.UNAVAILABLE)),
        ([got(0x0110)], doubt(UnknownReason.UNAVAILABLE)),
        ([ABORT, stored()], PROVED),
        ([ABORT, ABORT], REFUSED),
        ([[HANG, CLOSE]], doubt(UnknownReason.TIMEOUT)),
    ],
    ids=[
        "image",
        "all failed",
        "all failed, as a warning",
        "wrong SOP class",
        "SOP class not supported",
        "nothing sent",
        "failed sub-operations",
        "not authorised",
        "not authorised, with failures",
        "unable to process",
        "out of resources",
        "processing failure",
        "aborted once",
        "aborted twice",
        "silent",
    ],
)
def test_download_proof(ends: list[list[bytes]], proof: Proof) -> None:
    steps = [*listed(), *(step for end in ends for step in (ACCEPT, *end))]
    assert play(image_received, steps)[0] == proof


def test_download_offers_the_sop_class_of_the_study_in_each_transfer_syntax() -> None:
    proof, (_, offered) = play(image_received, [*listed(), ACCEPT, *stored()])
    assert proof == PROVED
    assert offered[1:] == [PRIVATE] * len(STORAGE_SYNTAXES)


def test_download_second_try_after_an_abort_proposes_less() -> None:
    _, (_, first, second) = play(image_received, [*listed(), ACCEPT, *ABORT, ACCEPT, *stored()])
    assert (len(first), second[1:]) == (1 + len(STORAGE_SYNTAXES), [PRIVATE])


def test_download_without_a_sop_class_offers_the_commonest() -> None:
    no_series = [ACCEPT, *found(1, STUDY), *found(2), *found(3), *END]
    proof, (_, offered) = play(image_received, [*no_series, ACCEPT, *stored()])
    assert proof == PROVED
    assert set(STORAGE_CLASSES[:20]) <= set(offered)


def test_download_is_tried_on_another_study_while_there_are_only_doubts() -> None:
    other = messages.element(messages.STUDY_INSTANCE_UID, messages.uid("2.25.9"))
    looked = [ACCEPT, *found(1, STUDY, other), *found(2, SERIES), *found(3, INSTANCE), *found(4, SERIES)]
    steps = [*looked, *found(5, INSTANCE), *END, ACCEPT, *got(0xA702, failed=1), ACCEPT, *stored()]
    assert play(image_received, steps)[0] == PROVED


def test_download_without_a_study_to_ask_for_is_a_doubt() -> None:
    assert play(image_received, [ACCEPT, *found(1), *END])[0] == doubt(UnknownReason.NOT_ASKED)


@pytest.mark.parametrize("known", range(9))
@pytest.mark.parametrize("likely", [0, 1, 4])
@pytest.mark.parametrize("together", [False, True])
def test_storage_contexts_fit_into_one_association(known: int, likely: int, together: bool) -> None:
    sop_classes, guessed = (
        [f"1.2.{kind}.{n}" for n in range(1, count + 1)] for kind, count in ((1, known), (2, likely))
    )
    contexts = storage_contexts(sop_classes, guessed, together=together)
    assert 0 < len(contexts) <= 127
    for uid in sop_classes:
        assert {syntax for own, syntaxes in contexts if own == uid for syntax in syntaxes} == set(STORAGE_SYNTAXES)


def test_storage_syntaxes_have_the_compressed_ones() -> None:
    base = "1.2.840.10008.1.2."
    assert {base + end for end in ("1", "4.50", "4.70", "4.80", "4.90", "4.91", "4.201", "4.100", "4.107", "5")} <= set(
        STORAGE_SYNTAXES
    )


def authorised(steps: Sequence[bytes]) -> bool | None:
    """What a C-GET of a study that cannot exist shows."""

    async def prove(target: Target, context: ProbeContext) -> Proof:
        return await retrieve_authorised(target, context), frozenset()

    (found, _), proposed = play(prove, steps)
    assert all(syntaxes == [STUDY_GET] for syntaxes in proposed)  # it takes no image
    return found


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([ACCEPT, *got(0x0000)], True),
        ([ACCEPT, *got(0x0000, completed=0, failed=0)], True),
        ([ACCEPT, *stored()], True),
        ([ACCEPT, *got(0x0124)], False),
        ([ACCEPT, *ABORT, ACCEPT, *ABORT], False),
        ([ACCEPT, CLOSE, ACCEPT, CLOSE], False),
        ([ACCEPT, *got(0xC000, completed=0, failed=0)], None),  # Orthanc, of a study that does not exist
        ([ACCEPT, *got(0xA701)], None),
        ([ACCEPT, *got(0xA900)], None),
        ([ACCEPT, *got(0x0110)], None),
        ([ACCEPT, HANG], None),
        ([wire.associate_ac({1: 3}), *END], None),
    ],
)
def test_retrieve_is_authorised_by_success_and_refused_by_a_refusal(
    steps: Sequence[bytes], expected: bool | None
) -> None:
    assert authorised(steps) is expected
