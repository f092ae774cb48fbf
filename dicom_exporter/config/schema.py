"""What may stand in a configuration file: the keys, their types, and one sentence about each.

These models check each block by itself, and `config.schema.json` is made of them. `load` puts the blocks together and
turns them into `settings`, where the defaults come from.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from dicom_exporter.config.model import Exposure, GlobalSettings, Level, Model, Module, Query, Store, Target
from dicom_exporter.config.secret import Secret, read_secret, read_token, resolve_path
from dicom_exporter.config.types import (
    AETitle,
    CountKeywords,
    Duration,
    HTTPUserName,
    LabelName,
    LabelValue,
    MatchKeyword,
    MatchValues,
    Name,
    Network,
    PageURL,
    Proofs,
    RootURL,
    Size,
    TargetAddress,
    TargetName,
    Text,
    TimeZone,
    Window,
    one_of,
    text_of,
)
from dicom_exporter.config.values.text import format_size
from dicom_exporter.config.values.time import format_duration
from dicom_exporter.results import Expect
from dicom_exporter.text import did_you_mean, shown

_LEAST_IMAGE = 1 << 10
_MOST_IMAGE = 64 << 20
"""Bytes of one image of a bandwidth test."""
_MOST_IMAGES = 1000


@dataclass(frozen=True, slots=True)
class Context:
    """What a block has to fit into."""

    directory: Path
    """The directory of the file that the block stands in."""
    identities: Collection[str] = ()
    """Names, also of those that have errors of their own."""
    modules: Collection[str] = ()


def _context(info: ValidationInfo) -> Context:
    if not isinstance(info.context, Context):
        raise TypeError("blocks are validated with a Context")
    return info.context


def _known_identity(name: str, info: ValidationInfo) -> str:
    return _known("identity", name, _context(info).identities)


def _known_module(name: str, info: ValidationInfo) -> str:
    return _known("module", name, _context(info).modules)


def _known(kind: str, name: str, names: Collection[str]) -> str:
    if name not in names:
        near = did_you_mean(name, names) or f"; there is {', '.join(sorted(names))}"
        raise ValueError(f"there is no {kind} {shown(name)}{near}")
    return name


def _file(value: object, info: ValidationInfo) -> Path:
    return resolve_path(_context(info).directory, text_of(value))


def _secret(value: object, info: ValidationInfo) -> Secret:
    return read_secret(_context(info).directory, text_of(value))


def _token(value: object, info: ValidationInfo) -> Secret:
    return read_token(_context(info).directory, text_of(value))


def _store_size(size: int) -> int:
    if size < _LEAST_IMAGE:
        raise ValueError(f"{format_size(size)} is too small: {format_size(_LEAST_IMAGE)} is the least")
    if size > _MOST_IMAGE:
        raise ValueError(f"{format_size(size)} is too large: {format_size(_MOST_IMAGE)} is the most")
    return size


def _nothing_is_defaults(value: object) -> object:
    return {} if value is None else value


def _true_is_defaults(value: object) -> object:
    if value is False:
        raise ValueError("leave the key out where the module is not to climb the exposure ladder")
    return {} if value is True else value


def _duration(default: float, description: str) -> Any:
    """A field of type Duration: the schema shows its default as a user would write it."""
    return Field(default, description=description, json_schema_extra={"default": format_duration(default)})


FileName = Annotated[Path, BeforeValidator(_file)]
SecretFile = Annotated[Secret, BeforeValidator(_secret), WithJsonSchema({"type": "string", "format": "path"})]


TokenFile = Annotated[Secret, BeforeValidator(_token), WithJsonSchema({"type": "string", "format": "path"})]


class Block(BaseModel):
    """A mapping with fixed keys, none of which may stand there without a value, but for those of `MAY_BE_EMPTY`."""

    MAY_BE_EMPTY: ClassVar[frozenset[str]] = frozenset()

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, arbitrary_types_allowed=True)

    @field_validator("*", mode="before")
    @classmethod
    def _has_value(cls, value: object, info: ValidationInfo) -> object:
        if value is None and info.field_name not in cls.MAY_BE_EMPTY:
            raise ValueError("has no value: give one, or leave the key out")
        return value

    def given(self) -> dict[str, Any]:
        """The keys that stand in the file, with their values."""
        return {key: getattr(self, key) for key in type(self).model_fields if key in self.model_fields_set}


class GlobalBlock(Block):
    """What holds for the whole exporter."""

    max_concurrent_probes: int = Field(
        GlobalSettings.max_concurrent_probes,
        ge=1,
        description="Associations at once, over all targets; connections that are still pending do not count.",
    )
    connect_timeout: Duration = _duration(
        GlobalSettings.connect_timeout,
        "How long to wait for an answer to a TCP connect. A firewall that drops packets costs this much.",
    )


class ProbeBlock(Block):
    """Whom /probe?target=host:port asks beside the targets of the configuration: nobody, if nothing is said here."""

    allow: list[Network] = Field(
        default_factory=list,
        min_length=1,
        description="Networks whose addresses may be asked. Whoever reaches the exporter can then look around in them.",
    )


class TLSBlock(Block):
    """DICOM TLS, at least version 1.2. An empty mapping means TLS with the system's certificate authorities."""

    ca_file: FileName | None = Field(
        None, description="The certificate authorities to trust, PEM; the system's where it is not given."
    )
    cert_file: FileName | None = Field(None, description="Our own certificate, PEM, with its chain.")
    key_file: FileName | None = Field(None, description="Its key, PEM, where it is not in cert_file.")
    server_name: Text | None = Field(
        None, description="The name that the peer's certificate must carry, where it is not the host of the address."
    )
    insecure_skip_verify: bool = Field(False, description="Accept any certificate.")


class UserIdentityBlock(Block):
    """DICOM user identity negotiation with username and passcode."""

    username: Text
    password_file: SecretFile = Field(
        description="A file that holds the password; a newline at its end does not count."
    )


class BasicAuthBlock(Block):
    """HTTP basic authentication."""

    username: HTTPUserName
    password_file: SecretFile = Field(
        description="A file that holds the password; a newline at its end does not count."
    )


class HTTPBlock(Block):
    """How we authenticate ourselves over HTTP, for DICOMweb."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["basic_auth"]}, {"required": ["bearer_token_file"]}]}
    )

    basic_auth: BasicAuthBlock | None = None
    bearer_token_file: TokenFile | None = Field(
        None, description="A file that holds a bearer token; a newline at its end does not count."
    )

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.basic_auth is None) is (self.bearer_token_file is None):
            raise ValueError("takes one of basic_auth and bearer_token_file")
        return self


class IdentityBlock(Block):
    """Who we say we are."""

    calling_ae_title: AETitle | None = Field(
        None,
        description="Our AE title. `monitor` is PROMETHEUS where nothing else is said; `stranger` is a new random one"
        " in each association.",
    )
    tls: TLSBlock | None = Field(None, description="DICOM TLS; plain DICOM where it is not given.")
    user_identity: UserIdentityBlock | None = None
    http: HTTPBlock | None = Field(None, description="Credentials for DICOMweb; none where it is not given.")


class QueryBlock(Block):
    """A C-FIND whose matches are counted. The names `studies`, `patients` and `worklist` stand for built-in queries."""

    model: Annotated[Model, one_of(Model)] | None = Field(None, description="The information model to ask.")
    level: Annotated[Level, one_of(Level)] | None = Field(
        None,
        description="What is listed. PATIENT is for patient_root only; the worklist has no levels. Below STUDY many"
        " archives answer only where `match` names the StudyInstanceUID.",
    )
    match: dict[MatchKeyword, MatchValues] = Field(
        default_factory=dict,
        description="What to list, by attributes that identify no patient. Dates take today, yesterday and 'last 7d',"
        " too; text takes * and ?; UIDs take a list.",
    )
    count_by: CountKeywords = Field(
        default_factory=list, description="Count the matches for each value of these attributes, too."
    )
    max_matches: int = Field(
        Query.max_matches, ge=1, description="Stop counting here; the count is then marked as not complete."
    )
    every: Duration | None = Field(
        None, description="Reuse an answer for so long; the archive is asked on each scrape where it is not given."
    )
    only_between: Window | None = Field(
        None, description="The time of day at which it may run, like 20:00-06:00, in the target's time zone."
    )


class StoreBlock(Block):
    """A bandwidth test: synthetic images are sent to an archive of your own. Repeats overwrite each other."""

    count: int = Field(Store.count, ge=1, le=_MOST_IMAGES, description="How many images to send.")
    size: Annotated[Size, AfterValidator(_store_size)] = Field(
        Store.size,
        description="Size of each, 1KiB to 64MiB.",
        json_schema_extra={"default": format_size(Store.size)},
    )


class ExposureBlock(Block):
    """How the exposure ladder is climbed: how far someone gets who should get nowhere."""

    max_matches: int = Field(Exposure.max_matches, ge=1, description="Stop a stranger's counts here.")
    prove: Proofs = Field(
        default_factory=list,
        description="Steps to prove, too: whether matches carry what identifies a patient (identity), whether the"
        " first bytes of an image come (download). Nothing of it is kept.",
    )


class ModuleBlock(Block):
    """What we ask. The modules `availability` and `exposure` are built in, and can be changed by their names."""

    MAY_BE_EMPTY = frozenset({"store"})

    identity: Annotated[str, AfterValidator(_known_identity)] = Field(
        Module.identity, description="The name of the identity that asks."
    )
    timeout: Duration = _duration(
        Module.timeout, "How long a probe may take in all; the time limit of a scrape holds where it is shorter."
    )
    echo: bool = Field(Module.echo, description="Send a C-ECHO.")
    queries: dict[Name, QueryBlock | None] = Field(default_factory=dict, description="Queries by name.")
    store: Annotated[
        StoreBlock | None, BeforeValidator(_nothing_is_defaults, json_schema_input_type=StoreBlock | None)
    ] = Field(None, description="Send synthetic images; never to a target that is expected to be closed, or a control.")
    exposure: Annotated[
        ExposureBlock | None, BeforeValidator(_true_is_defaults, json_schema_input_type=Literal[True] | ExposureBlock)
    ] = Field(None, description="Climb the exposure ladder, as a stranger, and ask nothing else.")
    every: Duration | None = Field(
        None,
        description="Reuse what was found for so long, the same for all modules of one identity on a target; the target"
        " is probed on each scrape where it is not given.",
    )


class WebBlock(Block):
    """A page of the web side of a target: a viewer, a portal, an archive's own REST interface."""

    url: PageURL = Field(description="http or https, without credentials.")


class TargetBlock(Block):
    """Where we ask."""

    name: TargetName
    address: TargetAddress = Field(description="host:port, or [v6]:port.")
    called_ae_title: AETitle = Field(Target.called_ae_title, description="The AE title of the archive.")
    modules: list[Annotated[str, AfterValidator(_known_module)]] = Field(
        default_factory=list,
        min_length=1,
        description="What to ask. By what is expected it is availability (available), availability and exposure"
        " (guarded), or exposure (closed, control) where nothing is given.",
    )
    expect: Annotated[Expect, one_of(Expect)] = Field(Target.expect, description="How the target should be from here.")
    labels: dict[LabelName, LabelValue] = Field(
        default_factory=dict, description="Labels for dicom_target_info and for service discovery."
    )
    timezone: TimeZone | None = Field(
        None,
        description="Its time zone, like Europe/Berlin, for dates and times of day; the exporter's own if not given.",
    )
    ip_version: Literal[4, 6] | None = Field(None, description="Use this version only; IPv4 comes first if not given.")
    dicomweb: RootURL | None = Field(None, description="Root of its DICOMweb service, without /studies.")
    web: list[WebBlock] = Field(default_factory=list, min_length=1, description="Pages that strangers should not see.")
    well_known_titles: bool = Field(
        Target.well_known_titles,
        description="Have the stranger try five called AE titles that every attacker tries, too, where the configured"
        " one is refused as unknown.",
    )


class CompareBlock(Block):
    """Two targets whose studies are compared, by keyed hashes that are held for the scrape alone."""

    source: str = Field(description="The name of the target that studies come from.")
    destination: str = Field(description="The name of the target that they should arrive at.")
    query: str = Field(description="The name of a query for studies that both targets are asked on each scrape.")


class ConfigFile(Block):
    """The configuration of dicom_exporter. Several files may share the sections out among them."""

    global_: GlobalBlock = Field(default_factory=GlobalBlock, alias="global")
    probe: ProbeBlock = Field(default_factory=ProbeBlock)
    identities: dict[Name, IdentityBlock] = Field(
        default_factory=dict, description="Who we say we are; `monitor` and `stranger` are built in."
    )
    modules: dict[Name, ModuleBlock] = Field(
        default_factory=dict, description="What we ask; `availability` and `exposure` are built in."
    )
    targets: list[TargetBlock] = Field(default_factory=list, description="Where we ask.")
    compare: list[CompareBlock] = Field(
        default_factory=list, description="Flows to watch: studies at one target that are missing at another."
    )


SECTIONS = tuple(field.alias or name for name, field in ConfigFile.model_fields.items())
"""The keys at the top of a file."""
