"""docs/configuration.md, from the models in `dicom_exporter.config.schema` by way of their JSON Schema."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dicom_exporter.config.json_schema import json_schema
from dicom_exporter.config.values.dicom import COUNTED, COUNTED_IN_WORKLIST, MATCHED, MATCHED_IN_WORKLIST
from tools.reference.markdown import code, head, table

_BEFORE: Mapping[str, str] = {
    "identities": "A mapping from the identity's name to:",
    "modules": "A mapping from the module's name to:",
    "targets": "A list; each target has:",
    "compare": "A list; each pair has:",
}
_KINDS = {"integer": "number", "number": "number", "boolean": "true, false", "string": "text", "object": "mapping"}


def page() -> str:
    """The text of the page."""
    return "\n".join(_lines()).rstrip() + "\n"


def _lines() -> Iterator[str]:
    schema = json_schema()
    blocks: Mapping[str, Any] = schema["$defs"]
    yield head("configuration")
    shown: set[str] = set()
    sections: Mapping[str, Any] = schema["properties"]
    for section, described in sections.items():
        block = _child(described, blocks)
        if block is None:
            raise ValueError(
                f"the section {section} is no mapping with fixed keys: say in tools/reference how to show it"
            )
        about = described.get("description") or blocks[block]["description"]
        yield f"## {section}"
        yield ""
        yield about + (f" {_BEFORE[section]}" if section in _BEFORE else "")
        yield ""
        yield from _block(block, blocks, shown, f"{section}.")
    yield from _attributes()


def _block(name: str, blocks: Mapping[str, Any], shown: set[str], path: str) -> Iterator[str]:
    """One table, then those of the blocks inside of it that have not been shown."""
    shown.add(name)
    block = blocks[name]
    required = block.get("required", ())
    properties: Mapping[str, Any] = block["properties"]
    rows = []
    inside: list[tuple[str, str]] = []
    for key, described in properties.items():
        child = _child(described, blocks)
        if child is not None:
            inside.append((f"{path}{key}", child))
        if not described.get("description") and child is not None:
            meaning = blocks[child].get("description", "")
        else:
            meaning = described.get("description", "")
        rows.append((code(key), _kind(described, blocks), _default(described, key in required), meaning))
    yield from table(("key", "value", "default", "meaning"), rows)
    for inner_path, child in inside:
        if child in shown:
            continue
        yield f"### {inner_path}"
        yield ""
        yield blocks[child]["description"]
        yield ""
        yield from _block(child, blocks, shown, f"{inner_path}.")


def _child(described: Mapping[str, Any], blocks: Mapping[str, Any]) -> str | None:
    """The block that is the value, or each item or value of it."""
    for part in (described, *described.get("anyOf", ())):
        inner = [part, part.get("items", {}), *part.get("patternProperties", {}).values()]
        for each in inner:
            for choice in (each, *each.get("anyOf", ())):
                name = str(choice.get("$ref", "")).rpartition("/")[2]
                if "properties" in blocks.get(name, ()):
                    return name
    return None


def _kind(described: Mapping[str, Any], blocks: Mapping[str, Any]) -> str:
    """The kind of value, in one or two words."""
    words = [word for part in described.get("anyOf", (described,)) if (word := _one_kind(part, blocks))]
    return " or ".join(dict.fromkeys(words))


def _one_kind(part: Mapping[str, Any], blocks: Mapping[str, Any]) -> str:
    if "enum" in part:
        return ", ".join(code(str(value)) for value in part["enum"])
    if "const" in part:
        return code(str(part["const"]).lower())
    if "$ref" in part:
        name = part["$ref"].rpartition("/")[2]
        return "mapping" if "properties" in blocks[name] else _one_kind(blocks[name], blocks)
    if part.get("type") == "array":
        items = _kind(part["items"], blocks)
        lists = {"mapping": "list of mappings", "text": "list of text", "network": "list of networks"}
        return lists.get(items, "a list of them")
    if part.get("type") == "null":
        return ""
    if part.get("examples") == ["500ms", "10s", "1h30m"]:
        return "duration"
    if "10.0.0.0/8" in part.get("examples", ()):
        return "network"
    if "examples" in part:
        return "size"
    if part.get("format") == "path":
        return "file"
    return _KINDS[part["type"]]


def _default(described: Mapping[str, Any], required: bool) -> str:
    if required:
        return "**required**"
    default = described.get("default")
    if default in (None, [], {}):
        return ""
    return code(str(default).lower() if isinstance(default, bool) else str(default))


def _attributes() -> Iterator[str]:
    yield "## Attributes that queries may match and count"
    yield ""
    yield (
        "A fixed list of attributes that do not identify a patient (PS3.15 Annex E). Attributes that could be used to"
        " search for a person are refused, with the reason."
    )
    yield ""
    rows = [(code(name), f"{level} and below") for name, level in MATCHED.items()]
    rows += [(code(name), "worklist") for name in MATCHED_IN_WORKLIST]
    yield from table(("`match`", "where"), rows)
    rows = [(code(name), ", ".join(levels)) for name, levels in COUNTED.items()]
    rows += [(code(name), "worklist") for name in COUNTED_IN_WORKLIST]
    yield from table(("`count_by`", "where"), rows)
