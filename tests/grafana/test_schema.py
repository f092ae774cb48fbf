"""The dashboards' structure against Grafana's own schema, as grafana-foundation-sdk has it from Grafana's sources.

A dashboard is read into the library's types and written again. What the schema does not know is lost on the way.
"""

from __future__ import annotations

import enum
import json
import types
import typing
from typing import Any

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from tests.grafana.dashboards import DASHBOARDS

plugins.register_default_plugins()
OF_PROMETHEUS = tuple(
    f"{key} is lost"
    for key in ("titleFormat", "textFormat", "tagKeys", "useValueForTime", "expr", "interval", "target/refId")
)
"""Keys of annotations that Grafana's data source for Prometheus reads, and the schema does not have."""


@pytest.mark.parametrize("name", DASHBOARDS)
def test_schema_has_every_key(name: str) -> None:
    written = json.loads(JSONEncoder(sort_keys=False).encode(Dashboard.from_json(DASHBOARDS[name])))
    lost = [found for found in changed(DASHBOARDS[name], written, "") if not found.endswith(OF_PROMETHEUS)]
    assert lost == []


@pytest.mark.parametrize("name", DASHBOARDS)
def test_schema_types_match_every_value(name: str) -> None:
    assert list(wrong(Dashboard.from_json(DASHBOARDS[name]), Dashboard, "")) == []


def test_schema_checks_reject_wrong_key_and_type() -> None:
    dashboard = json.loads(json.dumps(DASHBOARDS["fleet"]))
    dashboard["panels"][0]["options"]["colourMode"] = "background"
    dashboard["graphTooltip"] = 7
    written = json.loads(JSONEncoder(sort_keys=False).encode(Dashboard.from_json(dashboard)))
    found = [each for each in changed(dashboard, written, "") if not each.endswith(OF_PROMETHEUS)]
    assert found == ["/panels/0/options/colourMode is lost"]
    assert list(wrong(Dashboard.from_json(dashboard), Dashboard, "")) == ["/graph_tooltip: 7 is not in the schema"]


def changed(before: Any, after: Any, path: str) -> typing.Iterator[str]:
    """What was lost or changed; added defaults do not count."""
    if isinstance(before, dict) and isinstance(after, dict):
        for key, value in before.items():
            if key not in after:
                yield f"{path}/{key} is lost"
            else:
                yield from changed(value, after[key], f"{path}/{key}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from changed(one, other, f"{path}/{index}")
    elif before != after:
        yield f"{path}: {before!r} became {after!r}"


def wrong(value: Any, hint: Any, path: str) -> typing.Iterator[str]:
    """Values that do not fit the types of the library."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        found = [list(wrong(value, argument, path)) for argument in arguments]
        if all(found):
            yield from min(found, key=len)
    elif hint is Any or isinstance(hint, (typing.TypeVar, str)):
        return
    elif origin is typing.Literal or (isinstance(hint, type) and issubclass(hint, enum.Enum)):
        allowed = arguments if origin is typing.Literal else [member.value for member in hint]
        if (value.value if isinstance(value, enum.Enum) else value) not in allowed:
            yield f"{path}: {value!r} is not in the schema"
    elif origin is list and isinstance(value, list):
        for index, item in enumerate(value):
            yield from wrong(item, arguments[0], f"{path}/{index}")
    elif origin is dict and isinstance(value, dict):
        for key, item in value.items():
            yield from wrong(item, arguments[1], f"{path}/{key}")
    elif isinstance(hint, type) and hint.__module__.startswith("grafana_foundation_sdk.models"):
        yield from _wrong_fields(value, hint, path)
    elif isinstance(hint, type) and not isinstance(value, (int, float) if hint is float else hint):
        yield f"{path}: {value!r} is no {hint.__name__}"


def _wrong_fields(value: Any, hint: type, path: str) -> typing.Iterator[str]:
    if not isinstance(value, hint):
        if isinstance(value, dict):  # the library leaves some inner objects as they are
            value = typing.cast(Any, hint).from_json(value)
        else:
            yield f"{path}: {value!r} is no {hint.__name__}"
            return
    for name, inner in typing.get_type_hints(type(value)).items():
        yield from wrong(getattr(value, name), inner, f"{path}/{name}")
