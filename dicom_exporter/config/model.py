"""The validated configuration, as small frozen values. Durations are seconds; file names are resolved.

Defaults stand here, beside the types; `blocks` and the JSON Schema take them from here.

The identities, queries and modules that are there without being written.

The whole configuration, with the built-in identities and modules merged in.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import MappingProxyType

from dicom_exporter.config.secret import Secret
from dicom_exporter.config.values.network import Address, IPAddress, IPNetwork
from dicom_exporter.config.values.time import RelativeDate, TimeWindow
from dicom_exporter.results import Expect

MatchValue = str | tuple[str, ...] | RelativeDate
"""A DICOM value; or several UIDs, any of which matches (PS3.4 C.2.2.2.2); or a date that is relative to now."""


class Model(StrEnum):
    """The information model of a query."""

    STUDY_ROOT = "study_root"
    PATIENT_ROOT = "patient_root"
    WORKLIST = "worklist"


class Level(StrEnum):
    """Query/Retrieve Level (0008,0052), PS3.4 C.6.1.1 and C.6.2.1."""

    PATIENT = "PATIENT"
    STUDY = "STUDY"
    SERIES = "SERIES"
    IMAGE = "IMAGE"


@dataclass(frozen=True)
class GlobalSettings:
    """What holds for the whole exporter."""

    max_concurrent_probes: int = 256
    """Associations at once; pending connects do not count."""
    connect_timeout: float = 3.0


@dataclass(frozen=True)
class ProbeSettings:
    """Whom /probe asks beside the targets of the configuration."""

    allow: tuple[IPNetwork, ...] = ()
    """Addresses in these networks. Nobody where it is empty: an open prober is a way into the hospital."""

    def allows(self, address: IPAddress) -> bool:
        """Whether `address`, which is no IPv4-mapped IPv6 address, may be probed."""
        return any(address in network for network in self.allow)  # of another IP version it is in none


@dataclass(frozen=True)
class TLSSettings:
    """How an identity speaks TLS. `context` is made of the rest."""

    context: ssl.SSLContext = field(repr=False, compare=False)
    ca_file: Path | None = None
    """None: the system's certificate authorities."""
    cert_file: Path | None = None
    key_file: Path | None = None
    server_name: str | None = None
    """The name that the certificate has to carry, and that is sent (SNI); None: the host of the address."""
    insecure_skip_verify: bool = False


@dataclass(frozen=True)
class UserIdentity:
    """DICOM user identity negotiation with username and passcode (PS3.7 D.3.3.7)."""

    username: str
    password: Secret


@dataclass(frozen=True)
class BasicAuth:
    """HTTP basic authentication (RFC 7617)."""

    username: str
    password: Secret


@dataclass(frozen=True)
class HTTPSettings:
    """How an identity authenticates itself over HTTP. Exactly one of these is given."""

    basic_auth: BasicAuth | None = None
    bearer_token: Secret | None = None


@dataclass(frozen=True)
class Identity:
    """Who we say we are."""

    name: str
    calling_ae_title: str | None
    """None: a stranger, with a new random title in each association."""
    tls: TLSSettings | None = None
    """None: plain DICOM."""
    user_identity: UserIdentity | None = None
    http: HTTPSettings | None = None
    """For DICOMweb; None: without credentials."""


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

    # No configuration: what the prober decides anew for each probe. Queries compare equal whatever these are.
    due: bool = field(default=True, compare=False)
    """Whether to ask it now."""
    minimal_keys: bool = field(default=False, compare=False)
    """Whether to ask for the unique key alone, as this archive aborted on more before."""
    digest_key: bytes | None = field(default=None, compare=False, repr=False)
    """Key of the hashes of the studies, where they are compared with another target's."""


@dataclass(frozen=True)
class Store:
    """The bandwidth test: synthetic images that are sent to an archive by C-STORE."""

    count: int = 10
    """Images."""
    size: int = 524288
    """Bytes of pixel data in each."""


@dataclass(frozen=True)
class Exposure:
    """How the exposure ladder is climbed."""

    max_matches: int = 1000
    """Where a stranger's counts stop."""
    prove_identity: bool = False
    """Look whether matches carry what identifies a patient (level 6)."""
    prove_download: bool = False
    """Ask for the first bytes of an image (level 7)."""


@dataclass(frozen=True)
class Module:
    """What we ask."""

    name: str
    identity: str = "monitor"
    timeout: float = 10.0
    echo: bool = True
    queries: Mapping[str, Query] = field(default_factory=dict, hash=False)
    store: Store | None = None
    """None: nothing is written."""
    exposure: Exposure | None = None
    """Such a module climbs the exposure ladder, and asks nothing else. The built-in module `exposure` is one."""
    every: float | None = None
    """Seconds for which its results are reused, the same for all modules of one identity on a target."""


@dataclass(frozen=True)
class WebEntry:
    """A page of the web side of a target: a viewer, a portal, an archive's own REST interface."""

    url: str


@dataclass(frozen=True)
class Target:
    """Where we ask."""

    name: str
    address: Address
    called_ae_title: str = "ANY-SCP"
    modules: tuple[str, ...] = ("availability",)
    expect: Expect = Expect.AVAILABLE
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    timezone: str | None = None
    """A name of the IANA time zone database; None: the time zone of the machine the exporter runs on."""
    ip_version: int | None = None
    """4 or 6; None: IPv4 first, then IPv6."""
    dicomweb: str | None = None
    """URL of the DICOMweb root, without a slash at its end."""
    web: tuple[WebEntry, ...] = ()
    well_known_titles: bool = False
    """Whether a stranger also tries the called AE titles that every attacker tries."""


@dataclass(frozen=True)
class Compare:
    """A flow of studies to watch: what `source` lists in `query` and `destination` does not."""

    source: str
    """Name of a target, like `destination`."""
    destination: str
    query: str
    """Name of a query that both targets are asked."""


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
    """What a configuration says. Names in it refer to something: `load` has seen to that."""

    targets: tuple[Target, ...]
    global_: GlobalSettings = field(default_factory=GlobalSettings)
    identities: Mapping[str, Identity] = field(default_factory=lambda: BUILTIN_IDENTITIES)
    modules: Mapping[str, Module] = field(default_factory=lambda: BUILTIN_MODULES)
    compare: tuple[Compare, ...] = ()
    probe: ProbeSettings = field(default_factory=ProbeSettings)

    def target(self, name: str) -> Target | None:
        """Find a target by its name."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, Target]:
        return {target.name: target for target in self.targets}
