"""What pydantic finds in a block, in words for the person who wrote it."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from dicom_exporter.config.schema import Block, Context
from dicom_exporter.text import closest, shown
from dicom_exporter.yamlfile.document import Document
from dicom_exporter.yamlfile.errors import ConfigError, KeyPath

B = TypeVar("B", bound=Block)


class Problems:
    """Collects the mistakes of all files, so that they are told all at once."""

    def __init__(self) -> None:
        self.errors: list[ConfigError] = []

    def add(self, document: Document, path: KeyPath, message: str) -> None:
        """Note that the value at `path` is wrong, unless it could not even be read: then that is known already."""
        if not any(path[:length] in document.unreadable for length in range(len(path) + 1)):
            self.errors.append(document.error(path, message))

    def validate(self, model: type[B], document: Document, path: KeyPath, value: object, context: Context) -> B | None:
        """Check the `value` at `path` by `model`; None, and each mistake is noted, where it does not fit."""
        try:
            return model.model_validate(value, context=context)
        except ValidationError as error:
            found = error.errors(include_url=False)
        misspelt = {_meant(model, details) for details in found if details["type"] == "extra_forbidden"}
        for details in found:
            if details["type"] == "missing" and details["loc"] in misspelt:
                continue  # one mistake, one line
            where = document.nearest((*path, *details["loc"]))
            self.add(document, where, _message(model, details, document.texts.get(where)))
        return None


def _meant(model: type[Block], details: ErrorDetails) -> KeyPath | None:
    """The key that was probably meant by an unknown one, inside a block of `model`."""
    *block, key = details["loc"]
    near = closest(str(key), _keys(_block_at(model, tuple(block))))
    return (*block, near) if near else None


def _message(model: type[Block], details: ErrorDetails, written: str | None) -> str:
    """One of pydantic's errors in our words; `written` is how the file has a value that is not text to YAML."""
    kind = details["type"]
    if kind == "missing":
        return f"{shown(details['loc'][-1])} is missing"
    if kind == "extra_forbidden":
        meant = _meant(model, details)
        return "unknown key" + (f" (did you mean {meant[-1]}?)" if meant else "")
    if kind == "value_error":
        return str(details["ctx"]["error"])
    if kind == "string_type":
        return _not_text(details["input"], written)
    message = _MESSAGES.get(kind)
    if message is None:
        return details["msg"]
    return message(written or shown(details["input"]), details.get("ctx", {}))


_Words = Callable[[str, Mapping[str, Any]], str]
_MESSAGES: Mapping[str, _Words] = {
    "model_type": lambda value, _: f"{value} is not a mapping (`key: value`)",
    "dict_type": lambda value, _: f"{value} is not a mapping (`key: value`)",
    "list_type": lambda value, _: f"{value} is not a list",
    "too_short": lambda *_: "is an empty list: leave the key out for the default",
    "string_too_short": lambda *_: "cannot be empty",
    "int_type": lambda value, _: f"{value} is not a whole number",
    "bool_type": lambda value, _: f"{value} is neither true nor false",
    "greater_than_equal": lambda value, ctx: f"{value} is too small: {ctx['ge']} is the least",
    "less_than_equal": lambda value, ctx: f"{value} is too large: {ctx['le']} is the most",
    "literal_error": lambda value, ctx: f"{value} is not {ctx['expected']}",
}


def _not_text(value: object, written: str | None) -> str:
    if written is None:
        return f"takes text, not {shown(value)}"
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "a boolean"),
        (int, "a number"),
        (float, "a number"),
        (date, "a date"),
    )
    kind = next((name for type_, name in kinds if isinstance(value, type_)), "nothing")
    return f"{written} is {kind} to YAML, not text: quote it, '{written}'"


def _block_at(model: type[Block], inner: KeyPath) -> type[Block]:
    """Find the model of the block at `inner`, a path inside a block of `model`."""
    parts = iter(inner)
    for part in parts:
        annotation = model.model_fields[str(part)].annotation
        model = next(_blocks_in(annotation))
        if typing.get_origin(annotation) in (dict, list):
            next(parts)  # the name or the index of the block
    return model


def _blocks_in(annotation: Any) -> Iterator[type[Block]]:
    if isinstance(annotation, type) and issubclass(annotation, Block):
        yield annotation
    for argument in typing.get_args(annotation):
        yield from _blocks_in(argument)


def _keys(model: type[BaseModel]) -> list[str]:
    return [field.alias or name for name, field in model.model_fields.items()]
