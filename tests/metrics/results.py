"""Results to show, and a short way to look at what is shown."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import Metric

from dicom_exporter.config import Address, Expect, Target
from dicom_exporter.metrics import ExporterFacts, families
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
    StoreResult,
    StrangerResult,
    TargetResult,
    TLSFacts,
    WebAnswer,
    WebResult,
)
from dicom_exporter.text import SafeText

TARGET = Target(
    "main",
    Address("pacs.example", 104),
    called_ae_title="PACS",
    expect=Expect.GUARDED,
    labels={"site": "north", "country": "DE"},
)
CONQUEST = Peer(SafeText("1.2.826.0.1.3680043.2.135.1066.101"), SafeText("1.4.16/LINUX"), 0, "ConQuest")
"""In a version that an advisory is about."""
STUDIES = QueryResult(
    QueryOutcome.TRUNCATED,
    status=0xB001,
    matches=50,
    complete=False,
    instances=1234,
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
    queries={
        "studies": STUDIES,
        "patients": QueryResult(QueryOutcome.ALLOWED, 0, matches=7, complete=True),
        "worklist": QueryResult(QueryOutcome.EMPTY, 0, matches=0, complete=True),
    },
    phases={Phase.CONNECT: 0.25, Phase.TLS: 0.5, Phase.ASSOCIATE: 0.125},
    duration=1.5,
    timeout=9.5,
    association=Outcome.SUCCESS,
    last_run=1_600_000_000.0,
    services={Service.VERIFICATION: True, Service.STUDY_FIND: False},
    peer=Peer(SafeText("1.2.276.0.7230010.3.0.3.6.7"), SafeText("OFFIS_DCMTK_367"), 16384, "DCMTK"),
    tls=TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 1_800_000_000.0, True, False),
    store=StoreResult(success=True, bytes=5_242_880, duration=0.75, status=0),
    dicomweb=WebResult(
        WebAnswer.ENTRIES,
        queryable=True,
        lists_studies=True,
        status=200,
        over_tls=True,
        studies=42,
        complete=True,
        server=SafeText("nginx/1.2.3"),
        tls=TLSFacts("TLSv1.3", "TLS_AES_256_GCM_SHA384", 1_900_000_000.0, True, False),
        phases={Phase.CONNECT: 0.25, Phase.FIRST_BYTE: 0.5},
    ),
)
REJECTED = SessionResult(
    identity="stranger",
    echo=EchoResult(Outcome.REJECTED),
    association=Outcome.REJECTED,
    rejection=Rejection(
        RejectResult.PERMANENT, RejectSource.SERVICE_USER, RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
    ),
    duration=0.25,
    timeout=9.5,
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
"""Associates over plain DICOM and no more, is denied DICOMweb, and could not tell about the web."""

FACTS = ExporterFacts(
    version="1.2.3",
    python_version="3.11.2",
    reload_successful=False,
    reload_success_time=1_700_000_000.0,
    probes_in_flight=3,
    unknown_target_requests=4,
    denied_target_requests=7,
    requests_in_flight=5,
    requests_refused={"requests": 6, "scrapes": 0},
)
"""What an exporter says of itself."""

Labels = frozenset[tuple[str, str]]


Shown = dict[str, dict[Labels, float]]
"""Metric name -> labels -> value."""


def shown(*sessions: SessionResult, target: Target = TARGET, target_label: bool = False) -> Shown:
    """What is shown of one target."""
    return values(families([record(*sessions, target=target)], target_label=target_label))


def record(*sessions: SessionResult, target: Target = TARGET) -> ProbeRecord:
    """The record of a probe of `target` that found `sessions`."""
    return make_record(target, target.modules, TargetResult(target.name, sessions), 0.0)


def values(metrics: Iterable[Metric]) -> Shown:
    """What `metrics` say; a series must not come twice."""
    found: Shown = {}
    for metric in metrics:
        for sample in metric.samples:
            series = found.setdefault(sample.name, {})
            key = frozenset(sample.labels.items())
            assert key not in series
            series[key] = sample.value
    return found


def labels(**pairs: str) -> Labels:
    return frozenset(pairs.items())
