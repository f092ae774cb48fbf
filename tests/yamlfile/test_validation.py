from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import pytest
from pydantic import Field, Strict
from pydantic_core import PydanticUseDefault

from dicom_exporter.yamlfile.document import read_document
from dicom_exporter.yamlfile.validation import Block, keys_of, validate


@dataclass(frozen=True)
class Page(Block):
    url: Annotated[str, Field(min_length=1)]


class Lenient(Block):
    UNKNOWN_KEY = "this option does not exist"

    @classmethod
    def read_empty(cls, field: str) -> object:
        raise PydanticUseDefault


@dataclass(frozen=True)
class Options(Lenient):
    limit: Annotated[int, Strict(), Field(ge=1)] = 5
    password: Annotated[str, Field(alias="password_file")] = ""


@dataclass(frozen=True)
class File(Block):
    pages: Annotated[tuple[Page, ...], Field(min_length=1)] = ()
    options: Options = Options()
    named: Mapping[str, Options] = field(default_factory=dict)


def read(text: str, *, show: bool = True) -> File | list[str]:
    document = read_document("f.yml", text.encode())
    found = validate(File, document, (), document.data, show=show)
    return [str(error) for error in document.errors] if found is None else found


def test_validate_gives_the_block() -> None:
    text = "pages: [{url: a}]\noptions: {limit: 2, password_file: p}\nnamed: {x: {limit: }}"
    assert read(text) == File((Page("a"),), Options(2, "p"), {"x": Options()})


def test_block_is_built_by_position_without_validation() -> None:
    assert Options(0).limit == 0


def test_keys_of_gives_aliases() -> None:
    assert list(keys_of(Options)) == ["limit", "password_file"]


@pytest.mark.parametrize(
    ("text", "errors"),
    [
        ("pages: []", ["f.yml:1: pages: is an empty list: leave the key out for the default"]),
        ("pages: x", ["f.yml:1: pages: 'x' is not a list"]),
        ("pages:", ["f.yml:1: pages: has no value: give one, or leave the key out"]),
        ("pages: [{}]", ["f.yml:1: pages[0]: 'url' is missing"]),
        ("pages: [{ulr: a}]", ["f.yml:1: pages[0].ulr: unknown key (did you mean url?)"]),
        ("pages: [{url: ''}]", ["f.yml:1: pages[0].url: cannot be empty"]),
        ("pages: [{url: NO}]", ["f.yml:1: pages[0].url: NO is a boolean to YAML, not text: quote it, 'NO'"]),
        ("options: 010", ["f.yml:1: options: 010 is not a mapping (`key: value`)"]),
        ("named: []", ["f.yml:1: named: a list is not a mapping (`key: value`)"]),
        ("options: {limit: 0}", ["f.yml:1: options.limit: 0 is too small: the minimum is 1"]),
        ("options: {limit: true}", ["f.yml:1: options.limit: true is not a whole number"]),
        ("options: {limt: 1}", ["f.yml:1: options.limt: this option does not exist (did you mean limit?)"]),
        ("named: {x: {y: 1}}", ["f.yml:1: named.x.y: this option does not exist"]),
    ],
)
def test_validate_error_is_in_words(text: str, errors: list[str]) -> None:
    assert read(text) == errors


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("pages: hunter2", "f.yml:1: pages: is not a list"),
        ("options: hunter2", "f.yml:1: options: is not a mapping (`key: value`)"),
        ("options: {limit: hunter2}", "f.yml:1: options.limit: is not a whole number"),
        ("options: {password_file: 123456}", "f.yml:1: options.password_file: is a number to YAML, not text: quote it"),
    ],
)
def test_validate_without_show_repeats_no_value(text: str, error: str) -> None:
    assert read(text, show=False) == [error]


def test_validate_value_that_cannot_be_read_has_one_error() -> None:
    document = read_document("f.yml", b"options: {limit: !secret x}")
    assert validate(File, document, (), document.data) is not None
    assert [str(error) for error in document.errors] == [
        "f.yml:1: options.limit: 'x' cannot be read as !secret: quote it if it is text"
    ]
