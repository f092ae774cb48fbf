"""Which probes are kept of a target, and what is said of it by them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from dicom_exporter.config import Address, Config, Expect, Target
from dicom_exporter.pages import history
from dicom_exporter.pages.history import History
from dicom_exporter.prober.record import ProbeRecord
from dicom_exporter.results import EchoResult, Outcome, QueryOutcome, QueryResult, SessionResult, TargetResult
from dicom_exporter.verdict.findings import Standing
from tests.builders import STRANGER

MAIN = Target("main", Address("pacs.example", 104))
GOOD = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0))
BAD = SessionResult("monitor", EchoResult(Outcome.REFUSED))


def finished(start: float, *sessions: SessionResult, target: Target = MAIN, reused: Sequence[str] = ()) -> ProbeRecord:
    return ProbeRecord(target, target.modules, TargetResult(target.name, sessions), start, frozenset(reused))


def filled(found: str, limit: int) -> History:
    """A history of good (`+`) and failed (`-`) probes that began at second 0, 1, 2 and so on."""
    kept = History(Config((MAIN,)), limit)
    for start, sign in enumerate(found):
        kept.add(finished(start, GOOD if sign == "+" else BAD))
    return kept


def starts(kept: History) -> list[float]:
    return [probe.start for probe, _ in kept.of(MAIN).probes]


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
def test_the_last_failures_outlive_later_successes(found: str, limit: int, kept: list[float]) -> None:
    assert starts(filled(found, limit)) == kept


def test_of_very_many_targets_the_last_probe_and_the_last_failure_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_PROBES", 6)
    targets = tuple(replace(MAIN, name=f"target-{number}") for number in range(100))
    kept = History(Config(targets), 50)
    for start in range(10):
        for target in targets:
            kept.add(finished(start, BAD if start == 3 else GOOD, target=target))
    for target in targets:
        assert [probe.start for probe, _ in kept.of(target).probes] == [9, 3]


def test_a_target_stands_as_it_does_since_the_first_probe_that_found_it_so() -> None:
    kept = filled("+++--", 10)
    track = kept.of(MAIN)
    assert (track.standing, track.since, track.since_first, track.last) == (Standing.DOWN, 3, False, 4)
    kept.add(finished(5, GOOD))
    assert (track.standing, track.since, track.since_first) == (Standing.OK, 5, False)


def test_from_the_first_probe_on_may_mean_longer() -> None:
    track = filled("--", 10).of(MAIN)
    assert (track.since, track.since_first) == (0, True)


def test_what_different_scrapes_find_is_put_together() -> None:
    """One scrape runs `availability`, another `exposure`: a success of the one does not undo what the other found."""
    target = replace(MAIN, modules=("availability", "exposure"), expect=Expect.GUARDED)
    kept = History(Config((target,)))
    kept.add(finished(0, STRANGER, target=target))
    kept.add(finished(1, GOOD, target=target))
    assert (kept.of(target).standing, kept.of(target).since) == (Standing.EXPOSED, 0)


def test_an_identity_that_is_none_of_the_targets_own_is_kept_and_decides_nothing() -> None:
    kept = filled("+", 10)
    kept.add(finished(1, replace(BAD, identity="other")))
    assert kept.of(MAIN).standing is Standing.OK
    assert starts(kept) == [1, 0]


def test_a_session_without_an_echo_does_not_hide_that_the_echo_failed() -> None:
    kept = filled("-", 10)
    query = QueryResult(QueryOutcome.ALLOWED, 0, matches=1, complete=True)
    kept.add(finished(1, SessionResult("monitor", None, {"today": query})))
    assert kept.of(MAIN).standing is Standing.DOWN


def test_results_that_are_only_shown_again_are_no_probe() -> None:
    kept = filled("+", 10)
    kept.add(finished(60, GOOD, reused=["monitor"]))
    assert starts(kept) == [0]
    assert kept.of(MAIN).last == 60


def test_hashes_of_studies_are_not_kept() -> None:
    kept = History(Config((MAIN,)))
    query = QueryResult(QueryOutcome.ALLOWED, 0, matches=1, complete=True, digests=frozenset({b"x"}))
    kept.add(finished(0, replace(GOOD, queries={"studies": query})))
    ((probe, _),) = kept.of(MAIN).probes
    (session,) = probe.result.sessions
    assert session.queries["studies"] == replace(query, digests=None)
    assert session.queries["studies"].digests is None


def test_a_reload_forgets_what_is_gone_and_what_moved_and_keeps_the_rest() -> None:
    other, moved = replace(MAIN, name="other"), replace(MAIN, name="moved")
    targets = (MAIN, other, moved)
    kept = History(Config(targets))
    for target in targets:
        kept.add(finished(0, BAD, target=target))
    labelled = replace(MAIN, labels={"site": "north"})
    elsewhere = replace(moved, address=Address("elsewhere.example", 104))
    kept.reload(Config((labelled, elsewhere)))
    assert [(track.target.name, track.standing) for track in kept.all()] == [
        ("main", Standing.DOWN),
        ("moved", Standing.NEVER_PROBED),
    ]
    assert kept.of(other).probes == []


def test_a_probe_that_ends_after_its_target_is_gone_or_moved_is_let_go() -> None:
    kept = History(Config((MAIN,)))
    kept.add(finished(0, BAD, target=replace(MAIN, name="gone")))
    kept.add(finished(0, BAD, target=replace(MAIN, address=Address("old.example", 104))))
    assert [track.standing for track in kept.all()] == [Standing.NEVER_PROBED]
    kept.add(finished(0, BAD, target=replace(MAIN, labels={"site": "old"})))
    assert kept.of(MAIN).standing is Standing.DOWN


def test_another_expectation_is_another_standing() -> None:
    kept = filled("--", 10)
    kept.reload(Config((replace(MAIN, expect=Expect.CONTROL),)))
    track = kept.of(MAIN)
    assert (track.standing, track.since, len(track.probes)) == (Standing.UNKNOWN, 1, 2)
