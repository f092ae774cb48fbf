"""Blocks of a file: frozen dataclasses that pydantic validates, and its errors in words for the person who wrote them.

A setting whose form in the file is the form the program uses is declared once: the block is the setting. It is a
standard dataclass, so that code and tests build it directly, by position, without validation.
"""

import dataclasses
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, ClassVar, TypeVar

from pydantic import ConfigDict, TypeAdapter, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dicom_exporter.text import closest, shown
from dicom_exporter.yamlfile.document import Document
from dicom_exporter.yamlfile.errors import KeyPath


class Block:
    """A mapping with fixed keys; each subclass is a frozen dataclass with a field for each key."""

    UNKNOWN_KEY: ClassVar[str] = "unknown key"
    """The message for a key that is not a field."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    _check_empty: ClassVar[Any]

    def __init_subclass__(cls) -> None:
        def check_empty(block: type[Block], value: object, info: ValidationInfo) -> object:
            return block.read_empty(info.field_name or "") if value is None else value

        # pydantic finds the validators of a standard dataclass in the class itself, not in its bases
        cls._check_empty = field_validator("*", mode="before")(classmethod(check_empty))

    @classmethod
    def read_empty(cls, field: str) -> object:
        """Return what a known key without a value means. Raises ValueError if the key needs a value."""
        raise ValueError("has no value: give one, or leave the key out")


B = TypeVar("B", bound=Block)


def validate(
    block: type[B], document: Document, path: KeyPath, value: object, context: object = None, *, show: bool = True
) -> B | None:
    """Validate the `value` at `path` as a `block`; None, with the errors reported to `document`, if it is invalid.

    `context` is for the validators. Without `show`, no message repeats a value, which may be a secret.
    """
    try:
        made: B = _adapter(block).validate_python(value, context=context)
        return made
    except ValidationError as error:
        found = error.errors(include_url=False)
    misspelt = {_meant(block, details) for details in found if details["type"] == "unexpected_keyword_argument"}
    for details in found:
        kind, where = details["type"], details["loc"]
        if kind == "missing" and where in misspelt:
            continue  # one mistake, one line
        if kind == "too_short" and any(_inside(each["loc"], where) for each in found):
            continue  # pydantic does not count the items that are invalid
        position = document.nearest((*path, *where))
        written = document.texts.get(position) or shown(details["input"])
        document.report(position, _message(block, details, written if show else ""))
    return None


def keys_of(block: type[Block]) -> Mapping[str, Any]:
    """The keys that a block may have, each with the annotation of its field."""
    if block not in _KEYS:
        annotations = typing.get_type_hints(block, include_extras=True)
        keys = {}
        for each in dataclasses.fields(block):  # type: ignore[arg-type]  # each subclass is a dataclass
            annotation = annotations[each.name]
            extras = getattr(annotation, "__metadata__", ())
            alias = next((extra.alias for extra in extras if isinstance(extra, FieldInfo) and extra.alias), None)
            keys[alias or each.name] = annotation
        _KEYS[block] = keys
    return _KEYS[block]


def _adapter(block: type[Block]) -> TypeAdapter[Any]:
    if block not in _ADAPTERS:
        _ADAPTERS[block] = TypeAdapter(block)
    return _ADAPTERS[block]


_KEYS: dict[type[Block], Mapping[str, Any]] = {}
_ADAPTERS: dict[type[Block], TypeAdapter[Any]] = {}
"""Both are made once for each type; to mypy, a type[Block] is not hashable enough for `functools.cache`."""


def _inside(one: KeyPath, other: KeyPath) -> bool:
    """Whether `one` is a path to something inside of `other`."""
    return len(one) > len(other) and one[: len(other)] == other


def _meant(block: type[Block], details: ErrorDetails) -> KeyPath | None:
    """The key that was probably meant by an unknown one, inside a `block`."""
    *inner, key = details["loc"]
    near = closest(str(key), keys_of(_block_at(block, tuple(inner))))
    return (*inner, near) if near else None


def _message(block: type[Block], details: ErrorDetails, written: str) -> str:
    """One of pydantic's errors in our words; `written` is the value, empty if it is not to be shown."""
    kind = details["type"]
    if kind == "missing":
        return f"{shown(details['loc'][-1])} is missing"
    if kind == "unexpected_keyword_argument":
        meant = _meant(block, details)
        unknown = _block_at(block, details["loc"][:-1]).UNKNOWN_KEY
        return unknown + (f" (did you mean {meant[-1]}?)" if meant else "")
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "string_type":
        return _not_text(details["input"], written)
    message = _MESSAGES.get(kind)
    return details["msg"] if message is None else message(written, details.get("ctx", {})).lstrip()


_Words = Callable[[str, Mapping[str, Any]], str]
_NOT_A_MAPPING: _Words = lambda value, _: f"{value} is not a mapping (`key: value`)"  # noqa: E731
_NOT_A_LIST: _Words = lambda value, _: f"{value} is not a list"  # noqa: E731
_MESSAGES: Mapping[str, _Words] = {
    "dataclass_type": _NOT_A_MAPPING,
    "dict_type": _NOT_A_MAPPING,
    "mapping_type": _NOT_A_MAPPING,
    "list_type": _NOT_A_LIST,
    "tuple_type": _NOT_A_LIST,
    "too_short": lambda *_: "is an empty list: leave the key out for the default",
    "string_too_short": lambda *_: "cannot be empty",
    "int_type": lambda value, _: f"{value} is not a whole number",
    "bool_type": lambda value, _: f"{value} is neither true nor false",
    "greater_than_equal": lambda value, ctx: f"{value} is too small: the minimum is {ctx['ge']}",
    "less_than_equal": lambda value, ctx: f"{value} is too large: the maximum is {ctx['le']}",
    "literal_error": lambda value, ctx: f"{value} is not {ctx['expected']}",
}


def _not_text(value: object, written: str) -> str:
    kinds = ((bool, "a boolean"), (int, "a number"), (float, "a number"), (date, "a date"), (type(None), "nothing"))
    kind = next((name for type_, name in kinds if isinstance(value, type_)), None)
    if kind is None:
        return f"takes text, not {shown(value)}"
    quoted = f", '{written}'" if written else ""
    return f"{written} is {kind} to YAML, not text: quote it{quoted}".lstrip()


def _block_at(block: type[Block], path: KeyPath) -> type[Block]:
    """Find the type of the block at `path`, which starts in a `block`."""
    parts = iter(path)
    for part in parts:
        found = list(_parts(keys_of(block)[str(part)]))
        block = next(each for each in found if isinstance(each, type) and issubclass(each, Block))
        if any(each in (dict, list, tuple, Mapping) for each in found):
            next(parts)  # the name or the index of the block
    return block


def _parts(annotation: Any) -> Iterator[Any]:
    """The types, and other parts, that an annotation is composed of."""
    yield typing.get_origin(annotation) or annotation
    for argument in typing.get_args(annotation):
        yield from _parts(argument)
