"""Targets, results and probe records for unit tests: functions that make one, and examples that several tests use.

| examples | what they are |
|---|---|
| `FULL`, `GOOD`, `DOWN`, `REJECTED` | sessions of the identity `monitor` |
| `STRANGER`, `STRANGER_REJECTED`, `OPEN`, `SHUT`, `UNRESOLVED` | sessions of the identity `stranger` |
| `..._TARGET`, `SESSIONS`, `CONFIG` | one target in each status, with its sessions, as the pages show them |
| `FOUND_...`, `ALL_FOUND` | one target in each status, with its result, as a report lists them |
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from dicom_exporter.config import Address, Config, Expect, Target, WebEntry
from dicom_exporter.dicom.products import product
from dicom_exporter.enums import (
    Called,
    CanaryStep,
    LadderService,
    Outcome,
    Phase,
    QueryOutcome,
    RejectReason,
    RejectResult,
    RejectSource,
    Service,
    StoreOutcome,
    SuiteClass,
    TLSFailure,
    TLSVersion,
    WebAnswer,
)
from dicom_exporter.metrics import ExporterFacts
from dicom_exporter.pages.history import History
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.report import Report, make_report
from dicom_exporter.results import (
    Attempt,
    CanaryResult,
    CanaryStepResult,
    CertificateKey,
    EchoResult,
    Freshness,
    Peer,
    QueryResult,
    Rejection,
    SessionResult,
    StoreResult,
    StrangerResult,
    TargetResult,
    TLSFacts,
    TLSPosture,
    WebResult,
)
from dicom_exporter.text import SafeText

MINUTE = 60.0
MARKUP = "<script>alert(1)</script>"
SCRIPT = SafeText(f"{MARKUP}\x1b[2J\u202e")
"""A version name of a hostile peer."""


# Functions that make one


def target(name: str = "main", expect: Expect = Expect.AVAILABLE, **labels: str) -> Target:
    """A target at an address of its own."""
    return Target(name, Address(f"{name}.example", 104), expect=expect, labels=labels)


def peer(version: str, class_uid: str = "1.2.3", max_pdu_length: int = 0) -> Peer:
    """How an archive identifies itself."""
    uid, name = SafeText(class_uid), SafeText(version)
    return Peer(uid, name, max_pdu_length, product(uid, name))


def monitor(outcome: Outcome = Outcome.SUCCESS, studies: QueryResult | None = None, **fields: Any) -> SessionResult:
    """A session of the identity `monitor`; `studies` is the result of its query of that name."""
    if studies is not None:
        fields["queries"] = {"studies": studies}
    return SessionResult("monitor", EchoResult(outcome, 0 if outcome is Outcome.SUCCESS else None), **fields)


def stranger(
    outcome: Outcome,
    queries: Mapping[str, QueryResult] | None = None,
    *,
    dicomweb: WebResult | None = None,
    version: str = "",
) -> SessionResult:
    """A session of the identity `stranger`, of one attempt."""
    queries = queries or {}
    return SessionResult(
        "stranger",
        EchoResult(outcome),
        queries,
        peer=peer(version) if version else None,
        stranger=StrangerResult((Attempt(outcome, queries=queries),)),
        dicomweb=dicomweb,
    )


def listing(studies: int, patients: int | None = None, *, complete: bool = True) -> dict[str, QueryResult]:
    """The queries of an archive that lists its studies, of three images each, to anyone."""
    outcome = QueryOutcome.ALLOWED if complete else QueryOutcome.TRUNCATED
    images = 3 * studies
    found = QueryResult(outcome, matches=studies, complete=complete, instances=images, instances_complete=complete)
    queries = {"studies": found}
    if patients is not None:
        queries["patients"] = QueryResult(QueryOutcome.ALLOWED, matches=patients, complete=True)
    return queries


def record(one: Target, *sessions: SessionResult, start: float = 0.0, reused: Sequence[str] = ()) -> ProbeRecord:
    """A probe that began at `start`, in Unix time."""
    return make_record(one, one.modules, TargetResult(one.name, sessions), start, frozenset(reused))


def recent(one: Target, *sessions: SessionResult, ago: float = 0.0) -> ProbeRecord:
    """A probe that began `ago` seconds ago."""
    return record(one, *sessions, start=time.time() - ago)


# Sessions

REJECTION = Rejection(RejectResult.PERMANENT, RejectSource.SERVICE_USER, RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED)
CONQUEST = peer("1.4.16/LINUX", "1.2.826.0.1.3680043.2.135.1066.101")
"""In a version with a known vulnerability."""
STUDIES = QueryResult(
    QueryOutcome.TRUNCATED,
    status=0xB001,
    matches=50,
    complete=False,
    instances=1234,
    instances_complete=False,
    freshness=(Freshness("ModalitiesInStudy", SafeText("CT"), 600.0, overdue=False),),
    matches_by={"ModalitiesInStudy": {SafeText("CT"): 30, SafeText("MR"): 20}},
    duration=0.5,
    first_match=0.125,
    match_interval_mean=0.0625,
    match_interval_max=0.25,
    last_run=1_700_000_000.0,
)
FULL = SessionResult(
    identity="monitor",
    echo=EchoResult(Outcome.SUCCESS, 0),
    association=Outcome.SUCCESS,
    queries={
        "studies": STUDIES,
        "patients": QueryResult(QueryOutcome.ALLOWED, 0, matches=7, complete=True),
        "worklist": QueryResult(QueryOutcome.EMPTY, 0, matches=0, complete=True),
    },
    phases={Phase.CONNECT: 0.25, Phase.TLS: 0.5, Phase.ASSOCIATE: 0.125},
    duration=1.5,
    timeout=9.5,
    last_run=1_600_000_000.0,
    addresses=3,
    addresses_failed=1,
    services={Service.VERIFICATION: True, Service.STUDY_FIND: False},
    peer=peer("OFFIS_DCMTK_367", "1.2.276.0.7230010.3.0.3.6.7", 16384),
    tls=TLSFacts(
        "TLSv1.3",
        "TLS_AES_256_GCM_SHA384",
        1_800_000_000.0,
        True,
        False,
        TLSFailure.OTHER,
        chain_expiry=1_700_000_000.0,
        certificate=CertificateKey("rsa", 2048, "sha256"),
    ),
    store=StoreResult(StoreOutcome.SUCCESS, bytes=5_242_880, duration=0.75, status=0),
    negotiated={"EnhancedCTImageStorage": True},
    canary=CanaryResult(
        (
            CanaryStepResult(LadderService.DIMSE, CanaryStep.STORE, success=True, duration=0.25),
            CanaryStepResult(
                LadderService.DIMSE, CanaryStep.RETRIEVE, success=True, duration=0.25, first_byte=0.125, bytes=66_000
            ),
        )
    ),
    dicomweb=WebResult(
        WebAnswer.ENTRIES,
        queryable=True,
        lists_studies=True,
        status=200,
        over_tls=True,
        studies=42,
        complete=True,
        server=SafeText("nginx/1.2.3"),
        tls=TLSFacts(
            "TLSv1.3", "TLS_AES_256_GCM_SHA384", 1_900_000_000.0, True, False, TLSFailure.OTHER, 1_700_000_000.0
        ),
        phases={Phase.CONNECT: 0.25, Phase.FIRST_BYTE: 0.5},
    ),
)
"""Every field has a value."""
GOOD = SessionResult(
    "monitor",
    EchoResult(Outcome.SUCCESS, 0),
    {
        "studies": QueryResult(
            QueryOutcome.ALLOWED,
            0,
            matches=231,
            complete=True,
            instances=61544,
            instances_complete=True,
            duration=0.048,
            first_match=0.011,
        )
    },
    {
        Phase.RESOLVE: 0.0021,
        Phase.CONNECT: 0.0008,
        Phase.ASSOCIATE: 0.0041,
        Phase.ECHO: 0.0009,
        Phase.QUERY: 0.048,
        Phase.RELEASE: 0.0006,
    },
    duration=0.0571,
    timeout=9.5,
    services={Service.VERIFICATION: True, Service.STUDY_FIND: True},
    peer=peer("OFFIS_DCMTK_367", "1.2.276.0.7230010.3.0.3.6.7", 16384),
    tls=TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 1_900_000_000.0, True, False),
)
DOWN = SessionResult(
    "monitor",
    EchoResult(Outcome.REFUSED),
    {"studies": QueryResult(QueryOutcome.NO_ASSOCIATION)},
    {Phase.RESOLVE: 0.0019, Phase.CONNECT: 0.0004},
    duration=0.0025,
    timeout=9.5,
)
REJECTED = replace(DOWN, echo=EchoResult(Outcome.REJECTED), rejection=REJECTION)

OLD_TLS = TLSPosture(
    {TLSVersion.TLS_1_0: True, TLSVersion.SSL_3: False},
    {SuiteClass.RC4: True},
    1024,
    CertificateKey("rsa", 1024, "sha1"),
)
STRANGER = SessionResult(
    identity="stranger",
    echo=None,
    duration=0.5,
    timeout=9.5,
    stranger=StrangerResult(
        (
            Attempt(
                Outcome.SUCCESS,
                echo=EchoResult(Outcome.SUCCESS, 0),
                services={Service.VERIFICATION: True, Service.STORAGE: True, Service.STUDY_GET: False},
                queries={"random_uid": QueryResult(QueryOutcome.REFUSED, 0x0124)},
            ),
            Attempt(Outcome.REJECTED, Called.RANDOM),
        )
    ),
    dicomweb=WebResult(WebAnswer.DENIED, status=401),
    web=(WebResult(WebAnswer.UNKNOWN),),
)
"""Associates over plain DICOM and no more, is denied DICOMweb, and has no result for the web."""
STRANGER_REJECTED = SessionResult(
    identity="stranger",
    echo=EchoResult(Outcome.REJECTED),
    rejection=REJECTION,
    duration=0.25,
    timeout=9.5,
)
OPEN = SessionResult(
    "stranger",
    EchoResult(Outcome.SUCCESS, 0),
    phases={Phase.CONNECT: 0.0007, Phase.ASSOCIATE: 0.004, Phase.ECHO: 0.001, Phase.QUERY: 0.03},
    duration=0.09,
    timeout=14.5,
    services={Service.VERIFICATION: True, Service.STUDY_FIND: True, Service.STUDY_GET: True},
    peer=peer(SCRIPT, "1.2.826.0.1.3680043.9.3811.3.0.4", 16382),
    stranger=StrangerResult(
        (
            Attempt(
                Outcome.SUCCESS,
                echo=EchoResult(Outcome.SUCCESS, 0),
                services={Service.VERIFICATION: True, Service.STUDY_FIND: True, Service.STORAGE: True},
                queries={
                    "random_uid": QueryResult(QueryOutcome.EMPTY, 0, matches=0, complete=True),
                    "studies": QueryResult(QueryOutcome.TRUNCATED, 0xFE00, matches=1000, complete=False),
                    "worklist": QueryResult(QueryOutcome.UNSUPPORTED),
                },
                image_received=False,
            ),
            Attempt(Outcome.REJECTED, Called.RANDOM, rejection=REJECTION),
        )
    ),
    dicomweb=WebResult(WebAnswer.DENIED, status=401, server=SCRIPT, over_tls=True),
    web=(WebResult(WebAnswer.CLOSED),),
)
"""Lists studies to a stranger."""
SHUT = SessionResult(
    "stranger",
    EchoResult(Outcome.CONNECT_TIMEOUT),
    phases={Phase.CONNECT: 3.0},
    duration=3.002,
    timeout=14.5,
    stranger=StrangerResult((Attempt(Outcome.CONNECT_TIMEOUT),)),
)
UNRESOLVED = replace(
    SHUT,
    echo=EchoResult(Outcome.DNS_FAILURE),
    phases={Phase.RESOLVE: 2.0},
    stranger=StrangerResult((Attempt(Outcome.DNS_FAILURE),)),
)

# Targets in every status

TARGET = Target(
    "main",
    Address("pacs.example", 104),
    called_ae_title="PACS",
    expect=Expect.GUARDED,
    labels={"site": "north", "country": "DE"},
)
EXPOSED_TARGET = Target(
    "main-pacs-public",
    Address("203.0.113.7", 104),
    modules=("exposure",),
    expect=Expect.CLOSED,
    labels={"site": "north", "country": "DE"},
    dicomweb="https://pacs.hospital.example/dicom-web",
    web=(WebEntry("https://pacs.hospital.example/viewer"),),
)
DOWN_TARGET = Target(
    "main-pacs", Address("pacs.hospital.example", 11112), "MAINPACS", labels={"site": "north", "country": "DE"}
)
OK_TARGET = Target(
    "archive south", Address("2001:db8::10", 104), "SOUTH", labels={"site": "south", "country": "FR", "note": "<b>&"}
)
UNKNOWN_TARGET = replace(EXPOSED_TARGET, name="no-name", address=Address("gone.example", 104), dicomweb=None, web=())
REJECTED_TARGET = replace(DOWN_TARGET, name="does-not-know-us", address=Address("198.51.100.7", 104))
BLIND_TARGET = replace(UNKNOWN_TARGET, name="outside-control", expect=Expect.CONTROL)
SHUT_TARGET = replace(UNKNOWN_TARGET, name="shut", address=Address("198.51.100.9", 104))
NEVER_TARGET = replace(OK_TARGET, name="never-asked", labels={})

SESSIONS: Mapping[Target, tuple[SessionResult, ...]] = {
    OK_TARGET: (GOOD,),
    DOWN_TARGET: (DOWN,),
    NEVER_TARGET: (),
    EXPOSED_TARGET: (OPEN,),
    SHUT_TARGET: (SHUT,),
    UNKNOWN_TARGET: (UNRESOLVED,),
    REJECTED_TARGET: (REJECTED,),
    BLIND_TARGET: (SHUT,),
}
"""In a different order than on the pages."""
CONFIG = Config(tuple(SESSIONS))
AS_EXPECTED = {Expect.CLOSED: SHUT, Expect.CONTROL: OPEN, Expect.AVAILABLE: GOOD}


def history(config: Config = CONFIG, sessions_of: Mapping[Target, tuple[SessionResult, ...]] = SESSIONS) -> History:
    """Each target was as expected two hours ago; two probes since then found it as `sessions_of` says."""
    kept = History(config)
    for one, sessions in sessions_of.items():
        if not sessions:
            continue
        kept.add(recent(one, AS_EXPECTED[one.expect], ago=123 * MINUTE))
        kept.add(recent(one, *sessions, ago=122 * MINUTE))
        kept.add(recent(one, *sessions, ago=0.5 * MINUTE))
    return kept


# Reports

FOUND_OPEN = record(
    target("open", Expect.CLOSED, country="DE"), stranger(Outcome.SUCCESS, listing(1000, 700, complete=False))
)
FOUND_CLOSED = record(target("closed", Expect.CLOSED, country="DE"), stranger(Outcome.CONNECT_TIMEOUT))
FOUND_UNKNOWN = record(target("unknown", Expect.CLOSED, country="FR"), stranger(Outcome.DNS_FAILURE))
FOUND_DOWN = record(target("down", Expect.AVAILABLE, country="FR"), monitor(Outcome.REFUSED))
FOUND_GUARDED = record(
    target("guarded", Expect.GUARDED),
    monitor(studies=QueryResult(QueryOutcome.ALLOWED, matches=5, complete=True, instances=9, instances_complete=True)),
    stranger(Outcome.REJECTED),
)
FOUND_WEB = record(
    target("web", Expect.CLOSED, country="DE"),
    stranger(
        Outcome.REFUSED,
        dicomweb=WebResult(WebAnswer.ENTRIES, queryable=True, lists_studies=True, studies=40, complete=False),
    ),
)
FOUND_CONTROL = record(target("control", Expect.CONTROL, country="DE"), stranger(Outcome.SUCCESS, listing(8)))
FOUND_BLIND = record(target("control", Expect.CONTROL), stranger(Outcome.CONNECT_TIMEOUT))
ALL_FOUND = (FOUND_OPEN, FOUND_CLOSED, FOUND_UNKNOWN, FOUND_DOWN, FOUND_GUARDED, FOUND_WEB, FOUND_CONTROL)


def report(*all_found: ProbeRecord, by: str | None = None) -> Report:
    """A report of `all_found`, of a day that does not change."""
    started = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    return make_report(all_found, by=by, started=started, host="vantage", configuration=["config.yml"], version="1.2.3")


# The exporter itself

FACTS = ExporterFacts(
    version="1.2.3",
    python_version="3.11.2",
    reload_successful=False,
    reload_success_time=1_700_000_000.0,
    reloads={"success": 8, "failure": 1},
    probes_in_flight=3,
    probes={"success": 9},
    unknown_target_requests=4,
    denied_target_requests=7,
    requests_in_flight=5,
    requests={"200": 11, "404": 2},
    requests_refused={"requests": 6, "scrapes": 0},
    bad_requests={"method": 7, "tls": 0},
    stale_credential_files={("monitor", "http.bearer_token_file"): True, ("monitor", "tls.ca_file"): False},
)
"""The exporter's own metrics."""
