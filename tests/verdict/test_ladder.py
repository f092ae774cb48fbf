"""The verdict over what a stranger found; tests/integration/test_exposure.py has what real servers allow one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.enums import (
    Called,
    Check,
    LadderLevel,
    LadderService,
    Outcome,
    Phase,
    QueryOutcome,
    TLSFailure,
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.results import Attempt, EchoResult, QueryResult, SessionResult, StrangerResult, TLSFacts, WebResult
from dicom_exporter.verdict.ladder import Verdict, judge

DIMSE, DICOMWEB, WEB = LadderService.DIMSE, LadderService.DICOMWEB, LadderService.WEB
BOTH_STEPS = frozenset({LadderLevel.IDENTIFIES_PATIENTS, LadderLevel.HANDS_OUT_IMAGES})

OUTCOMES: dict[Outcome, tuple[int | None, str]] = {
    Outcome.REFUSED: (0, ""),
    Outcome.CONNECT_TIMEOUT: (0, ""),
    Outcome.CLOSED: (1, ""),
    Outcome.NOT_DICOM: (1, ""),
    Outcome.REJECTED: (2, ""),
    Outcome.ABORTED: (2, ""),
    Outcome.SUCCESS: (3, ""),
    Outcome.NOT_OFFERED: (3, ""),
    Outcome.FAILURE_STATUS: (3, ""),
    Outcome.NO_ANSWER: (1, "timeout"),
    Outcome.PROTOCOL_ERROR: (1, "unreadable"),
    Outcome.TLS_FAILURE: (1, "tls_handshake"),
    Outcome.BUSY: (1, "busy"),
    Outcome.OVERLOAD: (None, "overload"),
    Outcome.DNS_FAILURE: (None, "dns_failure"),
    Outcome.UNREACHABLE: (None, "unreachable"),
    Outcome.PROXY_FAILURE: (None, "vantage"),
}
"""Outcome of an attempt -> the level that it proves, and why the level is not known; "" if it is."""

QUERIES: dict[QueryOutcome, tuple[int, str]] = {
    QueryOutcome.ALLOWED: (4, ""),
    QueryOutcome.EMPTY: (4, ""),
    QueryOutcome.TRUNCATED: (4, ""),
    QueryOutcome.REFUSED: (3, ""),
    QueryOutcome.UNSUPPORTED: (3, ""),
    QueryOutcome.FAILED: (3, ""),
    QueryOutcome.ABORTED: (3, ""),
    QueryOutcome.PROTOCOL_ERROR: (3, "unreadable"),
    QueryOutcome.TIMEOUT: (3, "timeout"),
    QueryOutcome.NO_ASSOCIATION: (3, "not_asked"),
    QueryOutcome.OVERLOAD: (3, "overload"),
}
"""Outcome of a query without a match, alone in an accepted attempt -> the same."""

ANSWERS: dict[WebAnswer, tuple[int | None, str]] = {
    WebAnswer.ENTRIES: (4, ""),
    WebAnswer.EMPTY: (4, ""),
    WebAnswer.DENIED: (2, ""),
    WebAnswer.OTHER: (1, ""),
    WebAnswer.NOT_HTTP: (1, ""),
    WebAnswer.CLOSED: (0, ""),
    WebAnswer.UNKNOWN: (None, "overload"),
}

LISTED = QueryResult(QueryOutcome.ALLOWED, matches=1)
EMPTY = QueryResult(QueryOutcome.EMPTY, matches=0)


def accepted(*, called: Called = Called.CONFIGURED, doubts: str = "", **queries: QueryResult) -> Attempt:
    return Attempt(
        Outcome.SUCCESS, called, echo=EchoResult(Outcome.SUCCESS, 0), queries=queries, doubts=reasons(doubts)
    )


def reasons(text: str) -> frozenset[UnknownReason]:
    return frozenset(map(UnknownReason, text.split()))


def over_tls(**facts: object) -> Attempt:
    return Attempt(Outcome.TLS_FAILURE, over_tls=True, tls=TLSFacts(**facts))  # type: ignore[arg-type]


def verdict_of(
    *attempts: Attempt,
    doubts: str = "",
    dicomweb: WebResult | None = None,
    web: tuple[WebResult, ...] = (),
    prove: frozenset[LadderLevel] = frozenset(),
) -> Verdict:
    stranger = StrangerResult(attempts, doubts=reasons(doubts))
    session = SessionResult("stranger", None, stranger=stranger, dicomweb=dicomweb, web=web, prove=prove)
    verdict = judge((session,))
    assert verdict is not None
    return verdict


def shown(verdict: Verdict, service: LadderService = DIMSE) -> tuple[int | None, int | None, str]:
    """Level, what was proved, and why the level is not known."""
    return verdict.levels[service], verdict.at_least.get(service), " ".join(verdict.reasons[service])


def expected(proved: int | None, why: str) -> tuple[int | None, int | None, str]:
    return (None if why else proved), proved, why


@pytest.mark.parametrize("outcome", Outcome)
def test_judge_level_of_one_attempt_by_outcome(outcome: Outcome) -> None:
    assert shown(verdict_of(Attempt(outcome))) == expected(*OUTCOMES[outcome])


@pytest.mark.parametrize("outcome", Outcome)
def test_judge_shared_verdict_equals_computed_verdict(outcome: Outcome) -> None:
    """Without a connection, all targets share one verdict."""
    session = SessionResult("stranger", None, stranger=StrangerResult((Attempt(outcome),)))
    assert judge((session,)) == judge((session, session))


@pytest.mark.parametrize("outcome", QueryOutcome)
def test_judge_level_of_one_query_by_outcome(outcome: QueryOutcome) -> None:
    verdict = verdict_of(accepted(studies=QueryResult(outcome)))
    assert shown(verdict) == expected(*QUERIES[outcome])


@pytest.mark.parametrize("outcome", QueryOutcome)
def test_judge_match_counts_however_its_query_ended(outcome: QueryOutcome) -> None:
    assert shown(verdict_of(accepted(studies=QueryResult(outcome, matches=1)))) == (5, 5, "")


@pytest.mark.parametrize("outcome", QueryOutcome)
def test_judge_listed_studies_are_known_whatever_other_questions_found(outcome: QueryOutcome) -> None:
    verdict = verdict_of(accepted(worklist=QueryResult(outcome), studies=LISTED, patients=QueryResult(outcome)))
    assert shown(verdict) == (5, 5, "")


@pytest.mark.parametrize(
    ("attempts", "doubts", "found"),
    [
        ((), "", (None, None, "overload")),
        ((), "address_not_tried", (None, None, "address_not_tried")),
        # an answered query does not say what the one that timed out would have listed
        ((accepted(random_uid=EMPTY, studies=QueryResult(QueryOutcome.TIMEOUT)),), "", (None, 4, "timeout")),
        ((accepted(random_uid=EMPTY, studies=QueryResult(QueryOutcome.REFUSED)),), "", (4, 4, "")),
        # several reasons are sorted
        (
            (accepted(worklist=QueryResult(QueryOutcome.TIMEOUT), studies=QueryResult(QueryOutcome.NO_ASSOCIATION)),),
            "",
            (None, 3, "not_asked timeout"),
        ),
        # what the attempt says of its limits replaces the default reason
        ((accepted(studies=QueryResult(QueryOutcome.PROTOCOL_ERROR), doubts="limit"),), "", (None, 3, "limit")),
        ((Attempt(Outcome.PROTOCOL_ERROR, doubts=reasons("limit")),), "", (None, 1, "limit")),
        ((accepted(studies=EMPTY, doubts="not_offered"),), "", (None, 4, "not_offered")),
        # several addresses: closed needs all closed, and a doubtful one hides no proof
        ((Attempt(Outcome.REFUSED), Attempt(Outcome.CONNECT_TIMEOUT)), "", (0, 0, "")),
        ((Attempt(Outcome.REFUSED), Attempt(Outcome.UNREACHABLE)), "", (None, None, "unreachable")),
        ((Attempt(Outcome.REFUSED),), "address_not_tried", (None, None, "address_not_tried")),
        ((Attempt(Outcome.REFUSED, doubts=reasons("overload")),), "", (None, None, "overload")),
        ((Attempt(Outcome.REFUSED), accepted(studies=LISTED)), "address_not_tried", (5, 5, "")),
        ((Attempt(Outcome.REJECTED), Attempt(Outcome.NO_ANSWER)), "", (None, 2, "timeout")),
        # a random called title without questions proves level 3 at the most
        ((Attempt(Outcome.REJECTED), Attempt(Outcome.BUSY, Called.RANDOM)), "", (None, 2, "busy")),
        ((accepted(studies=QueryResult(QueryOutcome.REFUSED)), Attempt(Outcome.BUSY, Called.RANDOM)), "", (3, 3, "")),
        ((accepted(studies=EMPTY), Attempt(Outcome.NO_ANSWER, Called.RANDOM)), "", (4, 4, "")),
        ((accepted(studies=EMPTY), Attempt(Outcome.BUSY, Called.WELL_KNOWN)), "", (None, 4, "busy")),
        # accepted only under a title that nobody put questions to
        ((Attempt(Outcome.REJECTED), accepted(called=Called.RANDOM)), "", (None, 3, "not_asked")),
        ((accepted(studies=EMPTY), accepted(called=Called.RANDOM)), "", (4, 4, "")),
    ],
)
def test_judge_attempts_together(
    attempts: tuple[Attempt, ...], doubts: str, found: tuple[int | None, int | None, str]
) -> None:
    assert shown(verdict_of(*attempts, doubts=doubts)) == found


@pytest.mark.parametrize(
    ("attempt", "found"),
    [
        (over_tls(client_certificate_required=True), (2, 2, "")),
        (over_tls(failure=TLSFailure.CERTIFICATE_DEMANDED), (2, 2, "")),
        (over_tls(failure=TLSFailure.NOT_TLS), (1, 1, "")),
        (over_tls(failure=TLSFailure.CIPHER), (None, 1, "tls_handshake")),
        (over_tls(client_certificate_required=False), (None, 1, "tls_handshake")),
        (Attempt(Outcome.CLOSED, over_tls=True, tls=TLSFacts("TLSv1.3", client_certificate_required=True)), (2, 2, "")),
        (Attempt(Outcome.CLOSED, over_tls=True, tls=TLSFacts("TLSv1.3")), (1, 1, "")),
    ],
)
def test_judge_level_of_tls_handshake(attempt: Attempt, found: tuple[int | None, int | None, str]) -> None:
    assert shown(verdict_of(Attempt(Outcome.NOT_DICOM), attempt)) == found


@pytest.mark.parametrize(
    ("prove", "seen", "received", "found"),
    [
        ((), None, None, (5, 5, "")),
        ((6,), False, None, (5, 5, "")),
        ((6,), True, None, (6, 6, "")),
        ((6,), None, None, (None, 5, "not_asked")),
        ((7,), None, None, (None, 5, "not_asked")),
        ((7,), None, False, (5, 5, "")),
        ((6, 7), True, None, (None, 6, "not_asked")),
        ((6, 7), None, True, (7, 7, "")),
        ((6, 7), None, False, (None, 5, "not_asked")),
    ],
)
def test_judge_steps_asked_for_and_not_told_leave_level_unknown(
    prove: tuple[int, ...], seen: bool | None, received: bool | None, found: tuple[int | None, int | None, str]
) -> None:
    steps = frozenset(map(LadderLevel, prove))
    attempt = replace(accepted(studies=LISTED), identity_seen=seen, image_received=received)
    page = WebResult(WebAnswer.ENTRIES, lists_studies=True, identity_seen=seen, image_received=received)
    verdict = verdict_of(attempt, Attempt(Outcome.REJECTED, Called.RANDOM), prove=steps, dicomweb=page)
    assert shown(verdict) == found
    assert shown(verdict, DICOMWEB) == found


def test_judge_steps_in_doubt_have_the_reasons_of_the_attempt() -> None:
    attempt = accepted(studies=LISTED, doubts="not_offered")
    assert shown(verdict_of(attempt)) == (5, 5, "")
    assert shown(verdict_of(attempt, prove=BOTH_STEPS)) == (None, 5, "not_offered")


def test_judge_steps_above_5_need_listed_studies() -> None:
    assert shown(verdict_of(accepted(studies=EMPTY), prove=BOTH_STEPS)) == (4, 4, "")


def test_judge_worklist_alone_leaves_steps_above_5_unknown() -> None:
    attempt = accepted(worklist=LISTED, studies=QueryResult(QueryOutcome.REFUSED))
    assert shown(verdict_of(attempt, prove=BOTH_STEPS)) == (None, 5, "not_asked")


@pytest.mark.parametrize("answer", WebAnswer)
def test_judge_level_of_one_url_by_answer(answer: WebAnswer) -> None:
    verdict = verdict_of(Attempt(Outcome.REFUSED), dicomweb=WebResult(answer), web=(WebResult(answer),))
    assert shown(verdict, DICOMWEB) == expected(*ANSWERS[answer])
    assert shown(verdict, WEB) == expected(*ANSWERS[answer])
    assert shown(verdict) == (0, 0, "")


@pytest.mark.parametrize(
    ("pages", "found"),
    [
        ((WebResult(WebAnswer.UNKNOWN, doubts=reasons("dns_failure")),), (None, None, "dns_failure")),
        ((WebResult(WebAnswer.UNKNOWN, phases={Phase.CONNECT: 0.1}),), (None, None, "timeout")),
        ((WebResult(WebAnswer.OTHER, doubts=reasons("unavailable")),), (None, 1, "unavailable")),
        ((WebResult(WebAnswer.EMPTY, queryable=True, doubts=reasons("unreadable")),), (None, 4, "unreadable")),
        ((WebResult(WebAnswer.ENTRIES, lists_studies=True, doubts=reasons("limit")),), (5, 5, "")),
        ((WebResult(WebAnswer.NOT_HTTP, tls=TLSFacts(failure=TLSFailure.VERSION)),), (None, 1, "tls_handshake")),
        ((WebResult(WebAnswer.NOT_HTTP, tls=TLSFacts(failure=TLSFailure.NOT_TLS)),), (1, 1, "")),
        ((WebResult(WebAnswer.DENIED), WebResult(WebAnswer.UNKNOWN)), (None, 2, "overload")),
        ((WebResult(WebAnswer.CLOSED), WebResult(WebAnswer.UNKNOWN)), (None, None, "overload")),
        ((WebResult(WebAnswer.ENTRIES, lists_studies=True), WebResult(WebAnswer.UNKNOWN)), (5, 5, "")),
    ],
)
def test_judge_urls_together(pages: tuple[WebResult, ...], found: tuple[int | None, int | None, str]) -> None:
    assert shown(verdict_of(Attempt(Outcome.REFUSED), web=pages), WEB) == found


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.CONNECT_TIMEOUT])
def test_judge_closed_port_serves_nothing_and_leaves_title_checks_unknown(outcome: Outcome) -> None:
    verdict = verdict_of(Attempt(outcome))
    assert verdict.checks == {"worklist_queryable": False, "retrieve_negotiable": False, "store_negotiable": False}


@pytest.mark.parametrize(
    ("attempt", "authorised"),
    [
        (Attempt(Outcome.SUCCESS, retrieve_authorised=True), True),
        (Attempt(Outcome.SUCCESS, retrieve_authorised=False), False),
        (Attempt(Outcome.SUCCESS), None),
        (Attempt(Outcome.REJECTED), False),
        (Attempt(Outcome.REFUSED), False),
        (Attempt(Outcome.NO_ANSWER), None),
        (Attempt(Outcome.DNS_FAILURE), None),
    ],
)
def test_judge_retrieve_is_authorised_by_an_answer_and_refused_by_keeping_out(
    attempt: Attempt, authorised: bool | None
) -> None:
    session = SessionResult("stranger", None, stranger=StrangerResult((attempt,)), surface=True)
    verdict = judge([session])
    assert verdict is not None
    assert verdict.checks.get(Check.RETRIEVE_AUTHORISED) is authorised
    assert verdict.levels == verdict_of(attempt).levels
    assert Check.RETRIEVE_AUTHORISED not in verdict_of(attempt).checks


@pytest.mark.parametrize("fact", [True, False, None])
def test_judge_web_offers_are_checks_and_no_level(fact: bool | None) -> None:
    page = WebResult(WebAnswer.DENIED, stow_offered=fact, cors_with_credentials=fact)
    session = SessionResult("stranger", None, stranger=StrangerResult((Attempt(Outcome.REFUSED),)), dicomweb=page)
    verdict = judge([session])
    assert verdict is not None
    assert [verdict.checks.get(each) for each in (Check.STOW_OFFERED, Check.CORS_WITH_CREDENTIALS)] == [fact, fact]
    assert verdict.levels[LadderService.DICOMWEB] == 2


@pytest.mark.parametrize(
    "attempt",
    [
        Attempt(Outcome.DNS_FAILURE),
        Attempt(Outcome.UNREACHABLE),
        Attempt(Outcome.REFUSED, doubts=reasons("address_not_tried")),
    ],
)
def test_judge_unknown_level_without_connection_has_no_checks(attempt: Attempt) -> None:
    assert verdict_of(attempt).checks == {}


@pytest.mark.parametrize(
    ("plain", "tls", "holds"),
    [
        (Outcome.NOT_DICOM, TLSFacts("TLSv1.3"), False),
        (Outcome.CLOSED, TLSFacts(failure=TLSFailure.CIPHER), False),
        (Outcome.CLOSED, TLSFacts(failure=TLSFailure.CERTIFICATE_DEMANDED), False),
        (Outcome.REJECTED, TLSFacts("TLSv1.3"), True),
        (Outcome.NO_ANSWER, TLSFacts("TLSv1.3"), None),
        (Outcome.CLOSED, TLSFacts(failure=TLSFailure.NOT_TLS), None),
        (Outcome.CLOSED, TLSFacts(failure=TLSFailure.OTHER), None),
        (Outcome.CLOSED, None, None),
    ],
)
def test_judge_plaintext_accepted_is_absent_unless_proved(
    plain: Outcome, tls: TLSFacts | None, holds: bool | None
) -> None:
    verdict = verdict_of(Attempt(plain), Attempt(Outcome.TLS_FAILURE, over_tls=True, tls=tls))
    assert verdict.checks.get(Check.PLAINTEXT_ACCEPTED) is holds


@pytest.mark.parametrize(
    ("pages", "holds"),
    [
        ((WebResult(WebAnswer.DENIED, over_tls=True),), False),
        ((WebResult(WebAnswer.DENIED),), True),
        ((WebResult(WebAnswer.DENIED, over_tls=True), WebResult(WebAnswer.CLOSED)), False),
        ((WebResult(WebAnswer.DENIED, over_tls=True), WebResult(WebAnswer.UNKNOWN)), None),
        ((WebResult(WebAnswer.UNKNOWN),), None),
    ],
)
def test_judge_http_without_tls_is_absent_unless_proved(pages: tuple[WebResult, ...], holds: bool | None) -> None:
    assert verdict_of(Attempt(Outcome.REFUSED), web=pages).checks.get(Check.HTTP_WITHOUT_TLS) is holds


DOUBTS = st.frozensets(st.sampled_from(UnknownReason), max_size=2)
QUERY_RESULTS = st.builds(QueryResult, st.sampled_from(QueryOutcome), matches=st.sampled_from([None, 0, 1]))
ATTEMPTS = st.builds(
    Attempt,
    st.sampled_from(Outcome),
    st.sampled_from(Called),
    queries=st.dictionaries(st.sampled_from(["random_uid", "studies", "patients", "worklist"]), QUERY_RESULTS),
    identity_seen=st.sampled_from([None, False, True]),
    image_received=st.sampled_from([None, False, True]),
    tls=st.none() | st.builds(TLSFacts, failure=st.none() | st.sampled_from(TLSFailure)),
    doubts=DOUBTS,
)
PAGES = st.builds(WebResult, st.sampled_from(WebAnswer), st.booleans(), st.booleans(), doubts=DOUBTS)
PROVE = st.frozensets(st.sampled_from(sorted(BOTH_STEPS)))


@given(st.lists(ATTEMPTS, max_size=3), st.lists(PAGES, max_size=2), PROVE)
def test_judge_level_and_reasons_exclude_each_other(
    attempts: list[Attempt], pages: list[WebResult], prove: frozenset[LadderLevel]
) -> None:
    verdict = verdict_of(*attempts, web=tuple(pages), prove=prove)
    for service, level in verdict.levels.items():
        assert (level is None) == bool(verdict.reasons[service])
        assert list(verdict.reasons[service]) == sorted(verdict.reasons[service])
        if level is not None:
            assert verdict.at_least[service] == level


@given(st.lists(ATTEMPTS, min_size=1, max_size=3), st.integers(0, 2), PROVE, DOUBTS)
def test_judge_added_doubt_never_makes_an_unknown_level_known(
    attempts: list[Attempt], index: int, prove: frozenset[LadderLevel], doubts: frozenset[UnknownReason]
) -> None:
    before = verdict_of(*attempts, prove=prove)
    index %= len(attempts)
    attempts[index] = replace(attempts[index], doubts=attempts[index].doubts | doubts)
    after = verdict_of(*attempts, prove=prove)
    assert after.levels[DIMSE] in (None, before.levels[DIMSE])
    assert (before.at_least.get(DIMSE) or 0) == (after.at_least.get(DIMSE) or 0)


def test_judge_attempt_that_did_not_connect_keeps_what_tls_showed() -> None:
    """It is not judged by its outcome alone, as those without facts are: a doubt would change what was proved."""
    attempt = Attempt(Outcome.DNS_FAILURE, tls=TLSFacts(client_certificate_required=True))
    doubtful = replace(attempt, doubts=frozenset({UnknownReason.TIMEOUT}))
    assert verdict_of(attempt).at_least == verdict_of(doubtful).at_least


@given(st.lists(ATTEMPTS, max_size=3), ATTEMPTS, st.lists(PAGES, max_size=2), PAGES, PROVE)
def test_judge_added_proof_never_lowers_at_least(
    attempts: list[Attempt], attempt: Attempt, pages: list[WebResult], page: WebResult, prove: frozenset[LadderLevel]
) -> None:
    before = verdict_of(*attempts, web=tuple(pages), prove=prove)
    after = verdict_of(*attempts, attempt, web=(*pages, page), prove=prove)
    for service in before.levels:
        assert (after.at_least.get(service) or 0) >= (before.at_least.get(service) or 0)
