"""config.schema.json, config.example.yml and `load` agree."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from dicom_exporter.config import load
from dicom_exporter.config.json_schema import PATH, json_schema, schema_text

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.yml"
TESTDATA = Path(__file__).parent / "testdata"
VALIDATOR = jsonschema.Draft202012Validator(json_schema())

SHAPES = [
    "unknown-section",
    "unknown-key",
    "unknown-key-nested",
    "missing-address",
    "missing-name",
    "not-a-mapping",
    "section-not-a-list",
    "section-empty",
    "target-not-a-mapping",
    "value-missing",
    "text-boolean",
    "text-number",
    "text-list",
    "number-text",
    "boolean-text",
    "name-comma",
    "name-of-target-empty",
    "duration-number",
    "duration-no-unit",
    "duration-negative",
    "duration-fraction",
    "duration-order",
    "limit-zero",
    "address-no-port",
    "address-ipv6-bare",
    "ip-version",
    "ae-title-long",
    "ae-title-empty",
    "ae-title-backslash",
    "ae-title-umlaut",
    "expect",
    "modules-empty",
    "label-name",
    "label-empty",
    "password-inline",
    "query-model",
    "query-level",
    "window",
    "match-patient-name",
    "match-unknown",
    "match-empty",
    "count-by-unknown",
    "exposure-false",
    "exposure-text",
    "exposure-limit",
    "exposure-prove",
    "store-count",
    "store-count-high",
    "store-size-no-unit",
    "store-size-text",
    "store-unit",
    "store-number",
    "dicomweb-scheme",
    "dicomweb-no-scheme",
    "dicomweb-credentials",
    "dicomweb-fragment",
    "dicomweb-space",
    "web-empty",
    "web-text",
    "web-no-url",
    "web-url",
    "well-known-titles",
    "http-nothing",
    "http-both",
    "http-password-inline",
    "compare-key",
    "compare-missing",
    "compare-not-a-list",
]
"""Errors that an editor can show with the schema alone."""


def test_json_schema_file_is_current() -> None:
    assert PATH.read_text(encoding="utf-8") == schema_text(), "run: python -m dicom_exporter.config.json_schema"


def test_json_schema_is_valid_draft_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(json.loads(schema_text()))


def test_json_schema_accepts_example() -> None:
    VALIDATOR.validate(yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")))


def test_example_loads() -> None:
    config = load([EXAMPLE])
    assert len(config.targets) > 1


@pytest.mark.parametrize("name", SHAPES)
def test_json_schema_refuses_bad_file(name: str) -> None:
    data = yaml.safe_load((TESTDATA / f"{name}.yml").read_text(encoding="utf-8"))
    assert not VALIDATOR.is_valid(data)


def test_json_schema_default_has_the_notation_of_a_file() -> None:
    settings = json_schema()["$defs"]["GlobalSettings"]["properties"]
    assert settings["connect_timeout"]["default"] == "3s"
    assert settings["max_concurrent_probes"]["default"] == 256
