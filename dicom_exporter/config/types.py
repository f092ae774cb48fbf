"""The types of the values in a configuration file: how each is read, and what it is in the JSON Schema.

A validator raises ValueError with a message for the user. For a value that YAML does not read as text it raises
pydantic's `string_type`, which `yamlfile.validation` explains.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, Strict, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticKnownError

from dicom_exporter.config.secret import Secret, read_secret, read_token, resolve_path
from dicom_exporter.config.values.dicom import (
    COUNT_KEYWORDS,
    MATCH_KEYWORDS,
    MAX_AE_TITLE_LENGTH,
    check_match_keyword,
    parse_ae_title,
)
from dicom_exporter.config.values.hours import (
    HOLIDAY_PATTERN,
    HOURS_PATTERN,
    WeeklyHours,
    parse_holiday,
    parse_hours,
)
from dicom_exporter.config.values.network import (
    NETWORK_PATTERN,
    PROXY_PATTERN,
    URL_PATTERN,
    Address,
    IPNetwork,
    ProxyURL,
    parse_address,
    parse_network,
    parse_proxy,
    parse_root,
    parse_server_name,
    parse_url,
)
from dicom_exporter.config.values.services import check_service
from dicom_exporter.config.values.text import (
    LABEL_PATTERN,
    SIZE_PATTERN,
    check_label_name,
    check_label_value,
    format_size,
    parse_size,
)
from dicom_exporter.config.values.time import DURATION_PATTERN, WINDOW_PATTERN, TimeWindow, parse_duration, parse_window
from dicom_exporter.text import did_you_mean, not_one_of, shown

_NAME = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
_MAX_TARGET_NAME = 128
_MIN_IMAGE = 1 << 10
_MAX_IMAGE = 64 << 20
"""Bytes of one image of a bandwidth test."""

_MAX_PROXY_TEXT = 255
"""Bytes of a user name and of a password of SOCKS5 (RFC 1929 2)."""

PROOFS = ("identity", "download")
"""Steps of the exposure ladder that are taken only if the configuration asks for them."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the values of a block refer to."""

    directory: Path
    """The directory of the file that the block is in."""
    identities: Collection[str] = ()
    """Names, also of identities with errors of their own."""
    modules: Collection[str] = ()
    vantages: Collection[str] = ()


def _context(info: ValidationInfo) -> Context:
    if not isinstance(info.context, Context):
        raise TypeError("blocks are validated with a Context")
    return info.context


def text_of(value: object) -> str:
    """Return `value` if it is text. Raises pydantic's own error if it is not."""
    if not isinstance(value, str):
        raise PydanticKnownError("string_type")
    return value


def one_of(choices: type[StrEnum]) -> BeforeValidator:
    """Read one of the words of an enumeration."""

    def read(value: object) -> StrEnum:
        word = text_of(value)
        if word not in list(choices):
            raise ValueError(not_one_of(word, choices))
        return choices(word)

    return BeforeValidator(read)


def nothing_is_defaults(input_type: Any) -> BeforeValidator:
    """Read a block that may be left empty; `input_type` is for the JSON Schema."""
    return BeforeValidator(lambda value: {} if value is None else value, json_schema_input_type=input_type)


def true_is_defaults(input_type: Any) -> BeforeValidator:
    """Read a block that may also be written as `true`; `input_type` is for the JSON Schema."""

    def read(value: object) -> object:
        if value is False:
            raise ValueError("leave the key out instead of writing false")
        return {} if value is True else value

    return BeforeValidator(read, json_schema_input_type=input_type)


def check_name(name: str) -> str:
    """Return the name of an identity, a module or a query. Raises ValueError with a message for the user."""
    if not re.fullmatch(_NAME, name):
        raise ValueError(f"{shown(name)}: a name has letters, digits, _, - and dots, at most 64 of them")
    return name


def _read_with(parse: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(text_of(value)))


def _read_with_unit(parse: Callable[[str], object], example: str) -> BeforeValidator:
    """Read a number with its unit; `example` says how one is written, with {} for the number."""

    def read(value: object) -> object:
        if isinstance(value, int | float) and not isinstance(value, bool):
            raise ValueError(f"{value} has no unit: {example.format(value)}")
        return parse(text_of(value))

    return BeforeValidator(read)


def _parse_pause(text: str) -> float:
    """A duration, or none at all."""
    return 0.0 if re.fullmatch("0+(ms|s)", text) else parse_duration(text)


def _parse_image_size(text: str) -> int:
    size = parse_size(text)
    if size < _MIN_IMAGE:
        raise ValueError(f"{format_size(size)} is too small: the minimum is {format_size(_MIN_IMAGE)}")
    if size > _MAX_IMAGE:
        raise ValueError(f"{format_size(size)} is too large: the maximum is {format_size(_MAX_IMAGE)}")
    return size


def _check_target_name(name: str) -> str:
    if not 0 < len(name) <= _MAX_TARGET_NAME:
        raise ValueError(f"a target's name has 1 to {_MAX_TARGET_NAME} characters, not {len(name)}")
    if "/" in name or name != name.strip() or not name.isprintable():
        raise ValueError(f"{shown(name)}: a target's name has no slash, no control characters, and no space around it")
    return name


def _check_choice(choices: Collection[str]) -> AfterValidator:
    def check(word: str) -> str:
        if word not in choices:
            raise ValueError(not_one_of(word, choices))
        return word

    return AfterValidator(check)


def _check_user_name(name: str) -> str:
    if ":" in name:
        raise ValueError(f"{shown(name)}: a user name of HTTP basic authentication has no colon")
    return name


def _check_proxy_text(text: str) -> str:
    if not (text.isascii() and text.isprintable() and len(text) <= _MAX_PROXY_TEXT):
        raise ValueError(f"{shown(text)}: a user name of a proxy has up to {_MAX_PROXY_TEXT} ASCII characters")
    return text


def _check_proxy_secret(secret: Secret) -> Secret:
    text = secret.reveal()
    if not (text.isascii() and len(text) <= _MAX_PROXY_TEXT):
        raise ValueError(f"a password of a proxy has up to {_MAX_PROXY_TEXT} ASCII characters")
    return secret


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; a path out of the database; a directory in it
        near = did_you_mean(name, available_timezones())
        raise ValueError(f"{shown(name)} is not a time zone like Europe/Berlin{near}") from None
    return name


def _known(kind: str, names: Callable[[Context], Collection[str]]) -> AfterValidator:
    """Accept a name that the configuration has, of `names(context)`."""

    def check(name: str, info: ValidationInfo) -> str:
        known = names(_context(info))
        if name not in known:
            near = did_you_mean(name, known) or f"; the names are {', '.join(sorted(known))}"
            raise ValueError(f"there is no {kind} {shown(name)}{near}")
        return name

    return AfterValidator(check)


def _from_file(read: Callable[[Path, str], object]) -> BeforeValidator:
    """Read what the value names, a file relative to the directory of the configuration file."""
    return BeforeValidator(lambda value, info: read(_context(info).directory, text_of(value)))


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _read_holiday(value: object) -> object:
    """A day, which YAML may have read as one."""
    return value if type(value) is date else parse_holiday(text_of(value))


def _string(**keywords: Any) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", **keywords})


def _one_or_more(**item: Any) -> WithJsonSchema:
    text = {"type": "string", **item}
    return WithJsonSchema({"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]})


Flag = Annotated[bool, Strict()]
Positive = Annotated[int, Strict(), Field(ge=1)]
NOT_EMPTY = Field(min_length=1)
"""Of a list: in a file, an empty one is an error."""
Text = Annotated[str, Field(min_length=1)]
HTTPUserName = Annotated[Text, AfterValidator(_check_user_name)]
ProxyText = Annotated[HTTPUserName, AfterValidator(_check_proxy_text)]
Name = Annotated[str, AfterValidator(check_name), _string(pattern=_NAME)]
KnownIdentity = Annotated[str, _known("identity", lambda context: context.identities)]
KnownVantage = Annotated[str, _known("vantage", lambda context: context.vantages)]
KnownVantages = Annotated[tuple[KnownVantage, ...], BeforeValidator(_as_list), NOT_EMPTY, _one_or_more()]
Proxy = Annotated[ProxyURL, _read_with(parse_proxy), _string(pattern=PROXY_PATTERN)]
KnownModule = Annotated[str, _known("module", lambda context: context.modules)]
TargetName = Annotated[str, AfterValidator(_check_target_name), _string(minLength=1, maxLength=_MAX_TARGET_NAME)]
Duration = Annotated[
    float,
    _read_with_unit(parse_duration, "a duration is written like {}s"),
    _string(pattern=DURATION_PATTERN, examples=["500ms", "10s", "1h30m"]),
]
Pause = Annotated[
    float,
    _read_with_unit(_parse_pause, "a duration is written like {}s"),
    _string(pattern=DURATION_PATTERN, examples=["500ms", "10s", "1h30m"]),
]
ImageSize = Annotated[
    int,
    _read_with_unit(_parse_image_size, "a size is written like {}B or 512KiB"),
    _string(pattern=SIZE_PATTERN, examples=["512KiB", "1MiB", "100KB"]),
]
AETitle = Annotated[
    str,
    _read_with(parse_ae_title),
    _string(pattern=rf"^ *[!-\[\]-~]([ -\[\]-~]{{0,{MAX_AE_TITLE_LENGTH - 2}}}[!-\[\]-~])? *$"),
]
TargetAddress = Annotated[Address, _read_with(parse_address), _string(pattern="^[^:]+:[0-9]+$|^\\[.+\\]:[0-9]+$")]
ServerName = Annotated[str, _read_with(parse_server_name), _string(minLength=1, maxLength=253)]
Network = Annotated[
    IPNetwork, _read_with(parse_network), _string(pattern=NETWORK_PATTERN, examples=["10.0.0.0/8", "2001:db8::/32"])
]
PageURL = Annotated[str, _read_with(parse_url), _string(pattern=URL_PATTERN)]
RootURL = Annotated[str, _read_with(parse_root), _string(pattern=URL_PATTERN)]
TimeZone = Annotated[str, AfterValidator(_check_time_zone), _string()]
Window = Annotated[TimeWindow, _read_with(parse_window), _string(pattern=WINDOW_PATTERN)]
WorkingHours = Annotated[
    tuple[Annotated[WeeklyHours, _read_with(parse_hours)], ...],
    BeforeValidator(_as_list),
    _one_or_more(pattern=HOURS_PATTERN),
]
Holidays = Annotated[
    tuple[Annotated[date, BeforeValidator(_read_holiday)], ...],
    BeforeValidator(_as_list),
    _one_or_more(pattern=HOLIDAY_PATTERN),
]
LabelName = Annotated[str, AfterValidator(check_label_name), _string(pattern=LABEL_PATTERN)]
LabelValue = Annotated[str, AfterValidator(check_label_value), _string(minLength=1)]
Labels = Annotated[Mapping[LabelName, LabelValue], AfterValidator(MappingProxyType)]
MatchKeyword = Annotated[str, AfterValidator(check_match_keyword), _string(enum=list(MATCH_KEYWORDS))]
MatchValues = Annotated[list[str], BeforeValidator(_as_list), _one_or_more(minLength=1)]
CountKeywords = Annotated[
    tuple[Annotated[str, _check_choice(COUNT_KEYWORDS)], ...],
    BeforeValidator(_as_list),
    _one_or_more(enum=list(COUNT_KEYWORDS)),
]
Proofs = Annotated[
    tuple[Annotated[str, _check_choice(PROOFS)], ...], BeforeValidator(_as_list), _one_or_more(enum=list(PROOFS))
]
Services = Annotated[
    tuple[Annotated[str, AfterValidator(check_service)], ...],
    BeforeValidator(_as_list),
    Field(min_length=1, max_length=100),
    _one_or_more(pattern="^[A-Za-z0-9]+(/[A-Za-z0-9]+)?$"),
]
FileName = Annotated[Path, _from_file(resolve_path), _string(format="path")]
SecretFile = Annotated[Secret, _from_file(read_secret), _string(format="path")]
ProxySecret = Annotated[SecretFile, AfterValidator(_check_proxy_secret)]
TokenFile = Annotated[Secret, _from_file(read_token), _string(format="path")]
