"""What a session proposes, and how it goes on when an archive aborts; played on a simulated network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dicom_exporter.config import Exposure, Level, Model, Module, Query
from dicom_exporter.dicom.uids import PATIENT_FIND, STUDY_FIND, VERIFICATION
from dicom_exporter.net.resolver import LookupThreads
from dicom_exporter.probes.session import offer, probe_session
from dicom_exporter.results import Outcome, Phase, QueryOutcome, SessionResult
from tests.testing.context import MONITOR, STRANGER, lookup_threads, probe_context
from tests.testing.hostile import messages, scenarios, simulated, wire
from tests.testing.hostile.parsing import parse_proposal, take_pdu

STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY)
PATIENTS = Query("patients", Model.PATIENT_ROOT, Level.PATIENT)
CLOSE = simulated.direct(simulated.Direction.CLOSE)


def module(*queries: Query, echo: bool = True, exposure: Exposure | None = None) -> Module:
    return Module("module", echo=echo, queries={query.name: query for query in queries}, exposure=exposure)


def accept(*context_ids: int) -> bytes:
    return wire.associate_ac(dict.fromkeys(context_ids, wire.ACCEPTED))


def echoed(message_id: int = 1) -> bytes:
    return messages.message(1, messages.echo_rsp(message_id))


def play(asked: Module, *steps: bytes) -> tuple[SessionResult, list[list[str]]]:
    """What `asked` finds on a server that sends `steps`, and the SOP classes proposed in each association."""
    script = simulated.Script(steps)

    async def client() -> SessionResult:
        return await probe_session(scenarios.target(), asked, probe_context(LookupThreads()))

    with simulated.loop() as loop:
        found = loop.play(script, client)
    return found, [proposed(conversation.sent) for conversation in script.conversations]


def proposed(sent: bytes | bytearray) -> list[str]:
    rest = bytearray(sent)
    pdu = take_pdu(rest)
    assert pdu is not None
    return list(parse_proposal(pdu[1]).contexts.values())


@pytest.mark.parametrize(
    ("asked", "sop_classes"),
    [
        (module(), [VERIFICATION]),
        (module(STUDIES), [VERIFICATION, STUDY_FIND]),
        (module(STUDIES, echo=False), [STUDY_FIND]),
        (module(replace(STUDIES, due=False), PATIENTS), [VERIFICATION, STUDY_FIND, PATIENT_FIND]),
    ],
    ids=["echo", "echo and query", "query", "query that is not due"],
)
def test_session_proposes_what_its_module_ever_asks(asked: Module, sop_classes: Sequence[str]) -> None:
    found, ((*first,), *_) = play(asked, wire.abort(), CLOSE)
    assert first == list(sop_classes)
    assert found.association is Outcome.ABORTED


def test_session_query_that_is_not_due_is_not_asked() -> None:
    found, _ = play(module(replace(STUDIES, due=False)), accept(1, 3), echoed(), wire.release_rp(), CLOSE)
    assert (found.echo is not None, found.queries) == (True, {})


def test_session_query_aborted_is_asked_again_with_minimal_keys_on_a_new_association() -> None:
    again = [accept(1, 3), wire.abort(), CLOSE]
    found, associations = play(module(STUDIES), accept(1, 3), echoed(), wire.abort(), CLOSE, *again)
    assert len(associations) == 2
    assert found.echo is not None
    assert found.echo.outcome is Outcome.SUCCESS
    assert found.queries["studies"].outcome is QueryOutcome.ABORTED
    assert Phase.QUERY in found.phases


def test_session_no_association_leaves_queries_not_sent() -> None:
    found, _ = play(module(STUDIES, echo=False), simulated.direct(simulated.Direction.REFUSE))
    assert (found.echo, found.association) == (None, Outcome.REFUSED)
    assert found.queries["studies"].outcome is QueryOutcome.NO_ASSOCIATION


def test_session_stranger_does_not_repeat_a_sop_class_that_was_aborted() -> None:
    second = replace(STUDIES, name="second")
    steps = [accept(1, 3), echoed(), wire.abort(), CLOSE, accept(1, 3), wire.abort(), CLOSE]
    found, associations = play(module(STUDIES, second, exposure=Exposure()), *steps)
    assert len(associations) == 2  # the first query, and again with minimal keys
    assert "second" not in found.queries


async def test_offer_stranger_has_a_new_calling_title_each_time() -> None:
    with lookup_threads() as lookups:
        context = probe_context(lookups, STRANGER)
        first, second = (offer(scenarios.target(), context, [VERIFICATION]) for _ in range(2))
        assert first.data != second.data
        known = probe_context(lookups, MONITOR)
        assert offer(scenarios.target(), known, [VERIFICATION]) == offer(scenarios.target(), known, [VERIFICATION])
