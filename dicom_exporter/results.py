"""What a probe found, as small frozen values.

Probes make these, `exposure` and `metrics` read them. Nothing here does anything, and nothing here imports more than
the standard library, `enums` and `text`. A field that is ``None`` was not established: it becomes an absent sample,
never a 0.

No field may ever hold an identifying attribute of a match (PS3.15 Annex E lists them).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dicom_exporter.enums import (
    Called,
    CanaryStep,
    LadderLevel,
    LadderService,
    LoginScheme,
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
    UnknownReason,
    WebAnswer,
)
from dicom_exporter.text import SafeText


@dataclass(frozen=True, slots=True)
class Rejection:
    """An A-ASSOCIATE-RJ in the words of PS3.8 Table 9-21."""

    result: RejectResult
    source: RejectSource
    reason: RejectReason


@dataclass(frozen=True, slots=True)
class Peer:
    """Who the peer says it is (PS3.7 D.3.3.2)."""

    implementation_class_uid: SafeText
    implementation_version: SafeText
    max_pdu_bytes: int
    """What it can receive in one PDU; 0 means that it states no limit (PS3.8 D.1)."""
    product: str
    """What `dicom.products` makes of the two names; ``unknown`` if it knows neither."""


@dataclass(frozen=True, slots=True)
class CertificateKey:
    """What a certificate is made with."""

    kind: str
    """``rsa``, ``ec``, ``ed25519``, ``ed448``, ``dsa`` or ``other``."""
    bits: int
    """Of the modulus, or of the curve."""
    hash: str
    """Of its signature: ``sha256`` and the like, ``md5`` to ``sha512``; ``other``, as that of EdDSA."""


@dataclass(frozen=True, slots=True)
class TLSPosture:
    """What a server accepts of what it was offered in handshakes that were abandoned. What is missing is not known."""

    versions: Mapping[TLSVersion, bool] = field(default_factory=dict)
    suites: Mapping[SuiteClass, bool] = field(default_factory=dict)
    dh_bits: int | None = None
    """Size of its finite-field Diffie-Hellman group; 0: it has none."""
    certificate: CertificateKey | None = None
    """The server's own; None if it speaks TLS 1.3 alone."""


@dataclass(frozen=True, slots=True)
class TLSFacts:
    """What a TLS handshake showed."""

    version: str | None = None
    """None if the handshake did not get that far. This and `cipher` are names of our TLS library, not peer text."""
    cipher: str | None = None
    certificate_expiry: float | None = None
    """Unix time at which the first certificate of the verified chain expires; if none was verified, the peer's own."""
    certificate_trusted: bool | None = None
    client_certificate_required: bool | None = None
    failure: TLSFailure | None = None
    """Why the handshake failed; None if it succeeded, or if that did not show."""
    chain_expiry: float | None = None
    """Unix time at which the first of the certificates expires that the peer shows, whether or not they are needed."""
    certificate: CertificateKey | None = None
    """The peer's own."""


@dataclass(frozen=True, slots=True)
class EchoResult:
    """The C-ECHO, or why there was none."""

    outcome: Outcome
    status: int | None = None
    """The status of the C-ECHO-RSP (PS3.7 9.3.5), None if no response came."""


@dataclass(frozen=True, slots=True)
class Freshness:
    """The newest study of a query, of one value of the attribute that it counts by."""

    attribute: str
    """Its keyword; empty where the query counts by nothing."""
    value: SafeText
    age: float | None
    """Seconds from the newest study, by its date and time, until the query ran; None where that is not known."""
    overdue: bool | None
    """Whether something newer should have come; None where that is not known, or nothing is said of it."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """One C-FIND. Counts are of responses; no identifier is kept."""

    outcome: QueryOutcome
    status: int | None = None
    """The final status (PS3.7 Annex C), None if none came."""
    matches: int | None = None
    """Pending responses with a match (FF00 and FF01). None if the answer does not allow a count."""
    complete: bool | None = None
    """True: all counted. False: at least this many."""
    instances: int | None = None
    """Sum of NumberOfStudyRelatedInstances over the matches that carry it; None if none does."""
    instances_complete: bool | None = None
    """True: `instances` is the whole sum. False: at least this many. None if `complete` is, or without a sum."""
    matches_by: Mapping[str, Mapping[SafeText, int]] = field(default_factory=dict)
    """attribute keyword -> value -> matches; see `config` for the attributes that are allowed."""
    freshness: tuple[Freshness, ...] = ()
    duration: float | None = None
    first_match: float | None = None
    match_interval_mean: float | None = None
    match_interval_max: float | None = None
    last_run: float | None = None
    """Unix time at which it ran, for queries with `every`."""
    digests: Mapping[bytes, int | None] | None = field(default=None, repr=False, compare=False)
    """Keyed hashes of the StudyInstanceUIDs, if the config compares two targets, with the number of images where
    that is asked for and answered; gone with the scrape."""
    minimal_keys: bool = False
    """Asked for the unique key alone, because the archive aborted on more."""
    doubt: UnknownReason | None = None
    """Why another client might get more than the outcome says; None if the outcome is the archive's doing, or says
    it by itself."""


@dataclass(frozen=True, slots=True)
class StoreResult:
    """The C-STOREs of a bandwidth test."""

    outcome: StoreOutcome
    bytes: int | None = None
    """Bytes of the datasets that the archive took."""
    duration: float | None = None
    status: int | None = None
    """The status of the last C-STORE-RSP (PS3.7 9.3.1.2), None if none came."""


@dataclass(frozen=True, slots=True)
class CanaryStepResult:
    """How one step of a canary ended."""

    service: LadderService
    step: CanaryStep
    success: bool | None
    """None if it is not known, as this exporter had no time for it."""
    duration: float
    """Seconds; of `findable`, until it was listed."""
    failure: str = ""
    """Why it failed, within a sentence: words of ours, none of the peer's."""
    outcome: Outcome | None = None
    """How the association ended, if that is why."""
    first_byte: float | None = None
    """Of `retrieve`: seconds from the request to the first bytes of the image."""
    bytes: int | None = None
    """Of `retrieve`: bytes that came, with the headers of their parts."""


@dataclass(frozen=True, slots=True)
class CanaryResult:
    """The steps of a canary that were taken, in their order. After one that failed there is none of its service."""

    steps: tuple[CanaryStepResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempt:
    """One association of a stranger, with a random calling AE title, and how far it got."""

    outcome: Outcome
    """`success` for an A-ASSOCIATE-AC, else how it ended before."""
    called: Called = Called.CONFIGURED
    over_tls: bool = False
    rejection: Rejection | None = None
    echo: EchoResult | None = None
    services: Mapping[Service, bool] = field(default_factory=dict)
    queries: Mapping[str, QueryResult] = field(default_factory=dict)
    """``random_uid``, ``studies``, ``patients``, ``worklist``: those that were asked."""
    identity_seen: bool | None = None
    """A match carried a non-empty name, ID or birth date; None if that was not tried."""
    image_received: bool | None = None
    """Bytes of an instance arrived by C-GET; None if that was not tried."""
    retrieve_authorised: bool | None = None
    """A C-GET of a study that cannot exist succeeded, or was refused; None if that is not known, or was not tried."""
    tls: TLSFacts | None = None
    doubts: frozenset[UnknownReason] = frozenset()
    """What kept this attempt from getting further, and is not the peer's doing. What the outcomes of the association
    and of the queries say by themselves need not be repeated here."""


@dataclass(frozen=True, slots=True)
class StrangerResult:
    """What somebody nobody knows gets of a DICOM port: the attempts, in the order in which they were made."""

    attempts: tuple[Attempt, ...] = ()
    obsolete_tls_accepted: bool | None = None
    """Whether a handshake of TLS 1.0 or 1.1 succeeded; None if TLS was not spoken, or it was not tried."""
    doubts: frozenset[UnknownReason] = frozenset()
    """What was not attempted at all and could have brought more, such as another address of the name."""


@dataclass(frozen=True, slots=True)
class WebResult:
    """What one HTTP service answered, a DICOMweb root or a viewer's."""

    answer: WebAnswer
    """To the furthest-reaching question that was asked."""
    queryable: bool = False
    """A query for a random UID was answered, and nothing matched."""
    lists_studies: bool = False
    identity_seen: bool | None = None
    image_received: bool | None = None
    authenticated: bool = False
    """Whether it was asked with credentials."""
    status: int | None = None
    """HTTP status of the first answer."""
    over_tls: bool = False
    studies: int | None = None
    complete: bool | None = None
    server: SafeText | None = None
    """The ``Server`` header."""
    version: SafeText | None = None
    """What Orthanc's own REST interface says that its version is; None for everything else."""
    client_certificate_required: bool | None = None
    login: tuple[LoginScheme, ...] = ()
    """What the first 401 named, sorted; empty if there was none."""
    stow_offered: bool | None = None
    """Whether POST is among the methods that it allows for studies; None if it does not say, or was not asked."""
    cors_with_credentials: bool | None = None
    """Whether it lets the pages of any web site use the login of whoever looks at them; None as above."""
    tls: TLSFacts | None = None
    doubts: frozenset[UnknownReason] = frozenset()
    """What kept it from getting further, and is not the server's doing."""
    phases: Mapping[Phase, float] = field(default_factory=dict)
    """Seconds of resolve, connect, tls, first_byte, transfer in the first request: those that were reached."""


@dataclass(frozen=True, slots=True)
class SessionResult:
    """Everything one identity found on one target in one scrape."""

    identity: str
    echo: EchoResult | None
    """None if no module of this identity asks for an echo."""
    queries: Mapping[str, QueryResult] = field(default_factory=dict)
    phases: Mapping[Phase, float] = field(default_factory=dict)
    """Seconds of each phase that was reached, also of one that then failed."""
    duration: float | None = None
    """Seconds of all associations, without DICOMweb; None if nothing was due, and so none was made."""
    timeout: float | None = None
    """Seconds that it was given."""
    association: Outcome | None = None
    """How the association ended that the echo or the first query needed: `success` if it was accepted. None if
    none was due."""
    rejection: Rejection | None = None
    services: Mapping[Service, bool] = field(default_factory=dict)
    """Service proposed -> presentation context accepted; empty if no A-ASSOCIATE-AC came."""
    negotiated: Mapping[str, bool] | None = None
    """SOP class, perhaps with a transfer syntax, as in the configuration -> accepted; None if that is not known."""
    peer: Peer | None = None
    tls: TLSFacts | None = None
    store: StoreResult | None = None
    canary: CanaryResult | None = None
    stranger: StrangerResult | None = None
    """Where the identity is a stranger: how far it got on the exposure ladder."""
    prove: frozenset[LadderLevel] = frozenset()
    """Levels above 5 that the configuration asks to prove, of a stranger."""
    surface: bool = False
    """Whether the configuration asks what a stranger could retrieve and store."""
    dicomweb: WebResult | None = None
    web: tuple[WebResult, ...] = ()
    software: SafeText | None = None
    """The version of Orthanc, as its REST interface says it to an identity of ours."""
    tls_postures: Mapping[LadderService, tuple[TLSPosture, ...]] = field(default_factory=dict)
    """Of the servers of each service that speak TLS, where the configuration asks for it."""
    last_run: float | None = None
    """Unix time at which it ran, for modules with `every`."""
    addresses: int | None = None
    """How many addresses the target's name has; None if it has one, or is an IP address."""
    addresses_failed: int | None = None
    """How many of those that were tried accepted no connection."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Two targets compared: studies that the source lists and the destination does not."""

    source: str
    destination: str
    missing: int
    incomplete: int | None = None
    """Studies of which the destination has fewer images; None if that is not known of each study that both list."""
    oldest: float = 0.0
    """Seconds for which one of them has been missing, as far as this process has seen it; 0 if none is."""


@dataclass(frozen=True, slots=True)
class TargetResult:
    """Everything found on one target in one scrape, one session an identity."""

    target: str
    sessions: tuple[SessionResult, ...] = ()
