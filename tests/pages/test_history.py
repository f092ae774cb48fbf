"""Which probes of a target are kept, and which status follows from them."""

from __future__ import annotations

import copy
import gc
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Expect, Target
from dicom_exporter.enums import LadderService, Outcome, QueryOutcome
from dicom_exporter.pages import history
from dicom_exporter.pages.history import History
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.results import Attempt, EchoResult, QueryResult, SessionResult, StrangerResult, TargetResult
from dicom_exporter.verdict.findings import Status
from tests.builders import STRANGER

MAIN = Target("main", Address("pacs.example", 104))
GOOD = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0))
BAD = SessionResult("monitor", EchoResult(Outcome.REFUSED))


def record(start: float, *sessions: SessionResult, target: Target = MAIN, reused: Sequence[str] = ()) -> ProbeRecord:
    return make_record(target, target.modules, TargetResult(target.name, sessions), start, frozenset(reused))


def filled(found: str, limit: int) -> History:
    """A history of good (`+`) and failed (`-`) probes that began at second 0, 1, 2 and so on."""
    kept = History(Config((MAIN,)), limit)
    for start, sign in enumerate(found):
        kept.add(record(start, GOOD if sign == "+" else BAD))
    return kept


def starts(kept: History) -> list[float]:
    return [probe.start for probe in kept.of(MAIN).probes]


@pytest.mark.parametrize(
    ("found", "limit", "kept"),
    [
        ("", 3, []),
        ("+++", 3, [2, 1, 0]),
        ("+++++", 3, [4, 3, 2]),
        ("-----", 3, [4, 3, 2]),
        ("-+++++", 3, [5, 4, 0]),
        ("--+++++", 4, [6, 5, 1, 0]),
        ("---++++", 4, [6, 5, 2, 1]),
        ("++++-", 2, [4, 3]),
        ("-++++", 2, [4, 0]),
        ("-+", 1, [1]),
        ("+-", 1, [1]),
    ],
)
def test_history_limit_keeps_failures_longer_than_successes(found: str, limit: int, kept: list[float]) -> None:
    assert starts(filled(found, limit)) == kept


def test_history_many_targets_keep_last_probe_and_last_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_PROBES", 6)
    targets = tuple(replace(MAIN, name=f"target-{number}") for number in range(100))
    kept = History(Config(targets), 50)
    for start in range(10):
        for target in targets:
            kept.add(record(start, BAD if start == 3 else GOOD, target=target))
    for target in targets:
        assert [probe.start for probe in kept.of(target).probes] == [9, 3]


GUARDED = replace(MAIN, modules=("availability", "exposure"), expect=Expect.GUARDED)
LISTED = QueryResult(QueryOutcome.ALLOWED, 0, matches=7, complete=True, duration=0.25)


@pytest.mark.parametrize(
    "sessions",
    [(GOOD, STRANGER), (replace(GOOD, queries={"studies": LISTED, "today": LISTED}), BAD), (GOOD, BAD)],
    ids=["guarded", "queries", "short"],
)
def test_history_shows_records_as_they_were(sessions: Sequence[SessionResult]) -> None:
    kept = History(Config((GUARDED,)))
    probe = record(0, *sessions, target=GUARDED, reused=["monitor"])
    kept.add(probe)
    assert kept.of(GUARDED).probes == [probe]


def test_history_probe_of_guarded_target_takes_no_more_than_two_kib() -> None:
    queries = dict.fromkeys(["studies", "today", "patients"], LISTED)
    kept = History(Config((GUARDED,)), limit=200)
    records = [record(start, replace(GOOD, queries=queries), STRANGER, target=GUARDED) for start in range(200)]
    kept.add(records.pop())
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        while records:
            kept.add(copy.deepcopy(records.pop()))
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(kept.of(GUARDED).probes) == 200
    assert after - before < 199 * 2048


def test_history_since_is_first_probe_with_the_status() -> None:
    kept = filled("+++--", 10)
    track = kept.of(MAIN)
    assert (track.status, track.since, track.since_first, track.last) == (Status.DOWN, 3, False, 4)
    kept.add(record(5, GOOD))
    assert (track.status, track.since, track.since_first) == (Status.OK, 5, False)


def test_history_status_from_first_probe_on_is_marked() -> None:
    track = filled("--", 10).of(MAIN)
    assert (track.since, track.since_first) == (0, True)


def test_history_sessions_of_two_scrapes_are_merged() -> None:
    """One scrape runs `availability`, another `exposure`: a success of one does not remove findings of the other."""
    target = replace(MAIN, modules=("availability", "exposure"), expect=Expect.GUARDED)
    kept = History(Config((target,)))
    kept.add(record(0, STRANGER, target=target))
    kept.add(record(1, GOOD, target=target))
    assert (kept.of(target).status, kept.of(target).since) == (Status.EXPOSED, 0)


def test_history_foreign_identity_is_listed_and_does_not_change_the_status() -> None:
    kept = filled("+", 10)
    kept.add(record(1, replace(BAD, identity="other")))
    assert kept.of(MAIN).status is Status.OK
    assert starts(kept) == [1, 0]


def test_history_session_without_echo_does_not_hide_failed_echo() -> None:
    kept = filled("-", 10)
    query = QueryResult(QueryOutcome.ALLOWED, 0, matches=1, complete=True)
    kept.add(record(1, SessionResult("monitor", None, {"today": query})))
    assert kept.of(MAIN).status is Status.DOWN


def test_history_session_with_nothing_due_does_not_hide_failed_association() -> None:
    """Queries with `every` and no echo: between two runs nothing is asked."""
    kept = History(Config((MAIN,)))
    off = SessionResult(
        "monitor", None, {"x": QueryResult(QueryOutcome.NO_ASSOCIATION)}, duration=0.1, association=Outcome.REFUSED
    )
    kept.add(record(0, off))
    kept.add(record(1, SessionResult("monitor", None, {"today": QueryResult(QueryOutcome.EMPTY, 0, matches=0)})))
    assert kept.of(MAIN).status is Status.DOWN
    kept.add(record(2, replace(off, queries={}, association=Outcome.SUCCESS)))
    assert kept.of(MAIN).status is Status.OK


def test_history_reused_results_are_not_listed() -> None:
    kept = filled("+", 10)
    kept.add(record(60, GOOD, reused=["monitor"]))
    assert starts(kept) == [0]
    assert kept.of(MAIN).last == 60


def test_history_drops_digests() -> None:
    kept = History(Config((MAIN,)))
    query = QueryResult(QueryOutcome.ALLOWED, 0, matches=1, complete=True, digests={b"x": 1})
    kept.add(record(0, replace(GOOD, queries={"studies": query})))
    (probe,) = kept.of(MAIN).probes
    (session,) = probe.result.sessions
    assert session.queries["studies"] == replace(query, digests=None)
    assert session.queries["studies"].digests is None


def test_history_reload_forgets_removed_and_moved_targets() -> None:
    other, moved = replace(MAIN, name="other"), replace(MAIN, name="moved")
    targets = (MAIN, other, moved)
    kept = History(Config(targets))
    for target in targets:
        kept.add(record(0, BAD, target=target))
    labelled = replace(MAIN, labels={"site": "north"})
    elsewhere = replace(moved, address=Address("elsewhere.example", 104))
    kept.reload(Config((labelled, elsewhere)))
    assert [(track.target.name, track.status) for track in kept.all()] == [
        ("main", Status.DOWN),
        ("moved", Status.NEVER_PROBED),
    ]
    assert kept.of(other).probes == []


def test_history_probe_of_removed_or_moved_target_is_dropped() -> None:
    kept = History(Config((MAIN,)))
    kept.add(record(0, BAD, target=replace(MAIN, name="gone")))
    kept.add(record(0, BAD, target=replace(MAIN, address=Address("old.example", 104))))
    assert [track.status for track in kept.all()] == [Status.NEVER_PROBED]
    kept.add(record(0, BAD, target=replace(MAIN, labels={"site": "old"})))
    assert kept.of(MAIN).status is Status.DOWN


def test_history_reload_with_other_expectation_changes_the_status() -> None:
    kept = filled("--", 10)
    kept.reload(Config((replace(MAIN, expect=Expect.CONTROL),)))
    track = kept.of(MAIN)
    assert (track.status, track.since, len(track.probes)) == (Status.UNKNOWN, 1, 2)


def test_history_probe_that_was_cut_short_leaves_no_trace() -> None:
    kept = filled("+", 3)
    kept.add(replace(record(1, BAD), cut_short=frozenset({"monitor"})))
    track = kept.of(MAIN)
    assert (starts(kept), track.status, track.last) == ([0], Status.OK, 0)


def test_history_last_proof_ends_only_by_a_known_level() -> None:
    def at(start: float, attempt: Attempt) -> tuple[int, float] | None:
        kept.add(record(start, SessionResult("stranger", None, stranger=StrangerResult((attempt,)))))
        proof = kept.of(MAIN).proved.get(LadderService.DIMSE)
        return None if proof is None else (proof.level, proof.when)

    def accepted(studies: QueryResult) -> Attempt:
        return Attempt(Outcome.SUCCESS, queries={"studies": studies})

    kept = History(Config((MAIN,)))
    assert at(0, Attempt(Outcome.DNS_FAILURE)) is None
    assert at(1, Attempt(Outcome.NO_ANSWER)) == (1, 1)
    assert at(2, accepted(QueryResult(QueryOutcome.TIMEOUT))) == (3, 2)
    assert at(3, accepted(QueryResult(QueryOutcome.ALLOWED, matches=1))) == (5, 3)
    assert at(4, accepted(QueryResult(QueryOutcome.TIMEOUT))) == (5, 3)
    assert at(5, Attempt(Outcome.UNREACHABLE)) == (5, 3)
    assert at(6, Attempt(Outcome.REJECTED)) == (2, 6)


OVERLOADED = SessionResult("monitor", EchoResult(Outcome.OVERLOAD))


def test_history_down_ends_only_when_a_probe_saw_the_opposite() -> None:
    kept = History(Config((MAIN,)))
    seen = []
    for start, session in enumerate([GOOD, BAD, OVERLOADED, OVERLOADED, BAD, GOOD, OVERLOADED]):
        kept.add(record(start, session))
        track = kept.of(MAIN)
        seen.append((track.status, track.since, track.held))
    assert seen == [
        (Status.OK, 0, False),
        (Status.DOWN, 1, False),
        (Status.DOWN, 1, True),
        (Status.DOWN, 1, True),
        (Status.DOWN, 1, False),
        (Status.OK, 5, False),
        (Status.UNKNOWN, 6, False),
    ]
    assert kept.of(MAIN).recent == tuple(status for status, *_ in seen)


def test_history_exposed_ends_only_when_a_probe_saw_the_opposite() -> None:
    target = replace(MAIN, expect=Expect.CLOSED, modules=("exposure",))
    kept = History(Config((target,)))
    seen = []
    for start, outcome in enumerate(
        [Outcome.SUCCESS, Outcome.OVERLOAD, Outcome.SUCCESS, Outcome.REFUSED, Outcome.OVERLOAD]
    ):
        attempt = StrangerResult((Attempt(outcome),))
        kept.add(record(start, SessionResult("stranger", None, stranger=attempt, association=outcome), target=target))
        track = kept.of(target)
        seen.append((track.status, track.since, track.held))
    assert seen == [
        (Status.EXPOSED, 0, False),
        (Status.EXPOSED, 0, True),
        (Status.EXPOSED, 0, False),
        (Status.OK, 3, False),
        (Status.UNKNOWN, 4, False),
    ]
