"""A target and the result of its probe, such that each metric family has one series with all of its labels."""

from __future__ import annotations

from dicom_exporter.config import Address, Expect, Target
from dicom_exporter.enums import (
    CanaryStep,
    LadderService,
    Outcome,
    Phase,
    QueryOutcome,
    RejectReason,
    RejectResult,
    RejectSource,
    SecureProfile,
    Service,
    StoreOutcome,
    SuiteClass,
    TLSFailure,
    TLSVersion,
    WebAnswer,
)
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
    TLSFacts,
    TLSPosture,
    WebResult,
)
from dicom_exporter.text import SafeText

_TLS = TLSFacts(
    "TLSv1.3",
    "TLS_AES_256_GCM_SHA384",
    1_900_000_000.0,
    certificate_trusted=True,
    client_certificate_required=False,
    failure=TLSFailure.EXPIRED,
    chain_expiry=1_800_000_000.0,
    certificate=CertificateKey("rsa", 2048, "sha256"),
)

TARGET = Target(
    "main",
    Address("pacs.example", 104),
    expect=Expect.GUARDED,
    labels={"site": "north"},
    tls_profile=SecureProfile.BCP195,
)
QUERY = QueryResult(
    QueryOutcome.TRUNCATED,
    status=0xB001,
    matches=50,
    complete=False,
    instances=1234,
    instances_complete=False,
    freshness=(Freshness("ModalitiesInStudy", SafeText("CT"), 600.0, overdue=False),),
    matches_by={"ModalitiesInStudy": {SafeText("CT"): 30}},
    duration=0.5,
    first_match=0.125,
    match_interval_mean=0.0625,
    match_interval_max=0.25,
    last_run=1_700_000_000.0,
)
ANSWERED = SessionResult(
    "monitor",
    EchoResult(Outcome.SUCCESS, 0),
    dict.fromkeys(("studies", "patients", "worklist"), QUERY),
    {Phase.CONNECT: 0.25},
    association=Outcome.SUCCESS,
    duration=1.5,
    timeout=9.5,
    last_run=1_700_000_000.0,
    addresses=3,
    addresses_failed=1,
    services={Service.VERIFICATION: True},
    peer=Peer(
        SafeText("1.2.826.0.1.3680043.2.135.1066.101"), SafeText("1.4.16/LINUX"), 16384, "ConQuest"
    ),  # in a version with an advisory
    tls=_TLS,
    store=StoreResult(StoreOutcome.SUCCESS, bytes=5_242_880, duration=0.75, status=0),
    negotiated={"EnhancedCTImageStorage": True},
    software=SafeText("1.9.7"),
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
        tls=_TLS,
        phases={Phase.CONNECT: 0.25},
    ),
)
REJECTED = SessionResult(
    "monitor",
    EchoResult(Outcome.REJECTED),
    rejection=Rejection(
        RejectResult.PERMANENT, RejectSource.SERVICE_USER, RejectReason.CALLING_AE_TITLE_NOT_RECOGNIZED
    ),
)
STRANGER = SessionResult(
    "stranger",
    None,
    stranger=StrangerResult((Attempt(Outcome.SUCCESS, echo=EchoResult(Outcome.SUCCESS, 0)),)),
    dicomweb=WebResult(WebAnswer.DENIED, status=401),
    web=(WebResult(WebAnswer.UNKNOWN),),
    tls_postures={
        LadderService.DIMSE: (
            TLSPosture(
                {TLSVersion.TLS_1_0: True}, {SuiteClass.RC4: False}, 2048, CertificateKey("rsa", 2048, "sha256")
            ),
        )
    },
)
