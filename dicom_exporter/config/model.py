"""The validated configuration, as small frozen values. Durations are seconds; file names are resolved.

Most settings are a `Block`, declared once for the file and for the program: the type has the checks, and the docstring
below a field is its description in the JSON Schema and in docs/configuration.md. `schema` adds the blocks whose form in
the file differs from the setting. At the end: the built-in identities, queries and modules, and `Config`, the whole.
"""

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from dicom_exporter.config.environment import as_written
from dicom_exporter.config.secret import Secret
from dicom_exporter.config.types import (
    NOT_EMPTY,
    AETitle,
    Duration,
    FileName,
    Flag,
    HTTPUserName,
    ImageSize,
    KnownIdentity,
    KnownModule,
    KnownVantages,
    Labels,
    Network,
    PageURL,
    Pause,
    Positive,
    Proofs,
    Proxy,
    ProxySecret,
    ProxyText,
    RootURL,
    SecretFile,
    ServerName,
    Services,
    TargetAddress,
    TargetName,
    Text,
    TimeZone,
    TokenFile,
    nothing_is_defaults,
    one_of,
    true_is_defaults,
)
from dicom_exporter.config.values.dicom import Level, MatchValue, Model
from dicom_exporter.config.values.hours import WeeklyHours
from dicom_exporter.config.values.network import IPAddress
from dicom_exporter.config.values.time import TimeWindow
from dicom_exporter.enums import Expect, LadderLevel, SecureProfile
from dicom_exporter.yamlfile.validation import Block


@dataclass(frozen=True)
class GlobalSettings(Block):
    """Settings of the whole exporter."""

    max_concurrent_probes: Positive = 256
    """Associations at once, over all targets; connections that are still pending do not count."""
    connect_timeout: Duration = 3.0
    """How long to wait for an answer to a TCP connect. A firewall that drops packets causes this delay."""
    pause_between_associations: Pause = 0.0
    """How long to wait after an association before the next one to the same address. For archives that need time to
    clean up; it counts as time of the probe."""


@dataclass(frozen=True)
class ProbeSettings(Block):
    """Which addresses /probe?target=host:port may probe besides the configured targets: none by default."""

    allow: Annotated[tuple[Network, ...], NOT_EMPTY] = ()
    """Networks whose addresses may be probed. Anyone who can reach the exporter can then scan them."""

    def allows(self, address: IPAddress) -> bool:
        """Whether `address`, which is not an IPv4-mapped one (RFC 4291 2.5.5.2), may be probed."""
        return any(address in network for network in self.allow)  # of another IP version it is in none


class TLSProfile(StrEnum):
    """The least that a TLS connection of ours has to have."""

    DEFAULT = "default"
    """Forward secrecy, by elliptic curves (RFC 9325 4)."""
    LEGACY = "legacy"
    """RSA key transport too, without forward secrecy: the retired AES profile of PS3.15 has nothing else."""


@dataclass(frozen=True, kw_only=True)
class TLSBlock(Block):
    """DICOM TLS, at least version 1.2. An empty mapping means TLS with the system's certificate authorities."""

    ca_file: FileName | None = None
    """The certificate authorities to trust, PEM; by default those of the system. Read again when it changes."""
    cert_file: FileName | None = None
    """The exporter's own certificate, PEM, with its chain. Read again when it changes."""
    key_file: FileName | None = None
    """Its key, PEM, if it is not in cert_file. Read again when it changes."""
    server_name: Text | None = None
    """The name that the peer's certificate must have, and that is sent as SNI; by default the host of the address."""
    insecure_skip_verify: Flag = False
    """Accept any certificate."""
    minimum_profile: Annotated[TLSProfile, one_of(TLSProfile)] = TLSProfile.DEFAULT
    """The least that is accepted: `default` is forward secrecy with elliptic curves; `legacy` also accepts RSA key
    transport, for devices that have nothing else. Both need TLS 1.2."""


@dataclass(frozen=True, kw_only=True)
class TLSSettings(TLSBlock):
    """How an identity speaks TLS."""

    context: ssl.SSLContext = field(repr=False, compare=False)
    """Made of the rest."""
    digest: bytes | None = field(default=None, repr=False, compare=False)
    """Hash of the contents of the files that `context` was made of."""
    exposed: bool = field(default=False, repr=False, compare=False)
    """Whether every user of the machine may read the file with the private key."""


@dataclass(frozen=True)
class UserIdentity(Block):
    """DICOM user identity negotiation with username and passcode (PS3.7 D.3.3.7)."""

    username: Text
    password: Annotated[SecretFile, Field(alias="password_file")]
    """A file that holds the password; one newline at its end is ignored. Read again when it changes."""


@dataclass(frozen=True)
class BasicAuth(Block):
    """HTTP basic authentication (RFC 7617)."""

    username: HTTPUserName
    password: Annotated[SecretFile, Field(alias="password_file")]
    """A file that holds the password; one newline at its end is ignored. Read again when it changes."""


@dataclass(frozen=True)
class HTTPSettings(Block):
    """How the exporter authenticates itself over HTTP, for DICOMweb."""

    __pydantic_config__: ClassVar = Block.__pydantic_config__ | {
        "json_schema_extra": {"oneOf": [{"required": ["basic_auth"]}, {"required": ["bearer_token_file"]}]}
    }

    basic_auth: BasicAuth | None = None
    bearer_token: Annotated[TokenFile | None, Field(alias="bearer_token_file")] = None
    """A file that holds a bearer token; one newline at its end is ignored. Read again when it changes."""

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.basic_auth is None) is (self.bearer_token is None):
            raise ValueError("takes one of basic_auth and bearer_token_file")
        return self


@dataclass(frozen=True)
class Identity:
    """Under which name, and with which credentials, the exporter connects."""

    name: str
    calling_ae_title: str | None
    """None: a stranger, with a new random title in each association."""
    tls: TLSSettings | None = None
    """None: plain DICOM."""
    user_identity: UserIdentity | None = None
    http: HTTPSettings | None = None
    """For DICOMweb; None: without credentials."""

    @property
    def has_credentials(self) -> bool:
        """Whether it shows a password, a token or a client certificate to what it connects to."""
        certificate = self.tls is not None and self.tls.cert_file is not None
        return certificate or self.user_identity is not None or self.http is not None


@dataclass(frozen=True)
class Vantage(Block):
    """Another place to see targets from: a proxy that makes the connections from there, and looks names up there."""

    proxy: Proxy
    """SOCKS5, like socks5://127.0.0.1:1080; or HTTP with CONNECT, like http://127.0.0.1:3128."""
    username: ProxyText | None = None
    """For the proxy, if it demands that."""
    password: Annotated[ProxySecret | None, Field(alias="password_file")] = None
    """A file that holds the password; one newline at its end is ignored. Read when the configuration is."""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if (self.username is None) is not (self.password is None):
            raise ValueError("takes username and password_file together")
        return self


@dataclass(frozen=True)
class Query:
    """A C-FIND whose matches are counted."""

    name: str
    model: Model
    level: Level | None
    """None for the worklist, which has no levels."""
    match: Mapping[str, MatchValue] = field(default_factory=dict, hash=False)
    """Attribute keyword -> value. In a worklist, all but StudyInstanceUID are in ScheduledProcedureStepSequence."""
    count_by: tuple[str, ...] = ()
    """Attribute keywords; for a worklist, those in ScheduledProcedureStepSequence."""
    max_matches: int = 1000
    every: float | None = None
    """Seconds for which an answer is reused; None: ask on each scrape."""
    only_between: TimeWindow | None = None
    """In the target's time zone; None: at any time."""
    expect_within: Mapping[str, float] | None = field(default=None, hash=False)
    """Value of the attribute in `count_by`, or `default` -> seconds of working time without a new study that are
    expected; None: ages of studies are not asked for."""
    working_hours: tuple[WeeklyHours, ...] = ()
    """In the target's time zone; empty: at any time."""
    holidays: tuple[date, ...] = ()
    over_dicomweb: bool = False
    """By QIDO-RS, in place of C-FIND."""

    # Not configuration: the prober sets these for each probe. They do not count when queries are compared.
    due: bool = field(default=True, compare=False)
    """Whether to ask it now."""
    minimal_keys: bool = field(default=False, compare=False)
    """Whether to ask for the unique key alone, as this archive aborted on more before."""
    digest_key: bytes | None = field(default=None, compare=False, repr=False)
    """Key of the hashes of the studies, where they are compared with another target's."""
    count_images: bool = field(default=False, compare=False)
    """Whether to ask for the images of each study, where those are compared, too."""


@dataclass(frozen=True)
class Store(Block):
    """A bandwidth test: synthetic images are sent to your own archive. Each run overwrites the images of the last."""

    count: Annotated[Positive, Field(le=1000)] = 10
    """How many images to send."""
    size: ImageSize = 512 << 10
    """Size of each, 1KiB to 64MiB."""


@dataclass(frozen=True)
class MoveTo(Block):
    """An AE of ours that the archive sends the image to. It listens only while the archive is asked to send."""

    port: Annotated[Positive, Field(le=65535)]
    """The port, at the address from which the exporter reaches the archive."""
    ae_title: AETitle | None = None
    """Its AE title, which the archive has to know with that address and port; by default that of the identity."""


@dataclass(frozen=True)
class Canary(Block):
    """A synthetic image that is stored in your own archive, found, retrieved and compared. Each run overwrites it."""

    size: Annotated[ImageSize, Field(le=512 << 10)] = 64 << 10
    """Size of the image, 1KiB to 512KiB."""
    instances: Annotated[Positive, Field(le=1000)] = 1
    """How many images are used in turn, one a day. An archive that keeps the first copy of an image shows only with a
    new one whether it still stores."""
    c_get: Flag = True
    """Retrieve it by C-GET; false for an archive that has no C-GET."""
    move_to: MoveTo | None = None
    """Retrieve it by C-MOVE in place of C-GET."""
    stow: Flag = False
    """Over DICOMweb, store another image by STOW-RS, and use that one in place of the one stored over DICOM."""


@dataclass(frozen=True)
class Exposure(Block):
    """The exposure ladder: how far a client gets that should be refused."""

    max_matches: Positive = 1000
    """Stop a stranger's counts here."""
    prove: Proofs = ()
    """Further steps to prove: whether matches identify a patient (identity), and whether the first bytes of an image
    can be received (download). None of these data are kept."""
    surface: Flag = False
    """Ask also whether a stranger may retrieve (C-GET of a study that cannot exist) and, over DICOMweb, whether storing
    is on offer (OPTIONS) and whether pages of other web sites may use a login (CORS). Nothing is moved or stored."""
    tls: Flag = False
    """Find out which versions and cipher suites of TLS are accepted, in up to 18 handshakes that are abandoned."""

    @property
    def prove_identity(self) -> bool:
        """Whether to look if matches identify a patient (level 6)."""
        return "identity" in self.prove

    @property
    def prove_download(self) -> bool:
        """Whether to ask for the first bytes of an image (level 7)."""
        return "download" in self.prove

    @property
    def steps(self) -> frozenset[LadderLevel]:
        """The levels above 5 that are to be proved."""
        identity = {LadderLevel.IDENTIFIES_PATIENTS} if self.prove_identity else set()
        return frozenset(identity | ({LadderLevel.HANDS_OUT_IMAGES} if self.prove_download else set()))


@dataclass(frozen=True, kw_only=True)
class ModuleOptions(Block):
    """What a module does, except for its queries. The configuration block of a new kind of probe is added here only."""

    identity: KnownIdentity = "monitor"
    """The name of the identity that asks."""
    timeout: Duration = 10.0
    """How long a probe may take in all; the time limit of the scrape applies if it is shorter."""
    echo: Flag = True
    """Send a C-ECHO."""
    store: Annotated[Store | None, nothing_is_defaults(Store | None)] = None
    """Send synthetic images; not allowed for a target with `expect: closed` or `expect: control`."""
    services: Services | None = None
    """SOP classes to propose, by their keywords, like EnhancedCTImageStorage; with a transfer syntax,
    CTImageStorage/JPEG2000Lossless. Shows which are accepted; nothing is sent."""
    software: Flag = False
    """Ask the REST interface of Orthanc for its version, at the pages in `web` of the target, with the identity's
    credentials."""
    canary: Annotated[Canary | None, nothing_is_defaults(Canary | None)] = None
    """Store a synthetic image, find it, retrieve it and compare it; not allowed where `store` is not."""
    exposure: Annotated[Exposure | None, true_is_defaults(Literal[True] | Exposure)] = None
    """Probe the exposure ladder as a stranger, and nothing else."""
    every: Duration | None = None
    """Reuse the results for this long, the same for all modules of one identity on a target; by default the target is
    probed on each scrape."""

    @classmethod
    def read_empty(cls, field: str) -> object:
        """`store:` or `canary:` without a value means its defaults."""
        return None if field in ("store", "canary") else super().read_empty(field)

    @property
    def writes(self) -> bool:
        """Whether images are stored."""
        return self.store is not None or self.canary is not None


@dataclass(frozen=True)
class Module(ModuleOptions):
    """What the exporter asks."""

    name: str
    queries: Mapping[str, Query] = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class WebEntry(Block):
    """A page of the web side of a target: a viewer, a portal, an archive's own REST interface."""

    url: PageURL
    """http or https, without credentials."""


@dataclass(frozen=True)
class Target(Block):
    """An archive, or another DICOM system, to probe."""

    name: TargetName
    address: TargetAddress
    """host:port, or [v6]:port."""
    called_ae_title: AETitle = "ANY-SCP"
    """The AE title of the archive."""
    modules: Annotated[tuple[KnownModule, ...], NOT_EMPTY] = ()
    """What to ask. The default follows `expect`: availability (available), availability and exposure (guarded), or
    exposure (closed, control)."""
    expect: Annotated[Expect, one_of(Expect)] = Expect.AVAILABLE
    """How the target should behave, seen from the exporter."""
    labels: Labels = field(default_factory=dict, hash=False)
    """Labels for dicom_target_info and for service discovery."""
    timezone: TimeZone | None = None
    """Its time zone, like Europe/Berlin, for dates and times of day; by default that of the exporter."""
    ip_version: Literal[4, 6] | None = None
    """Use this IP version only; by default both, in the order in which the system's resolver has them."""
    dicomweb: RootURL | None = None
    """Root of its DICOMweb service, without /studies."""
    web: Annotated[tuple[WebEntry, ...], NOT_EMPTY] = ()
    """Pages that strangers should not see."""
    well_known_titles: Flag = False
    """Have the stranger also try five called AE titles that attackers commonly try, if the configured one is refused
    as unknown."""
    server_name: ServerName | None = None
    """The name that the public knows the target by, which strangers send as SNI in DICOM TLS. By default the host of
    `address`; if that is refused, or is an IP address, also the names in `tls.server_name`, `dicomweb` and `web`."""
    vantage: KnownVantages = ()
    """Where to see it from: the name of a vantage; by default from where the exporter runs. For several, this is one
    target for each of them, whose name is followed by @ and that of the vantage."""
    tls_profile: Annotated[SecureProfile | None, one_of(SecureProfile)] = None
    """The profile of PS3.15 that its TLS has to keep: bcp195 (B.12) or modified (B.13). Takes a module whose
    `exposure` has `tls: true`."""

    def __post_init__(self) -> None:
        """Set the modules of a target that names none: those of its expectation."""
        if not self.modules:
            object.__setattr__(self, "modules", DEFAULT_MODULES[self.expect])

    @property
    def seen_from(self) -> str | None:
        """The name of its vantage; None: it is seen from where the exporter runs."""
        return self.vantage[0] if self.vantage else None

    @property
    def shown(self) -> "Target":
        """For metrics, pages and reports: what the environment put into one of these keys is text as it is written."""
        return as_written(self, ("address", "called_ae_title", "labels", "dicomweb", "web"))

    @property
    def is_never_written_to(self) -> bool:
        """Whether `expect` forbids `store`: nothing is written to what is tested for exposure."""
        return self.expect in (Expect.CLOSED, Expect.CONTROL)


@dataclass(frozen=True)
class Compare(Block):
    """Two targets whose studies are compared, by keyed hashes that are kept only during the scrape."""

    source: str
    """The name of the target that studies come from."""
    destination: str
    """The name of the target where they should arrive."""
    query: str
    """The name of a query for studies that both targets are asked on each scrape."""
    images: Flag = False
    """Also compare how many images each study has (NumberOfStudyRelatedInstances)."""


MONITOR = "monitor"
STRANGER = "stranger"
AVAILABILITY = "availability"
EXPOSURE = "exposure"

BUILTIN_IDENTITIES: Mapping[str, Identity] = MappingProxyType(
    {
        MONITOR: Identity(MONITOR, calling_ae_title="PROMETHEUS"),
        STRANGER: Identity(STRANGER, calling_ae_title=None),
    }
)

BUILTIN_QUERIES: Mapping[str, Query] = MappingProxyType(
    {
        "studies": Query("studies", Model.STUDY_ROOT, Level.STUDY),
        "patients": Query("patients", Model.PATIENT_ROOT, Level.PATIENT),
        "worklist": Query("worklist", Model.WORKLIST, None),
    }
)
"""What a query of this name is; `dicom_studies_visible` and its relatives are read from them."""

BUILTIN_MODULES: Mapping[str, Module] = MappingProxyType(
    {
        AVAILABILITY: Module(
            AVAILABILITY,
            identity=MONITOR,
            timeout=10.0,
            queries=MappingProxyType({"studies": replace(BUILTIN_QUERIES["studies"], every=300.0)}),
        ),
        EXPOSURE: Module(EXPOSURE, identity=STRANGER, timeout=15.0, echo=False, exposure=Exposure()),
    }
)

DEFAULT_MODULES: Mapping[Expect, tuple[str, ...]] = MappingProxyType(
    {
        Expect.AVAILABLE: (AVAILABILITY,),
        Expect.GUARDED: (AVAILABILITY, EXPOSURE),
        Expect.CLOSED: (EXPOSURE,),
        Expect.CONTROL: (EXPOSURE,),
    }
)
"""The modules of a target that names none."""


@dataclass(frozen=True)
class Config:
    """A whole configuration. Every name in it refers to something: `load` has checked that."""

    targets: tuple[Target, ...]
    global_: GlobalSettings = field(default_factory=GlobalSettings)
    identities: Mapping[str, Identity] = field(default_factory=lambda: BUILTIN_IDENTITIES)
    modules: Mapping[str, Module] = field(default_factory=lambda: BUILTIN_MODULES)
    compare: tuple[Compare, ...] = ()
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    vantages: Mapping[str, Vantage] = field(default_factory=dict)
    secrets: tuple[Secret, ...] = field(default=(), compare=False, repr=False)
    """What the environment put in: kept, so that it is blanked in the texts of peers."""

    def vantage_of(self, target: Target) -> Vantage | None:
        """Where `target` is seen from; None: from where the exporter runs."""
        return None if target.seen_from is None else self.vantages[target.seen_from]

    def target(self, name: str) -> Target | None:
        """Find a target by its name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Target]:
        return {target.name: target for target in self.targets}
