"""What a session proposes, and how it goes on when an archive aborts; played on a simulated network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dicom_exporter.config import Level, Model, Module, Query
from dicom_exporter.dicom.uids import PATIENT_FIND, STUDY_FIND, VERIFICATION
from dicom_exporter.enums import Outcome, Phase, QueryOutcome
from dicom_exporter.net.resolver import LookupThreads
from dicom_exporter.probes.session import offer, probe_session
from dicom_exporter.results import SessionResult
from tests.testing.context import MONITOR, STRANGER, lookup_threads, probe_context
from tests.testing.hostile import messages, scenarios, simulated, wire
from tests.testing.hostile.parsing import parse_proposal, take_pdu

STUDIES = Query("studies", Model.STUDY_ROOT, Level.STUDY)
PATIENTS = Query("patients", Model.PATIENT_ROOT, Level.PATIENT)
CLOSE = simulated.direct(simulated.Direction.CLOSE)


def module(*queries: Query, echo: bool = True) -> Module:
    return Module("module", echo=echo, queries={query.name: query for query in queries})


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


@pytest.mark.parametrize("end", [wire.abort(), wire.release_rq(), CLOSE], ids=["abort", "release", "close"])
@pytest.mark.parametrize("split", [True, False], ids=["in two segments", "in one segment"])
def test_session_accept_counts_where_the_end_comes_with_it(end: bytes, split: bool) -> None:
    refused = wire.associate_ac(dict.fromkeys((1, 3, 5), wire.ABSTRACT_SYNTAX_NOT_SUPPORTED))
    steps = [refused, end] if split or end == CLOSE else [refused + end]
    found, associations = play(module(STUDIES, PATIENTS), *steps, CLOSE)
    assert found.association is Outcome.SUCCESS
    assert found.echo is not None
    assert found.echo.outcome is Outcome.NOT_OFFERED
    assert {result.outcome for result in found.queries.values()} == {QueryOutcome.UNSUPPORTED}
    assert len(associations) == 1


def test_session_accept_and_abort_in_one_segment_is_an_aborted_query_each_time() -> None:
    """Each association deals with one query, so there is an end to them."""
    accept_and_abort = [accept(1, 3) + wire.abort(), CLOSE]
    found, associations = play(module(STUDIES, PATIENTS, echo=False), *accept_and_abort * 10)
    assert found.queries["studies"].outcome is QueryOutcome.ABORTED
    assert found.queries["patients"].outcome is QueryOutcome.ABORTED
    assert len(associations) == 3  # the studies once more with minimal keys


def test_session_queries_are_asked_where_the_echo_was_aborted() -> None:
    counted = find_answer(matches=5)
    found, associations = play(module(STUDIES), accept(1, 3), wire.abort(), CLOSE, accept(1, 3), *counted, CLOSE)
    assert found.echo is not None
    assert found.echo.outcome is Outcome.ABORTED
    assert (found.association, found.queries["studies"].matches) == (Outcome.SUCCESS, 5)
    assert len(associations) == 2


def find_answer(matches: int) -> list[bytes]:
    """Responses to a C-FIND that is the first request of its association, in context 3."""
    pending = messages.find_rsp(1, messages.PENDING, dataset=True)
    each = [messages.message(3, pending, messages.match(number)) for number in range(matches)]
    return [*each, messages.message(3, messages.find_rsp(1, messages.SUCCESS)), wire.release_rp()]


async def test_offer_stranger_has_a_new_calling_title_each_time() -> None:
    with lookup_threads() as lookups:
        context = probe_context(lookups, STRANGER)
        first, second = (offer(scenarios.target(), context, [VERIFICATION]) for _ in range(2))
        assert first.data != second.data
        known = probe_context(lookups, MONITOR)
        assert offer(scenarios.target(), known, [VERIFICATION]) == offer(scenarios.target(), known, [VERIFICATION])
