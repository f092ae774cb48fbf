"""YAML text -> data and lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicom_exporter.yamlfile.document import read_document
from tests.testing.loading import load_text


def data(text: str) -> object:
    document = read_document("config.yml", text.encode())
    assert document.errors == []
    return document.data


def errors(text: str) -> list[str]:
    return [str(error) for error in read_document("config.yml", text.encode()).errors]


def test_read_document_scalars_and_collections() -> None:
    assert data("a: [1, 2.5, yes, ~, text, '5']\nb:\n  c: |\n    lines\n") == {
        "a": [1, 2.5, True, None, "text", "5"],
        "b": {"c": "lines\n"},
    }


def test_read_document_lines_are_those_of_keys() -> None:
    document = read_document("config.yml", b"a:\n  -\n    b: 1\n  - c:\n      d\n")
    assert document.lines == {(): 1, ("a",): 1, ("a", 0): 3, ("a", 0, "b"): 3, ("a", 1): 4, ("a", 1, "c"): 4}


def test_document_error_at_missing_key_has_nearest_key_above() -> None:
    document = read_document("config.yml", b"a:\n  b: 1\n")
    assert str(document.error(("a", "b", 0, "c"), "wrong")) == "config.yml:2: a.b: wrong"


def test_read_document_aliases_and_merges() -> None:
    text = """
base: &base {site: north, country: DE}
more: &more {<<: *base, floor: "1"}
copy: *base
own: {<<: *more, country: FR}
first: {<<: [{country: A}, *base]}
"""
    assert data(text) == {
        "base": {"site": "north", "country": "DE"},
        "more": {"site": "north", "country": "DE", "floor": "1"},
        "copy": {"site": "north", "country": "DE"},
        "own": {"site": "north", "country": "FR", "floor": "1"},
        "first": {"site": "north", "country": "A"},
    }


def test_load_2000_targets_share_an_anchor(tmp_path: Path) -> None:
    targets = "".join(
        f"  - {{<<: *common, name: t{number}, address: '127.0.0.1:{number + 1}'}}\n" for number in range(2000)
    )
    first = "  - &common {name: t, address: '127.0.0.1:104', expect: closed, labels: {site: north, country: DE}}\n"
    config = load_text(tmp_path, f"targets:\n{first}{targets}")
    assert len(config.targets) == 2001
    assert config.targets[-1].labels == {"site": "north", "country": "DE"}


@pytest.mark.parametrize(
    "use", ["[*{0}, *{0}, *{0}, *{0}, *{0}, *{0}, *{0}, *{0}, *{0}]", "{{<<: [*{0}, *{0}, *{0}]}}"]
)
def test_read_document_alias_bomb_is_refused(use: str) -> None:
    text = "a0: &a0 {k: v}\n" + "".join(f"a{n}: &a{n} {use.format(f'a{n - 1}')}\n" for n in range(1, 40))
    (error,) = errors(text)
    assert error.endswith("too many values: aliases may expand a file to 10 times its length")


@pytest.mark.parametrize("text", ["a: &a [*a]\n", "a: &a {b: *a}\n", "a: &a {b: {<<: *a}}\n", "a: &a {<<: *a}\n"])
def test_read_document_recursive_alias_is_refused(text: str) -> None:
    assert errors(text) == ["config.yml:1: an alias refers to a collection that contains it"]


@pytest.mark.parametrize("opening", ["[", "{a: ", "- "])
def test_read_document_deep_nesting_is_refused(opening: str) -> None:
    (error,) = errors(opening * 100_000)
    assert error == "config.yml:1: more than 50 levels of nesting"


def test_read_document_key_that_is_no_text_is_an_error() -> None:
    assert errors("a: {1: x, no: y, [b]: z}\n") == [
        "config.yml:1: a: a key has to be text; '1' is a number to YAML: quote it",
        "config.yml:1: a: a key has to be text; 'no' is a boolean to YAML: quote it",
        "config.yml:1: a: a key has to be text",
    ]


@given(st.text())
def test_read_document_any_text_never_raises(text: str) -> None:
    read_document("config.yml", text.encode())


@given(st.text(alphabet="ab:-[]{},&*!<~ \n'\"|#?@$1", max_size=60))
def test_read_document_any_yaml_gives_one_line_errors(text: str) -> None:
    assert all("\n" not in error for error in errors(text))
