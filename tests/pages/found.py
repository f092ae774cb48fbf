"""Targets in every condition, and the probes that found them so: something for the pages to show."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from dicom_exporter.config import Address, Config, Expect, Target, WebEntry
from dicom_exporter.pages.history import History
from dicom_exporter.prober.record import ProbeRecord, make_record
from dicom_exporter.results import (
    Attempt,
    Called,
    EchoResult,
    Outcome,
    Peer,
    Phase,
    QueryOutcome,
    QueryResult,
    Rejection,
    RejectReason,
    RejectResult,
    RejectSource,
    Service,
    SessionResult,
    StrangerResult,
    TargetResult,
    TLSFacts,
    WebAnswer,
    WebResult,
)
from dicom_exporter.text import SafeText

MINUTE = 60.0
SCRIPT = SafeText("<script>alert(1)</script>\x1b[2J\u202e")
"""A name that a peer may give itself."""

GOOD = SessionResult(
    "monitor",
    EchoResult(Outcome.SUCCESS, 0),
    {
        "studies": QueryResult(
            QueryOutcome.ALLOWED, 0, matches=231, complete=True, instances=61544, duration=0.048, first_match=0.011
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
    peer=Peer(SafeText("1.2.276.0.7230010.3.0.3.6.7"), SafeText("OFFIS_DCMTK_367"), 16384, "DCMTK"),
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
REJECTED = replace(
    DOWN,
    echo=EchoResult(Outcome.REJECTED),
    rejection=Rejection(
        RejectResult.PERMANENT, RejectSource.SERVICE_USER, RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
    ),
)
SHUT = SessionResult(
    "stranger",
    EchoResult(Outcome.CONNECT_TIMEOUT),
    phases={Phase.CONNECT: 3.0},
    duration=3.002,
    timeout=14.5,
    stranger=StrangerResult((Attempt(Outcome.CONNECT_TIMEOUT),)),
)
UNKNOWN = replace(
    SHUT,
    echo=EchoResult(Outcome.DNS_FAILURE),
    phases={Phase.RESOLVE: 2.0},
    stranger=StrangerResult((Attempt(Outcome.DNS_FAILURE),)),
)
OPEN = SessionResult(
    "stranger",
    EchoResult(Outcome.SUCCESS, 0),
    phases={Phase.CONNECT: 0.0007, Phase.ASSOCIATE: 0.004, Phase.ECHO: 0.001, Phase.QUERY: 0.03},
    duration=0.09,
    timeout=14.5,
    services={Service.VERIFICATION: True, Service.STUDY_FIND: True, Service.STUDY_GET: True},
    peer=Peer(SafeText("1.2.826.0.1.3680043.9.3811.3.0.4"), SCRIPT, 16382, "pynetdicom"),
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
            Attempt(Outcome.REJECTED, Called.RANDOM, rejection=REJECTED.rejection),
        )
    ),
    dicomweb=WebResult(WebAnswer.DENIED, status=401, server=SCRIPT, over_tls=True),
    web=(WebResult(WebAnswer.CLOSED),),
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

FOUND = {
    OK_TARGET: (GOOD,),
    DOWN_TARGET: (DOWN,),
    NEVER_TARGET: (),
    EXPOSED_TARGET: (OPEN,),
    SHUT_TARGET: (SHUT,),
    UNKNOWN_TARGET: (UNKNOWN,),
    REJECTED_TARGET: (REJECTED,),
    BLIND_TARGET: (SHUT,),
}
"""In an order that is not the one in which they are shown."""
CONFIG = Config(tuple(FOUND))
FINE = {Expect.CLOSED: SHUT, Expect.CONTROL: OPEN, Expect.AVAILABLE: GOOD}


def record(target: Target, *sessions: SessionResult, before: float = 0.0) -> ProbeRecord:
    """A probe that began `before` seconds ago."""
    return make_record(target, target.modules, TargetResult(target.name, sessions), time.time() - before)


def history(config: Config = CONFIG, found: Mapping[Target, tuple[SessionResult, ...]] | None = None) -> History:
    """Each target was as expected two hours ago, and is as in `found` since then, which was seen twice."""
    kept = History(config)
    for target, sessions in (FOUND if found is None else found).items():
        if not sessions:
            continue
        kept.add(record(target, FINE[target.expect], before=123 * MINUTE))
        kept.add(record(target, *sessions, before=122 * MINUTE))
        kept.add(record(target, *sessions, before=0.5 * MINUTE))
    return kept
