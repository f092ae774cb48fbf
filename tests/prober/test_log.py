"""The lines about probes: all of them at debug, changes at info."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest

from dicom_exporter import logs
from dicom_exporter.config import Address, Config, Expect, Target
from dicom_exporter.enums import Outcome, Phase, QueryOutcome, RejectReason, RejectResult, RejectSource
from dicom_exporter.prober.log import ProbeLog
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.results import (
    Attempt,
    EchoResult,
    Peer,
    QueryResult,
    Rejection,
    SessionResult,
    StrangerResult,
    TargetResult,
)
from dicom_exporter.text import SafeText
from tests.builders import STRANGER

MAIN = Target("main", Address("pacs.example", 104))
GOOD = SessionResult("monitor", EchoResult(Outcome.SUCCESS, 0), phases={Phase.CONNECT: 0.25}, duration=0.5)
BAD = SessionResult("monitor", EchoResult(Outcome.REFUSED), duration=0.125)
REJECTED = replace(
    BAD,
    echo=EchoResult(Outcome.REJECTED),
    rejection=Rejection(
        RejectResult.PERMANENT, RejectSource.SERVICE_USER, RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
    ),
)


@pytest.fixture
def lines(capfd: pytest.CaptureFixture[str]) -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield Lines(capfd)
    root.handlers[:] = handlers
    root.setLevel(level)


class Lines:
    """What is logged."""

    def __init__(self, capfd: pytest.CaptureFixture[str]) -> None:
        self._capfd = capfd

    def of(self, *steps: ProbeRecord | Config, level: str = "info") -> list[dict[str, object]]:
        """The lines that probes, and reloads of a configuration, make of a log that begins with them."""
        logs.configure(level, logs.LogFormat.JSON)
        log = ProbeLog(Config((MAIN,)))
        for step in steps:
            if isinstance(step, Config):
                log.reload(step)
            else:
                log.add(step)
        return [json.loads(line) for line in self._capfd.readouterr().err.splitlines()]


def record(*sessions: SessionResult, target: Target = MAIN, reused: Sequence[str] = ()) -> ProbeRecord:
    return make_record(target, target.modules, TargetResult(target.name, sessions), 0.0, frozenset(reused))


def test_log_info_has_one_line_for_each_change(lines: Lines) -> None:
    good, bad = record(GOOD), record(BAD)
    down, up = lines.of(good, good, bad, bad, bad, good, good)
    assert (down["level"], down["msg"]) == ("info", "outcome changed")
    assert (down["target"], down["identity"]) == ("main", "monitor")
    assert (down["outcome"], down["was_outcome"]) == ("refused", "success")
    assert down["seconds"] == 0.125
    assert (up["outcome"], up["was_outcome"], up["connect_seconds"]) == ("success", "refused", 0.25)


def test_log_first_probe_not_as_expected_has_one_line(lines: Lines) -> None:
    (line,) = lines.of(record(BAD), record(BAD))
    assert (line["level"], line["msg"], line["outcome"]) == ("info", "not as expected", "refused")


def test_log_target_off_without_echo_is_down(lines: Lines) -> None:
    query = {"today": QueryResult(QueryOutcome.NO_ASSOCIATION)}
    off = replace(BAD, echo=None, association=Outcome.REFUSED, queries=query)
    answers = replace(GOOD, echo=None, association=Outcome.SUCCESS, queries={"today": QueryResult(QueryOutcome.EMPTY)})
    first, up, down = lines.of(record(off), record(off), record(answers), record(off))
    assert (first["msg"], first["status"], first["association"]) == ("not as expected", "down", "refused")
    assert (up["msg"], up["status"], up["was_association"]) == ("outcome changed", "ok", "refused")
    assert (down["msg"], down["status"], down["was_association"]) == ("outcome changed", "down", "success")


def test_log_debug_has_one_line_for_each_probe(lines: Lines) -> None:
    found = lines.of(record(GOOD), record(GOOD), record(GOOD, reused=["monitor"]), level="debug")
    assert [(line["level"], line["msg"]) for line in found] == [("debug", "probe")] * 2


def test_log_change_of_exposure_level_has_a_line(lines: Lines) -> None:
    target = replace(MAIN, expect=Expect.CLOSED)
    nobody = replace(STRANGER, stranger=replace(STRANGER.stranger, attempts=()), web=())  # type: ignore[type-var]
    level, unknown = lines.of(record(STRANGER, target=target), record(nobody, target=target))
    assert (level["msg"], level["level_dimse"], level["level_dicomweb"]) == ("not as expected", "3", "2")
    assert (unknown["msg"], unknown["level_dimse"], unknown["was_level_dimse"]) == ("outcome changed", "unknown", "3")


def test_log_change_of_match_count_has_no_line(lines: Lines) -> None:
    def counted(outcome: QueryOutcome, matches: int | None) -> ProbeRecord:
        return record(replace(GOOD, queries={"today": QueryResult(outcome, 0, matches=matches)}))

    found = [counted(QueryOutcome.EMPTY, 0), counted(QueryOutcome.ALLOWED, 7), counted(QueryOutcome.TRUNCATED, 100)]
    assert lines.of(*found, record(GOOD), *found) == []
    (line,) = lines.of(*found, counted(QueryOutcome.REFUSED, None))
    assert (line["query_today"], line["was_query_today"]) == ("refused", "answered")


def test_log_rejection_has_reason_of_the_standard(lines: Lines) -> None:
    (line,) = lines.of(record(REJECTED))
    assert line["reason"] == "calling-ae-title-not-recognized"


def test_log_has_no_text_of_a_peer(lines: Lines) -> None:
    session = replace(GOOD, peer=Peer(SafeText("1.2.3"), SafeText("<script>\x1b[2J\n"), 0, "unknown"))
    (line,) = lines.of(record(session), level="debug")
    assert "script" not in json.dumps(line)


def test_log_ad_hoc_target_has_no_line(lines: Lines) -> None:
    assert lines.of(record(BAD, target=replace(MAIN, name="10.0.0.1:104"))) == []


def test_log_reload_keeps_facts_of_remaining_targets(lines: Lines) -> None:
    bad = record(BAD)
    assert len(lines.of(bad, Config((MAIN, replace(MAIN, name="new"))), bad)) == 1
    assert len(lines.of(bad, Config(()), Config((MAIN,)), bad)) == 2


def test_log_probe_that_was_cut_short_is_no_change(lines: Lines) -> None:
    cut = replace(record(BAD), cut_short=frozenset({"monitor"}))
    assert lines.of(record(GOOD), cut, record(GOOD)) == []
    (line,) = lines.of(cut, level="debug")
    assert line["outcome"] == "refused"


def test_log_unknown_level_has_its_reasons_and_what_was_proved(lines: Lines) -> None:
    timed_out = {"studies": QueryResult(QueryOutcome.TIMEOUT), "patients": QueryResult(QueryOutcome.NO_ASSOCIATION)}
    slow = StrangerResult((Attempt(Outcome.SUCCESS, queries=timed_out),))
    (line,) = lines.of(record(replace(STRANGER, stranger=slow), target=replace(MAIN, expect=Expect.GUARDED)))
    assert (line["level_dimse"], line["level_dimse_at_least"]) == ("unknown", 3)
    assert line["level_dimse_unknown"] == "not_asked timeout"
    assert "level_dicomweb_unknown" not in line
