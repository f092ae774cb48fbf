"""The running configuration as text: the keys and the notation of a configuration file, all defaults filled in.

It goes by the types of the values, so that a new setting is shown without a change here. A secret is a type that prints
as ``<secret>``: the contents of its file are never shown. What the environment put in is shown as it is written.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import yaml

from dicom_exporter.config.environment import as_written
from dicom_exporter.config.model import Config, Identity, Module, Query, Target
from dicom_exporter.config.secret import Secret
from dicom_exporter.config.values.time import format_duration

_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
"""libyaml's if it is built in: with ten thousand targets it is seconds faster."""
_DURATIONS = frozenset({"timeout", "every", "connect_timeout", "pause_between_associations"})
_FROM_FILES = {"password": "password_file", "bearer_token": "bearer_token_file"}


def show_config(config: Config) -> str:
    """All of `config` as YAML. Except for secrets, it can be loaded as it is."""
    sections = _block(config)
    return _yaml({**{key: sections.pop(key) for key in ("global", "identities", "modules")}, **sections})


def show_target(config: Config, target: Target, modules: tuple[str, ...]) -> str:
    """One target, and the modules and identities that probe it with `modules`, as YAML."""
    chosen = {name: config.modules[name] for name in modules}
    identities = {module.identity: config.identities[module.identity] for module in chosen.values()}
    vantages = {name: config.vantages[name] for name in target.vantage}
    shown = {"identities": identities, "vantages": vantages, "modules": chosen, "targets": [target]}
    return _yaml({key: _plain(value) for key, value in shown.items() if value})


def _yaml(value: Any) -> str:
    text: str = yaml.dump(value, Dumper=_DUMPER, sort_keys=False, allow_unicode=True, width=1_000_000)
    return text


def _plain(value: Any) -> Any:
    """`value` in the types that YAML has."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if dataclasses.is_dataclass(value) and type(value).__str__ is object.__str__:
        return _block(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return str(value)


def _block(value: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not empty, under the keys that they have in a file.

    Fields that do not compare are made from others, or are no configuration.
    """
    named_by_key = isinstance(value, Identity | Module | Query)
    value = as_written(value)
    block = {}
    for field in dataclasses.fields(value):
        item = getattr(value, field.name)
        empty = item is None or (isinstance(item, Mapping | tuple) and not item)
        if empty or not field.compare or (field.name == "name" and named_by_key):
            continue
        if field.name in ("echo", "software") and value.exposure is not None:
            continue  # the ladder includes an echo, and its modules cannot have the keys
        key = field.name.rstrip("_")
        if isinstance(item, Secret):
            key = _FROM_FILES.get(key, key)
        block[key] = format_duration(item) if key in _DURATIONS and not isinstance(item, str) else _plain(item)
    return block
