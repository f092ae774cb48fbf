"""The types of the values in a configuration file: how each is read, and what it is in the JSON Schema.

A validator raises ValueError with a message for the user; text that YAML did not read as text is `string_type`, which
`validation` explains.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticKnownError

from dicom_exporter.config.values.dicom import (
    COUNT_KEYWORDS,
    MATCH_KEYWORDS,
    MAX_LENGTH,
    check_match_keyword,
    parse_ae_title,
)
from dicom_exporter.config.values.network import (
    NETWORK_PATTERN,
    URL_PATTERN,
    Address,
    IPNetwork,
    parse_address,
    parse_network,
    parse_root,
    parse_url,
)
from dicom_exporter.config.values.text import (
    LABEL_PATTERN,
    SIZE_PATTERN,
    check_label_name,
    check_label_value,
    parse_size,
)
from dicom_exporter.config.values.time import DURATION_PATTERN, WINDOW_PATTERN, TimeWindow, parse_duration, parse_window
from dicom_exporter.text import did_you_mean, not_one_of, shown

_NAME = "^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"
_MAX_TARGET_NAME = 128


def text_of(value: object) -> str:
    """Give `value` back where it is text; raises pydantic's own error where it is not."""
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


def _read_with(parse: Callable[[str], object]) -> BeforeValidator:
    return BeforeValidator(lambda value: parse(text_of(value)))


def _read_duration(value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit: a duration is written like {value}s")
    return parse_duration(text_of(value))


def _read_size(value: object) -> int:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit: a size is written like {value}B or 512KiB")
    return parse_size(text_of(value))


def check_name(name: str) -> str:
    """Give the name of an identity, a module or a query back. Raises ValueError with a message for the user."""
    if not re.fullmatch(_NAME, name):
        raise ValueError(f"{shown(name)}: a name has letters, digits, _, - and dots, at most 64 of them")
    return name


def _check_target_name(name: str) -> str:
    if not 0 < len(name) <= _MAX_TARGET_NAME:
        raise ValueError(f"a target's name has 1 to {_MAX_TARGET_NAME} characters, not {len(name)}")
    if "/" in name or name != name.strip() or not name.isprintable():
        raise ValueError(f"{shown(name)}: a target's name has no slash, no control characters, and no space around it")
    return name


def _check_count_keyword(keyword: str) -> str:
    if keyword not in COUNT_KEYWORDS:
        raise ValueError(not_one_of(keyword, COUNT_KEYWORDS))
    return keyword


def _check_proof(word: str) -> str:
    if word not in PROOFS:
        raise ValueError(not_one_of(word, PROOFS))
    return word


def _check_user_name(name: str) -> str:
    if ":" in name:
        raise ValueError(f"{shown(name)}: a user name of HTTP basic authentication has no colon")
    return name


def _check_time_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # not there; a path that leaves the database; a directory of it
        near = did_you_mean(name, available_timezones())
        raise ValueError(f"{shown(name)} is not a time zone like Europe/Berlin{near}") from None
    return name


def _as_list(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _one_or_more(item: dict[str, Any]) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]})


PROOFS = ("identity", "download")
"""Steps of the exposure ladder that have to be asked for."""

Text = Annotated[str, Field(min_length=1)]
HTTPUserName = Annotated[Text, AfterValidator(_check_user_name)]
Name = Annotated[str, AfterValidator(check_name), WithJsonSchema({"type": "string", "pattern": _NAME})]
TargetName = Annotated[
    str,
    AfterValidator(_check_target_name),
    WithJsonSchema({"type": "string", "minLength": 1, "maxLength": _MAX_TARGET_NAME}),
]
Duration = Annotated[
    float,
    BeforeValidator(_read_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION_PATTERN, "examples": ["500ms", "10s", "1h30m"]}),
]
AETitle = Annotated[
    str,
    _read_with(parse_ae_title),
    WithJsonSchema({"type": "string", "pattern": rf"^ *[!-\[\]-~]([ -\[\]-~]{{0,{MAX_LENGTH - 2}}}[!-\[\]-~])? *$"}),
]
TargetAddress = Annotated[
    Address,
    _read_with(parse_address),
    WithJsonSchema({"type": "string", "pattern": "^[^:]+:[0-9]+$|^\\[.+\\]:[0-9]+$"}),
]
Network = Annotated[
    IPNetwork,
    _read_with(parse_network),
    WithJsonSchema({"type": "string", "pattern": NETWORK_PATTERN, "examples": ["10.0.0.0/8", "2001:db8::/32"]}),
]
TimeZone = Annotated[str, AfterValidator(_check_time_zone), WithJsonSchema({"type": "string"})]
Window = Annotated[TimeWindow, _read_with(parse_window), WithJsonSchema({"type": "string", "pattern": WINDOW_PATTERN})]
LabelName = Annotated[
    str, AfterValidator(check_label_name), WithJsonSchema({"type": "string", "pattern": LABEL_PATTERN})
]
LabelValue = Annotated[str, AfterValidator(check_label_value), WithJsonSchema({"type": "string", "minLength": 1})]
MatchKeyword = Annotated[
    str, AfterValidator(check_match_keyword), WithJsonSchema({"type": "string", "enum": list(MATCH_KEYWORDS)})
]
MatchValues = Annotated[list[str], BeforeValidator(_as_list), _one_or_more({"type": "string", "minLength": 1})]
CountKeywords = Annotated[
    list[Annotated[str, AfterValidator(_check_count_keyword)]],
    BeforeValidator(_as_list),
    _one_or_more({"type": "string", "enum": list(COUNT_KEYWORDS)}),
]
Proofs = Annotated[
    list[Annotated[str, AfterValidator(_check_proof)]],
    BeforeValidator(_as_list),
    _one_or_more({"type": "string", "enum": list(PROOFS)}),
]
Size = Annotated[
    int,
    BeforeValidator(_read_size),
    WithJsonSchema({"type": "string", "pattern": SIZE_PATTERN, "examples": ["512KiB", "1MiB", "100KB"]}),
]
PageURL = Annotated[str, _read_with(parse_url), WithJsonSchema({"type": "string", "pattern": URL_PATTERN})]
RootURL = Annotated[str, _read_with(parse_root), WithJsonSchema({"type": "string", "pattern": URL_PATTERN})]
