"""The whole of a configuration file: its sections, and the blocks that are not settings as they are.

A query, a module and an identity get their name, and the defaults of a built-in one, in `build`. Every other block is
declared in `model`. `config.schema.json` is made of both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from dicom_exporter.config.model import (
    Compare,
    GlobalSettings,
    HTTPSettings,
    ModuleOptions,
    ProbeSettings,
    Query,
    Target,
    TLSBlock,
    UserIdentity,
    Vantage,
)
from dicom_exporter.config.types import (
    AETitle,
    CountKeywords,
    Duration,
    Flag,
    Holidays,
    MatchKeyword,
    MatchValues,
    Name,
    Positive,
    Text,
    Window,
    WorkingHours,
    one_of,
)
from dicom_exporter.config.values.dicom import Level, Model
from dicom_exporter.yamlfile.validation import Block, keys_of


@dataclass(frozen=True)
class IdentityBlock(Block):
    """Under which name, and with which credentials, the exporter connects."""

    calling_ae_title: AETitle | None = None
    """The calling AE title. The default of `monitor` is PROMETHEUS; that of `stranger` is a new random title in each
    association."""
    tls: TLSBlock | None = None
    """DICOM TLS; by default plain DICOM."""
    user_identity: UserIdentity | None = None
    http: HTTPSettings | None = None
    """Credentials for DICOMweb; by default none."""


@dataclass(frozen=True)
class QueryBlock(Block):
    """A C-FIND whose matches are counted. The names `studies`, `patients` and `worklist` are built-in queries."""

    model: Annotated[Model, one_of(Model)] | None = None
    """The information model to ask."""
    level: Annotated[Level, one_of(Level)] | None = None
    """What is listed. PATIENT is for patient_root only; the worklist has no levels. Below STUDY many archives answer
    only where `match` names the StudyInstanceUID."""
    match: Mapping[MatchKeyword, MatchValues] = field(default_factory=dict)
    """What to list, by attributes that identify no patient. Dates may also be today, yesterday or 'last 7d'; text may
    have the wildcards * and ?; UIDs may be a list."""
    count_by: CountKeywords = ()
    """Also count the matches for each value of these attributes."""
    max_matches: Positive = Query.max_matches
    """Stop counting here; the count is then marked as not complete."""
    every: Duration | None = None
    """Reuse an answer for this long; by default the archive is asked on each scrape."""
    only_between: Window | None = None
    """The time of day in which it may run, like 20:00-06:00, in the target's time zone."""
    expect_within: Mapping[Text, Duration] | None = None
    """Ask how old the newest study is, and say how long none may come, for each value of the attribute in `count_by`;
    `default` is for the others. Time outside of `working_hours` does not count."""
    working_hours: WorkingHours = ()
    """When new studies are expected, like Mo-Fr 07:00-19:00, in the target's time zone; by default always."""
    holidays: Holidays = ()
    """Days without working hours, like 2026-12-25."""
    over_dicomweb: Flag = False
    """Ask over DICOMweb (QIDO-RS) in place of DICOM. Only with `expect_within`, and of targets with `dicomweb`."""


@dataclass(frozen=True)
class ModuleBlock(ModuleOptions):
    """What the exporter asks. The modules `availability` and `exposure` are built in, and can be overridden."""

    queries: Mapping[Name, QueryBlock | None] = field(default_factory=dict)
    """Queries by name."""


@dataclass(frozen=True)
class ConfigFile(Block):
    """The configuration of dicom_exporter. It may be spread over several files."""

    global_: Annotated[GlobalSettings, Field(alias="global")] = field(default_factory=GlobalSettings)
    probe: ProbeSettings = field(default_factory=ProbeSettings)
    identities: Mapping[Name, IdentityBlock] = field(default_factory=dict)
    """Who the exporter says it is; `monitor` and `stranger` are built in."""
    vantages: Mapping[Name, Vantage] = field(default_factory=dict)
    """Places to see targets from; by default they are seen from where the exporter runs."""
    modules: Mapping[Name, ModuleBlock] = field(default_factory=dict)
    """What the exporter asks; `availability` and `exposure` are built in."""
    targets: tuple[Target, ...] = ()
    """The systems to probe."""
    compare: tuple[Compare, ...] = ()
    """Pairs of targets: count the studies of one that are missing at the other."""


SECTIONS = tuple(keys_of(ConfigFile))
"""The keys at the top of a file."""


def given(block: Block, value: object) -> dict[str, Any]:
    """The fields of `block` whose keys `value`, the mapping it was validated from, has."""
    return {key: getattr(block, key) for key in value} if isinstance(value, dict) else {}
