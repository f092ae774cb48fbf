"""What was found on some targets: one of each kind, and a report of them."""

from __future__ import annotations

from datetime import UTC, datetime

from dicom_exporter.config import Address, Expect, Target
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.report import Report, make_report
from dicom_exporter.results import (
    Attempt,
    EchoResult,
    Outcome,
    Peer,
    QueryOutcome,
    QueryResult,
    SessionResult,
    StrangerResult,
    TargetResult,
    WebAnswer,
    WebResult,
)
from dicom_exporter.text import SafeText

Found = ProbeRecord
SCRIPT = "<script>alert(1)</script>"


def target(name: str, expect: Expect, **labels: str) -> Target:
    """A target at an address of its own, which nobody ever asks."""
    return Target(name, Address(f"{name}.example", 104), expect=expect, labels=labels)


def found(one: Target, *sessions: SessionResult) -> Found:
    """The record of a probe of `one` that found `sessions`."""
    return make_record(one, one.modules, TargetResult(one.name, sessions), 0.0)


def ours(outcome: Outcome = Outcome.SUCCESS, studies: QueryResult | None = None, **more: object) -> SessionResult:
    """A session of our own."""
    queries = {} if studies is None else {"studies": studies}
    return SessionResult("monitor", EchoResult(outcome), queries, **more)  # type: ignore[arg-type]


def stranger(
    outcome: Outcome, queries: dict[str, QueryResult] | None = None, web: WebResult | None = None, version: str = ""
) -> SessionResult:
    """A stranger's session of one attempt."""
    queries = queries or {}
    attempt = Attempt(outcome, queries=queries)
    return SessionResult(
        "stranger",
        EchoResult(outcome),
        queries,
        peer=Peer(SafeText("1.2.3"), SafeText(version), 0, "unknown") if version else None,
        stranger=StrangerResult((attempt,)),
        dicomweb=web,
    )


def listing(studies: int, patients: int | None = None, *, complete: bool = True) -> dict[str, QueryResult]:
    """What an archive answers that lists its studies, three images in each, to anyone."""
    outcome = QueryOutcome.ALLOWED if complete else QueryOutcome.TRUNCATED
    queries = {"studies": QueryResult(outcome, matches=studies, complete=complete, instances=3 * studies)}
    if patients is not None:
        queries["patients"] = QueryResult(QueryOutcome.ALLOWED, matches=patients, complete=True)
    return queries


OPEN = found(target("open", Expect.CLOSED, country="DE"), stranger(Outcome.SUCCESS, listing(1000, 700, complete=False)))
CLOSED = found(target("closed", Expect.CLOSED, country="DE"), stranger(Outcome.CONNECT_TIMEOUT))
UNKNOWN = found(target("unknown", Expect.CLOSED, country="FR"), stranger(Outcome.DNS_FAILURE))
DOWN = found(target("down", Expect.AVAILABLE, country="FR"), ours(Outcome.REFUSED))
GUARDED = found(
    target("guarded", Expect.GUARDED),
    ours(studies=QueryResult(QueryOutcome.ALLOWED, matches=5, complete=True, instances=9)),
    stranger(Outcome.REJECTED),
)
WEB = found(
    target("web", Expect.CLOSED, country="DE"),
    stranger(
        Outcome.REFUSED,
        web=WebResult(WebAnswer.ENTRIES, queryable=True, lists_studies=True, studies=40, complete=False),
    ),
)
CONTROL = found(target("control", Expect.CONTROL, country="DE"), stranger(Outcome.SUCCESS, listing(8)))
BLIND = found(target("control", Expect.CONTROL), stranger(Outcome.CONNECT_TIMEOUT))
ALL = (OPEN, CLOSED, UNKNOWN, DOWN, GUARDED, WEB, CONTROL)


def report(*all_found: Found, by: str | None = None) -> Report:
    """A report of `all_found`, of a day that does not change."""
    begun = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return make_report(all_found, by=by, begun=begun, host="vantage", configuration=["config.yml"], version="1.2.3")
