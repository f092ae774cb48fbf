"""The JSON Schema of a configuration file, with which editors complete and check.

`python -m dicom_exporter.config.json_schema` writes it to `config.schema.json` beside this file.
"""

import ast
import dataclasses
import inspect
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dicom_exporter.config.schema import ConfigFile
from dicom_exporter.config.values.text import SIZE_PATTERN, format_size
from dicom_exporter.config.values.time import DURATION_PATTERN, format_duration
from dicom_exporter.yamlfile.validation import Block, keys_of

PATH = Path(__file__).with_name("config.schema.json")
_FORMATS = {DURATION_PATTERN: format_duration, SIZE_PATTERN: format_size}


class _Generator(GenerateJsonSchema):
    """Says what `load` does: a key may be missing and may not be null, and a name that fits no pattern is an error."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(_without_null(schema["schema"]))
        made = super().default_schema(schema)
        if made.get("default") == []:
            del made["default"]  # an empty list is not allowed: the key is left out
        if (write := _FORMATS.get(made.get("pattern", ""))) is not None:
            made["default"] = write(schema["default"])  # as a user would write it
        return made

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def dataclass_schema(self, schema: core_schema.DataclassSchema) -> JsonSchemaValue:
        block = schema["cls"]
        made = {"description": inspect.getdoc(block), **super().dataclass_schema(schema)}
        for key, each in zip(keys_of(block), dataclasses.fields(block), strict=True):
            if (description := _descriptions(block).get(each.name)) is not None:
                made["properties"][key]["description"] = description
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _descriptions(block: type[Block]) -> dict[str, str]:
    """The docstrings below the fields of a block. They are not kept at runtime, so they are read from the source."""
    found = {}
    for cls in reversed(block.__mro__[: block.__mro__.index(Block)]):
        (tree,) = ast.parse(inspect.getsource(cls)).body
        assert isinstance(tree, ast.ClassDef)
        for statement, following in pairwise(tree.body):
            match statement, following:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                    found[name] = " ".join(text.split())
    return found


def _without_null(schema: Any) -> Any:
    if schema["type"] == "nullable":
        return schema["schema"]
    return {**schema, "schema": _without_null(schema["schema"])} if "schema" in schema else schema


def json_schema() -> dict[str, Any]:
    """Make the schema (JSON Schema 2020-12) of one configuration file."""
    schema = TypeAdapter(ConfigFile).json_schema(schema_generator=_Generator)
    anchors = {"^x-": {"description": "Ignored: a place for YAML anchors."}}
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "patternProperties": anchors}


def schema_text() -> str:
    """The contents of `config.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
