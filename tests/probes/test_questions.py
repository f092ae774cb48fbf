"""What a stranger asks, and that each question is asked whatever became of the others; on a simulated network."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from dicom_exporter.dicom import uids
from dicom_exporter.enums import Outcome, QueryOutcome, UnknownReason
from dicom_exporter.net.resolver import LookupThreads
from dicom_exporter.probes.questions import PATIENTS, RANDOM_UID, STUDIES, WORKLIST, ask, doubts, questions
from dicom_exporter.results import QueryResult, SessionResult
from tests.testing.context import STRANGER, probe_context
from tests.testing.hostile import messages, scenarios, simulated, wire

PROPOSED = (uids.STUDY_FIND, uids.PATIENT_FIND, uids.WORKLIST_FIND)
CONTEXTS = {RANDOM_UID: 3, STUDIES: 3, PATIENTS: 5, WORKLIST: 7}
"""Question -> its presentation context in the first association."""
ACCEPT = wire.associate_ac(dict.fromkeys((1, 3, 5, 7), wire.ACCEPTED))
ALONE = wire.associate_ac({1: wire.ACCEPTED})
"""The answer to an association for one question."""
ECHO = messages.message(1, messages.echo_rsp(1))
HANG = simulated.direct(simulated.Direction.WAIT)
CLOSE = simulated.direct(simulated.Direction.CLOSE)
REFUSE = simulated.direct(simulated.Direction.REFUSE)
ABORT = wire.abort()


def matches(context_id: int, message_id: int, count: int, status: int = messages.SUCCESS) -> list[bytes]:
    pending = messages.find_rsp(message_id, messages.PENDING, dataset=True)
    final = messages.message(context_id, messages.find_rsp(message_id, status))
    return [*(messages.message(context_id, pending, messages.match(number)) for number in range(count)), final]


def first(*names: str, count: int = 0) -> list[bytes]:
    """A first association that answers the echo and the questions of those names, each with `count` matches."""
    steps = [ACCEPT, ECHO]
    for message_id, name in enumerate(names, 2):
        steps += matches(CONTEXTS[name], message_id, 0 if name == RANDOM_UID else count)
    return steps


def alone(count: int, status: int = messages.SUCCESS) -> list[bytes]:
    return [ALONE, *matches(1, 1, count, status), wire.release_rp(), CLOSE]


def play(steps: Sequence[bytes]) -> tuple[SessionResult, frozenset[UnknownReason], int]:
    """What is found, what is doubtful, and how many associations it took. Asserts that it kept to its time."""
    script = simulated.Script(steps, silent_at_end=True)

    async def client() -> tuple[SessionResult, frozenset[UnknownReason]]:
        context = probe_context(LookupThreads(), STRANGER, seconds=scenarios.SECONDS)
        later = context.until(0.8)
        found = await ask(scenarios.target(), context.until(0.5), later.deadline, PROPOSED, questions(100))
        assert asyncio.get_running_loop().time() <= later.deadline + 1.5
        return found

    with simulated.loop() as loop:
        session, reasons = loop.play(script, client)
    for conversation in script.conversations:
        conversation.check()
    return session, reasons, len(script.conversations)


def outcomes(session: SessionResult) -> dict[str, QueryOutcome]:
    return {name: result.outcome for name, result in session.queries.items()}


def test_questions_are_all_asked_on_one_association_of_an_archive_that_answers() -> None:
    session, reasons, associations = play(
        [*first(RANDOM_UID, STUDIES, WORKLIST, PATIENTS, count=3), wire.release_rp(), CLOSE]
    )
    assert {name: result.matches for name, result in session.queries.items()} == {
        RANDOM_UID: 0,
        STUDIES: 3,
        WORKLIST: 3,
        PATIENTS: 3,
    }
    assert (reasons, associations) == (frozenset(), 1)


@pytest.mark.parametrize(
    ("echo", "outcome"),
    [([HANG, CLOSE], Outcome.NO_ANSWER), ([ABORT, CLOSE], Outcome.ABORTED), ([CLOSE], Outcome.CLOSED)],
    ids=["hangs", "aborts", "closes"],
)
def test_questions_are_asked_although_the_echo_has_no_answer(echo: list[bytes], outcome: Outcome) -> None:
    session, reasons, associations = play([ACCEPT, *echo, *alone(5), *alone(0), *alone(2)])
    assert session.echo is not None
    assert (session.association, session.echo.outcome) == (Outcome.SUCCESS, outcome)
    assert session.queries[STUDIES].matches == 5  # asked first
    assert (session.queries[WORKLIST].matches, session.queries[PATIENTS].matches) == (0, 2)
    assert reasons == frozenset()
    assert associations == 4


def test_questions_hanging_study_list_is_a_doubt_and_leaves_time_for_the_others() -> None:
    session, reasons, _ = play([*first(RANDOM_UID), HANG, CLOSE, *alone(0), *alone(0)])
    assert outcomes(session) == {
        RANDOM_UID: QueryOutcome.EMPTY,
        STUDIES: QueryOutcome.TIMEOUT,
        WORKLIST: QueryOutcome.EMPTY,
        PATIENTS: QueryOutcome.EMPTY,
    }
    assert reasons == {UnknownReason.TIMEOUT}


def test_questions_hanging_first_query_leaves_time_for_the_studies() -> None:
    session, reasons, _ = play([*first(), HANG, CLOSE, *alone(4), *alone(0), *alone(0)])
    assert session.queries[STUDIES].matches == 4
    assert reasons == frozenset()


def test_questions_to_an_archive_that_only_associates_end_in_time_and_in_doubt() -> None:
    silent = [ALONE, HANG, CLOSE]
    session, reasons, _ = play([ACCEPT, HANG, CLOSE, *silent * 9])
    assert set(outcomes(session).values()) == {QueryOutcome.TIMEOUT}
    assert reasons == {UnknownReason.TIMEOUT}


def test_questions_worklist_aborted_once_is_asked_again() -> None:
    session, reasons, associations = play([*first(RANDOM_UID, STUDIES), ABORT, CLOSE, *alone(0), *alone(2)])
    assert (session.queries[PATIENTS].matches, session.queries[WORKLIST].matches) == (0, 2)
    assert (reasons, associations) == (frozenset(), 3)


def test_questions_worklist_aborted_twice_is_the_answer() -> None:
    steps = [*first(RANDOM_UID, STUDIES), ABORT, CLOSE, *alone(0), ALONE, ABORT, CLOSE]
    session, reasons, associations = play(steps)
    assert session.queries[WORKLIST].outcome is QueryOutcome.ABORTED
    assert (reasons, associations) == (frozenset(), 3)


def test_questions_archive_that_aborts_every_query_gets_a_bounded_number_of_associations() -> None:
    session, reasons, associations = play([ACCEPT, ECHO, ABORT, CLOSE, *[ALONE, ABORT, CLOSE] * 20])
    assert set(outcomes(session).values()) == {QueryOutcome.ABORTED}
    assert (reasons, associations) == (frozenset(), 7)


def test_questions_random_uid_aborted_once_is_asked_again_where_nothing_else_was_answered() -> None:
    refused = alone(0, 0x0124)
    session, reasons, _ = play([*first(), ABORT, CLOSE, *refused * 3, *alone(0)])
    assert session.queries[RANDOM_UID].outcome is QueryOutcome.EMPTY
    assert session.queries[STUDIES].outcome is QueryOutcome.REFUSED
    assert reasons == frozenset()


def test_questions_without_another_association_are_not_asked() -> None:
    session, reasons, _ = play([ACCEPT, ABORT, CLOSE, *[REFUSE] * 10])
    assert set(outcomes(session).values()) == {QueryOutcome.NO_ASSOCIATION}
    assert reasons == {UnknownReason.NOT_ASKED}


def test_questions_busy_at_another_association_says_so() -> None:
    _, reasons, _ = play([ACCEPT, ABORT, CLOSE, *[wire.associate_rj(2, 3, 2), CLOSE] * 10])
    assert reasons == {UnknownReason.BUSY}


def test_questions_context_refused_needs_no_association() -> None:
    refused = wire.associate_ac(dict.fromkeys((1, 3, 5, 7), wire.ABSTRACT_SYNTAX_NOT_SUPPORTED))
    session, reasons, associations = play([refused + ABORT, CLOSE])
    assert session.association is Outcome.SUCCESS
    assert set(outcomes(session).values()) == {QueryOutcome.UNSUPPORTED}
    assert (reasons, associations) == (frozenset(), 1)


def test_questions_context_refused_for_its_transfer_syntax_is_a_doubt() -> None:
    results = {1: wire.ACCEPTED, 3: 4, 5: 3, 7: 3}
    session, reasons, _ = play([wire.associate_ac(results), ECHO, wire.release_rp(), CLOSE])
    assert session.queries[STUDIES].outcome is QueryOutcome.UNSUPPORTED
    assert reasons == {UnknownReason.NOT_OFFERED}


def test_questions_match_over_our_size_limit_is_a_match() -> None:
    command = messages.find_rsp(3, messages.PENDING, dataset=True)
    huge = messages.message(3, command, bytes(1 << 21), max_pdv=16000)
    session, reasons, _ = play([*first(RANDOM_UID), huge, CLOSE, *alone(0), *alone(0)])
    found = session.queries[STUDIES]
    assert (found.outcome, found.matches, found.complete) == (QueryOutcome.TRUNCATED, 1, False)
    assert reasons == frozenset()


def test_questions_pdu_over_our_limit_is_a_doubt() -> None:
    too_long = wire.pdu(wire.P_DATA, bytes(10), length=1 << 20)
    session, reasons, _ = play([*first(RANDOM_UID), too_long, CLOSE, *alone(0), *alone(0)])
    assert session.queries[STUDIES].outcome is QueryOutcome.PROTOCOL_ERROR
    assert reasons == {UnknownReason.LIMIT}


def test_questions_accept_over_our_limit_is_a_doubt() -> None:
    session, reasons, _ = play([wire.pdu(wire.ASSOCIATE_AC, bytes(10), length=1 << 20), CLOSE])
    assert session.association is Outcome.PROTOCOL_ERROR
    assert reasons == {UnknownReason.LIMIT}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        ({STUDIES: QueryOutcome.EMPTY, RANDOM_UID: QueryOutcome.TIMEOUT}, set()),
        ({STUDIES: QueryOutcome.REFUSED, RANDOM_UID: QueryOutcome.TIMEOUT}, {UnknownReason.TIMEOUT}),
        ({STUDIES: QueryOutcome.OVERLOAD}, {UnknownReason.OVERLOAD}),
        ({STUDIES: QueryOutcome.PROTOCOL_ERROR}, {UnknownReason.UNREADABLE}),
        ({STUDIES: QueryOutcome.ABORTED, WORKLIST: QueryOutcome.UNSUPPORTED}, set()),
    ],
    ids=["random UID proves no more", "random UID", "overload", "unreadable", "peer's doing"],
)
def test_doubts_are_what_could_prove_more(results: dict[str, QueryOutcome], expected: set[UnknownReason]) -> None:
    assert doubts({name: QueryResult(outcome) for name, outcome in results.items()}) == expected


def test_doubts_a_match_leaves_none() -> None:
    found = QueryResult(QueryOutcome.TIMEOUT, matches=1, complete=False)
    assert doubts({STUDIES: found, WORKLIST: QueryResult(QueryOutcome.TIMEOUT)}) == frozenset()
