"""What is wrong with a target, case by case: kind, sentence, alert, order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dicom_exporter.config import Address, Expect, Target
from dicom_exporter.enums import (
    CanaryStep,
    LadderService,
    Outcome,
    QueryOutcome,
    RejectReason,
    RejectResult,
    RejectSource,
    StoreOutcome,
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.results import (
    Attempt,
    CanaryResult,
    CanaryStepResult,
    EchoResult,
    QueryResult,
    Rejection,
    SessionResult,
    StoreResult,
    StrangerResult,
    TLSFacts,
    WebResult,
)
from dicom_exporter.verdict.findings import Finding, Kind, Status, assess, status_of

ROOT = Path(__file__).parents[2]
GOOD = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0), association=Outcome.SUCCESS)
ANSWERED = QueryResult(QueryOutcome.ALLOWED, 0, matches=3, complete=True)
NOT_SENT = QueryResult(QueryOutcome.NO_ASSOCIATION)


def target(expect: Expect) -> Target:
    return Target("main", Address("pacs.example", 104), expect=expect)


def findings(expect: Expect, *sessions: SessionResult) -> tuple[Finding, ...]:
    return assess(target(expect), sessions)[1]


def status(expect: Expect, *sessions: SessionResult) -> Status:
    return status_of(findings(expect, *sessions))


def echoed(outcome: Outcome, **more: object) -> SessionResult:
    """Our own session that asked for a C-ECHO."""
    association = outcome if outcome not in (Outcome.NOT_OFFERED, Outcome.FAILURE_STATUS) else Outcome.SUCCESS
    return replace(GOOD, echo=EchoResult(outcome), association=association, **more)  # type: ignore[arg-type]


def associated(outcome: Outcome, **more: object) -> SessionResult:
    """Our own session of a module with queries and `echo: false`."""
    query = ANSWERED if outcome is Outcome.SUCCESS else NOT_SENT
    return replace(GOOD, echo=None, association=outcome, queries={"studies": query}, **more)  # type: ignore[arg-type]


def stranger(outcome: Outcome, **more: object) -> SessionResult:
    ladder = StrangerResult((Attempt(outcome),))
    session = SessionResult("stranger", EchoResult(outcome), association=outcome, stranger=ladder)
    return replace(session, **more)  # type: ignore[arg-type]


def refused(expect: Expect) -> tuple[SessionResult, ...]:
    """The stranger that a target with this expectation needs."""
    return () if expect is Expect.AVAILABLE else (stranger(Outcome.REJECTED),)


@pytest.mark.parametrize("session", [echoed, associated])
@pytest.mark.parametrize("expect", [Expect.AVAILABLE, Expect.GUARDED])
@pytest.mark.parametrize(
    ("outcome", "kind", "alert"),
    [
        (Outcome.DNS_FAILURE, Kind.DOWN, "DicomTargetDown"),
        (Outcome.UNREACHABLE, Kind.DOWN, "DicomTargetDown"),
        (Outcome.REFUSED, Kind.DOWN, "DicomTargetDown"),
        (Outcome.CONNECT_TIMEOUT, Kind.DOWN, "DicomTargetDown"),
        (Outcome.TLS_FAILURE, Kind.DOWN, "DicomTargetDown"),
        (Outcome.NO_ANSWER, Kind.DOWN, "DicomTargetDown"),
        (Outcome.NOT_DICOM, Kind.DOWN, "DicomTargetDown"),
        (Outcome.PROTOCOL_ERROR, Kind.DOWN, "DicomTargetDown"),
        (Outcome.ABORTED, Kind.DOWN, "DicomTargetDown"),
        (Outcome.CLOSED, Kind.DOWN, "DicomTargetDown"),
        (Outcome.REJECTED, Kind.REFUSES_US, "DicomTargetRefusesUs"),
        (Outcome.BUSY, Kind.BUSY, "DicomTargetBusy"),
        (Outcome.OVERLOAD, Kind.UNKNOWN, "DicomTargetUnknown"),
    ],
)
def test_find_no_association_by_its_outcome_with_and_without_echo(
    session: object, expect: Expect, outcome: Outcome, kind: Kind, alert: str
) -> None:
    (finding,) = findings(expect, session(outcome), *refused(expect))  # type: ignore[operator]
    assert (finding.kind, finding.alert, finding.identity) == (kind, alert, "monitor")


@pytest.mark.parametrize(
    ("outcome", "kind"), [(Outcome.NOT_OFFERED, Kind.REFUSES_US), (Outcome.FAILURE_STATUS, Kind.DOWN)]
)
def test_find_failed_echo_on_accepted_association(outcome: Outcome, kind: Kind) -> None:
    (finding,) = findings(Expect.AVAILABLE, echoed(outcome))
    assert finding.kind is kind


@pytest.mark.parametrize("session", [echoed(Outcome.SUCCESS), associated(Outcome.SUCCESS)])
@pytest.mark.parametrize("expect", [Expect.AVAILABLE, Expect.GUARDED])
def test_find_answering_target_has_no_findings(expect: Expect, session: SessionResult) -> None:
    assert findings(expect, session, *refused(expect)) == ()


@pytest.mark.parametrize("expect", [Expect.GUARDED, Expect.CLOSED, Expect.CONTROL])
def test_find_target_with_a_limit_and_no_stranger_is_unknown(expect: Expect) -> None:
    """As the alert says it: no module of the target checks what `expect` limits."""
    (finding,) = findings(expect, GOOD)
    assert (finding.kind, finding.alert) == (Kind.UNKNOWN, "DicomExposureUnknown")


@pytest.mark.parametrize("expect", [Expect.CLOSED, Expect.CONTROL])
def test_find_own_failure_is_no_fault_where_the_target_need_not_answer(expect: Expect) -> None:
    open_or_closed = stranger(Outcome.SUCCESS if expect is Expect.CONTROL else Outcome.REFUSED)
    assert findings(expect, echoed(Outcome.REFUSED), associated(Outcome.REFUSED), open_or_closed) == ()


def test_find_unreached_without_echo_says_how_the_association_ended() -> None:
    (finding,) = findings(Expect.AVAILABLE, associated(Outcome.REFUSED))
    assert finding.text.startswith("Association refused: the machine is there, and nothing listens on the port")


def test_find_rejection_says_what_to_do() -> None:
    reason = RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
    rejection = Rejection(RejectResult.PERMANENT, RejectSource.SERVICE_USER, reason)
    for session in (echoed(Outcome.REJECTED), associated(Outcome.REJECTED)):
        (finding,) = findings(Expect.AVAILABLE, replace(session, rejection=rejection))
        assert finding.text.endswith(". It does not accept our AE title: have its administrator add it")


def test_find_echo_failure_status_is_named() -> None:
    (finding,) = findings(Expect.AVAILABLE, replace(GOOD, echo=EchoResult(Outcome.FAILURE_STATUS, 0x0110)))
    assert finding.text == "C-ECHO failure_status: the archive answered the C-ECHO with a failure (status 0110)"


@pytest.mark.parametrize(
    "outcome",
    [each for each in QueryOutcome if not each.is_success and each is not QueryOutcome.OVERLOAD],
)
def test_find_query_without_answer_is_trouble(outcome: QueryOutcome) -> None:
    (finding,) = findings(Expect.AVAILABLE, replace(GOOD, queries={"today": QueryResult(outcome)}))
    assert (finding.kind, finding.alert) == (Kind.TROUBLE, "DicomQueryFailing")
    assert finding.text.startswith(f"Query today {outcome}: ")


def test_find_query_not_sent_on_overload_is_unknown() -> None:
    (finding,) = findings(Expect.AVAILABLE, replace(GOOD, queries={"today": QueryResult(QueryOutcome.OVERLOAD)}))
    assert (finding.kind, finding.alert) == (Kind.UNKNOWN, "DicomTargetUnknown")


def test_find_query_not_sent_adds_nothing_to_what_kept_it_from_being_sent() -> None:
    unreached = echoed(Outcome.REFUSED, queries={"studies": NOT_SENT})
    aborted = replace(GOOD, queries={"studies": QueryResult(QueryOutcome.ABORTED), "patients": NOT_SENT})
    assert [finding.kind for finding in findings(Expect.AVAILABLE, unreached)] == [Kind.DOWN]
    assert [finding.text[:14] for finding in findings(Expect.AVAILABLE, aborted)] == ["Query studies "]


def test_find_query_reused_between_runs_is_judged_without_association() -> None:
    reused = SessionResult("monitor", None, {"today": ANSWERED})
    failed = SessionResult("monitor", None, {"today": QueryResult(QueryOutcome.REFUSED, 0x0124)})
    assert findings(Expect.AVAILABLE, reused) == ()
    (finding,) = findings(Expect.AVAILABLE, failed)
    advice = "Allow C-FIND for our AE title at the archive, or send it a C-ECHO only"
    assert finding.text == f"Query today refused: it refuses the query (status 0124). {advice}"


@pytest.mark.parametrize(
    ("outcome", "kind", "alert"),
    [
        (StoreOutcome.SUCCESS, None, None),
        (StoreOutcome.WARNING, None, None),
        (StoreOutcome.OUT_OF_RESOURCES, Kind.TROUBLE, "DicomStoreOutOfResources"),
        (StoreOutcome.SOP_CLASS, Kind.TROUBLE, "DicomStoreRefused"),
        (StoreOutcome.REFUSED, Kind.TROUBLE, "DicomStoreRefused"),
        (StoreOutcome.CANNOT_UNDERSTAND, Kind.TROUBLE, "DicomStoreFailing"),
        (StoreOutcome.NO_ASSOCIATION, Kind.TROUBLE, "DicomStoreFailing"),
        (StoreOutcome.OVERLOAD, Kind.UNKNOWN, "DicomTargetUnknown"),
    ],
)
def test_find_store_by_its_outcome(outcome: StoreOutcome, kind: Kind | None, alert: str | None) -> None:
    found = findings(Expect.AVAILABLE, replace(GOOD, store=StoreResult(outcome)))
    assert [(finding.kind, finding.alert) for finding in found] == ([] if kind is None else [(kind, alert)])


@pytest.mark.parametrize("success", [True, False, None])
def test_find_canary_that_failed_is_trouble(success: bool | None) -> None:
    step = CanaryStepResult(
        LadderService.DICOMWEB, CanaryStep.FINDABLE, success, 1.0, "" if success else "it is not listed"
    )
    found = findings(Expect.AVAILABLE, replace(GOOD, canary=CanaryResult((step,))))
    expected = [("DicomCanaryFailing", "Canary over DICOMweb, step findable: it is not listed")]
    assert [(finding.alert, finding.text) for finding in found] == (expected if success is False else [])


def test_find_store_says_its_status() -> None:
    store = StoreResult(StoreOutcome.OUT_OF_RESOURCES, status=0xA700)
    (finding,) = findings(Expect.AVAILABLE, replace(GOOD, store=store))
    assert (
        finding.text == "Bandwidth test out_of_resources: the archive is out of resources: check its disk (status A700)"
    )


@pytest.mark.parametrize("session", [GOOD, SessionResult("monitor", None)], ids=["with echo", "DICOMweb only"])
@pytest.mark.parametrize(
    ("answer", "kind", "alert"),
    [
        (WebAnswer.ENTRIES, None, None),
        (WebAnswer.EMPTY, None, None),
        (WebAnswer.DENIED, Kind.REFUSES_US, "DicomWebRefusesUs"),
        (WebAnswer.OTHER, Kind.DOWN, "DicomWebDown"),
        (WebAnswer.NOT_HTTP, Kind.DOWN, "DicomWebDown"),
        (WebAnswer.CLOSED, Kind.DOWN, "DicomWebDown"),
        (WebAnswer.UNKNOWN, Kind.UNKNOWN, "DicomWebDown"),
    ],
)
def test_find_dicomweb_by_its_answer(
    session: SessionResult, answer: WebAnswer, kind: Kind | None, alert: str | None
) -> None:
    found = findings(Expect.AVAILABLE, replace(session, dicomweb=WebResult(answer)))
    assert [(finding.kind, finding.alert) for finding in found] == ([] if kind is None else [(kind, alert)])


def test_find_dicomweb_unknown_says_why_and_names_the_alert_that_fires() -> None:
    """DicomWebDown leaves out what the DICOM probe reports, and a probe that used up its time."""
    unknown = WebResult(WebAnswer.UNKNOWN, doubts=frozenset({UnknownReason.DNS_FAILURE}))
    (alone,) = findings(Expect.AVAILABLE, replace(GOOD, dicomweb=unknown))
    assert alone.text == "It is not known whether DICOMweb serves us: the name does not resolve"
    assert alone.alert == "DicomWebDown"
    late = replace(GOOD, duration=9.0, timeout=10.0, dicomweb=unknown)
    assert [finding.alert for finding in findings(Expect.AVAILABLE, late)] == ["DicomProbeCloseToTimeout"]
    unresolved = replace(echoed(Outcome.DNS_FAILURE), dicomweb=unknown)
    assert {finding.alert for finding in findings(Expect.AVAILABLE, unresolved)} == {"DicomTargetDown"}


def test_find_dicomweb_untrusted_certificate_is_named() -> None:
    web = WebResult(WebAnswer.NOT_HTTP, tls=TLSFacts(certificate_trusted=False))
    (finding,) = findings(Expect.AVAILABLE, replace(GOOD, dicomweb=web))
    assert finding.text == "DICOMweb does not serve us: we do not trust its certificate"


@pytest.mark.parametrize(
    ("expect", "outcome", "expected"),
    [
        (Expect.CLOSED, Outcome.CONNECT_TIMEOUT, Status.OK),
        (Expect.CLOSED, Outcome.REFUSED, Status.OK),
        (Expect.CLOSED, Outcome.NO_ANSWER, Status.EXPOSED),
        (Expect.CLOSED, Outcome.REJECTED, Status.EXPOSED),
        (Expect.CLOSED, Outcome.SUCCESS, Status.EXPOSED),
        (Expect.CLOSED, Outcome.DNS_FAILURE, Status.UNKNOWN),
        (Expect.CLOSED, Outcome.BUSY, Status.EXPOSED),
        (Expect.CLOSED, Outcome.OVERLOAD, Status.UNKNOWN),
        (Expect.GUARDED, Outcome.REJECTED, Status.OK),
        (Expect.GUARDED, Outcome.SUCCESS, Status.EXPOSED),
        (Expect.GUARDED, Outcome.UNREACHABLE, Status.UNKNOWN),
        (Expect.GUARDED, Outcome.BUSY, Status.UNKNOWN),
        (Expect.GUARDED, Outcome.NO_ANSWER, Status.UNKNOWN),
        (Expect.CONTROL, Outcome.SUCCESS, Status.OK),
        (Expect.CONTROL, Outcome.REFUSED, Status.BLIND),
        (Expect.CONTROL, Outcome.REJECTED, Status.BLIND),
        (Expect.CONTROL, Outcome.DNS_FAILURE, Status.UNKNOWN),
        (Expect.AVAILABLE, Outcome.SUCCESS, Status.OK),
    ],
)
def test_status_of_stranger_outcome(expect: Expect, outcome: Outcome, expected: Status) -> None:
    assert status(expect, stranger(outcome)) is expected


@pytest.mark.parametrize(
    ("attempt", "alert"),
    [
        (Attempt(Outcome.NO_ANSWER), "DicomExposedOpenPort"),
        (Attempt(Outcome.REJECTED), "DicomExposedOpenPort"),
        (Attempt(Outcome.SUCCESS), "DicomExposed"),
        (Attempt(Outcome.SUCCESS, queries={"studies": QueryResult(QueryOutcome.EMPTY, matches=0)}), "DicomExposed"),
        (Attempt(Outcome.SUCCESS, queries={"studies": ANSWERED}), "DicomPatientDataListed"),
        (Attempt(Outcome.SUCCESS, identity_seen=True), "DicomPatientDataListed"),
        (Attempt(Outcome.SUCCESS, image_received=True), "DicomPatientDataListed"),
    ],
)
def test_find_exposure_alert_by_level(attempt: Attempt, alert: str) -> None:
    (finding,) = findings(Expect.CLOSED, stranger(attempt.outcome, stranger=StrangerResult((attempt,))))
    assert (finding.kind, finding.alert, finding.identity) == (Kind.EXPOSED, alert, "stranger")


def test_find_exposure_says_level_and_what_is_allowed() -> None:
    session = stranger(Outcome.REJECTED, dicomweb=WebResult(WebAnswer.DENIED, status=401))
    rejects = "and rejects unknown clients."
    assert [finding.text for finding in findings(Expect.CLOSED, session)] == [
        f"It speaks DICOM, {rejects} DICOM: allowed 0 (closed), got 2 (refuses strangers)",
        f"It speaks HTTP, {rejects} DICOMweb: allowed 0 (closed), got 2 (refuses strangers)",
    ]


def test_find_exposure_furthest_service_first() -> None:
    session = stranger(Outcome.NO_ANSWER, dicomweb=WebResult(WebAnswer.ENTRIES, lists_studies=True))
    assert [finding.alert for finding in findings(Expect.CLOSED, session)] == [
        "DicomPatientDataListed",
        "DicomExposedOpenPort",
    ]


def test_find_one_service_unknown_is_unknown_with_the_reason() -> None:
    (finding,) = findings(Expect.CLOSED, stranger(Outcome.DNS_FAILURE))
    assert (finding.kind, finding.alert) == (Kind.UNKNOWN, "DicomExposureUnknown")
    assert finding.text.startswith("DICOM: it is not known how far a stranger gets: the name does not resolve")
    (finding,) = findings(Expect.CLOSED, stranger(Outcome.REFUSED, dicomweb=WebResult(WebAnswer.UNKNOWN)))
    assert finding.text == (
        "DICOMweb: it is not known how far a stranger gets: "
        "this exporter had too little time for it, or did not get to it"
    )


def test_find_unknown_level_with_a_proof_within_the_allowed_says_what_was_proved() -> None:
    (finding,) = findings(Expect.GUARDED, stranger(Outcome.BUSY))
    assert (finding.kind, finding.alert) == (Kind.UNKNOWN, "DicomExposureUnknown")
    assert finding.text == (
        "DICOM: it is not known how far a stranger gets, but at least to level 1, open port: "
        "it had no room for another association"
    )


def test_find_unknown_level_with_a_proof_above_the_allowed_is_exposed() -> None:
    queries = {"studies": QueryResult(QueryOutcome.TIMEOUT), "patients": NOT_SENT}
    ladder = StrangerResult((Attempt(Outcome.SUCCESS, queries=queries),))
    (finding,) = findings(Expect.GUARDED, stranger(Outcome.SUCCESS, stranger=ladder))
    assert (finding.kind, finding.alert) == (Kind.EXPOSED, "DicomExposed")
    assert finding.text.endswith(
        "DICOM: allowed 2 (refuses strangers), got at least 3 (associates). It is not known if one gets further: "
        "a question was not asked: the association ended before it, or no time was left; "
        "an answer did not come, or did not end, in time"
    )


def test_find_control_with_unknown_level_is_open_where_that_was_proved() -> None:
    timed_out = StrangerResult((Attempt(Outcome.SUCCESS, queries={"studies": QueryResult(QueryOutcome.TIMEOUT)}),))
    assert findings(Expect.CONTROL, stranger(Outcome.SUCCESS, stranger=timed_out)) == ()
    (finding,) = findings(Expect.CONTROL, stranger(Outcome.NO_ANSWER))
    assert finding.kind is Kind.UNKNOWN
    (finding,) = findings(Expect.CONTROL, stranger(Outcome.REFUSED, dicomweb=WebResult(WebAnswer.UNKNOWN)))
    assert finding.kind is Kind.UNKNOWN


def test_find_control_that_reads_closed_is_blind() -> None:
    (finding,) = findings(Expect.CONTROL, stranger(Outcome.REFUSED))
    assert (finding.kind, finding.alert) == (Kind.BLIND, "DicomVantageBlind")
    assert "reads 0, closed" in finding.text


@pytest.mark.parametrize("expect", [Expect.CLOSED, Expect.CONTROL])
def test_find_no_stranger_sent_is_unknown(expect: Expect) -> None:
    (finding,) = findings(expect, GOOD)
    assert (finding.kind, finding.identity) == (Kind.UNKNOWN, None)


@pytest.mark.parametrize("expect", Expect)
def test_find_probe_without_sessions_is_unknown(expect: Expect) -> None:
    assert status(expect) is Status.UNKNOWN


def test_find_exposed_before_down_before_unknown_before_busy() -> None:
    sessions = (
        echoed(Outcome.BUSY),
        replace(echoed(Outcome.OVERLOAD), identity="second"),
        replace(echoed(Outcome.REFUSED), identity="third"),
        stranger(Outcome.SUCCESS),
    )
    found = findings(Expect.GUARDED, *sessions)
    assert [finding.kind for finding in found] == [Kind.EXPOSED, Kind.DOWN, Kind.UNKNOWN, Kind.BUSY]
    assert [finding.identity for finding in found] == ["stranger", "third", "second", "monitor"]
    assert status_of(found) is Status.EXPOSED


def test_severity_order_of_kinds_is_that_of_statuses() -> None:
    order = list(Status)
    ranks = [order.index(kind.status) for kind in Kind]
    assert ranks == sorted(ranks)


def everything() -> Iterator[tuple[SessionResult, ...]]:
    """Sessions of every ending: ours, a stranger's, and both."""
    strangers = [
        stranger(outcome, dicomweb=web)
        for outcome in Outcome
        for web in (None, *(WebResult(answer) for answer in WebAnswer))
    ]
    ours = [each(outcome) for outcome in Outcome for each in (echoed, associated)]
    ours += [replace(GOOD, queries={"today": QueryResult(outcome)}) for outcome in QueryOutcome]
    ours += [replace(GOOD, dicomweb=WebResult(answer)) for answer in WebAnswer]
    ours += [replace(GOOD, store=StoreResult(outcome)) for outcome in StoreOutcome]
    ours.append(replace(GOOD, echo=None))
    yield ()
    yield from ((session,) for session in (*ours, *strangers))
    yield from ((own, other) for own in ours for other in strangers[:: len(WebAnswer)])


@pytest.mark.parametrize("expect", Expect)
def test_find_every_ending_has_words_and_an_order(expect: Expect) -> None:
    for sessions in everything():
        found = findings(expect, *sessions)
        assert [finding.severity for finding in found] == sorted(finding.severity for finding in found)
        for finding in found:
            assert finding.text[0].isupper()
            assert not finding.text.endswith(".")


def test_find_alerts_exist_in_the_rules() -> None:
    rules = "".join(file.read_text() for file in (ROOT / "prometheus" / "rules").glob("*.yml"))
    alerts = {
        finding.alert for expect in Expect for sessions in everything() for finding in findings(expect, *sessions)
    }
    assert alerts - {None} <= set(re.findall(r"alert: (\w+)", rules))
