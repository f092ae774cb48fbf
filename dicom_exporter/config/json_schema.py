"""The JSON Schema of a configuration file, with which editors complete and check.

`python -m dicom_exporter.config.json_schema` writes it anew, to `config.schema.json` beside this file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from dicom_exporter.config.schema import ConfigFile

PATH = Path(__file__).with_name("config.schema.json")


class _Generator(GenerateJsonSchema):
    """Says what `load` does: a key may be missing and may not be null, and a name that fits no pattern is an error."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        if schema.get("default", ...) is None:
            return self.generate_inner(_without_null(schema["schema"]))
        return super().default_schema(schema)

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        made = super().dict_schema(schema)
        return {**made, "additionalProperties": False} if "patternProperties" in made else made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _without_null(schema: Any) -> Any:
    if schema["type"] == "nullable":
        return schema["schema"]
    return {**schema, "schema": _without_null(schema["schema"])} if "schema" in schema else schema


def json_schema() -> dict[str, Any]:
    """Make the schema (JSON Schema 2020-12) of one configuration file."""
    schema = ConfigFile.model_json_schema(schema_generator=_Generator)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema}


def schema_text() -> str:
    """The contents of `config.schema.json`."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PATH.write_text(schema_text(), encoding="utf-8")
