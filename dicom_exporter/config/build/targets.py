"""A target's block -> a Target: which modules can go together, and to which targets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

from dicom_exporter.config.schema import TargetBlock
from dicom_exporter.config.model import DEFAULT_MODULES
from dicom_exporter.config.values.time import format_duration
from dicom_exporter.config.model import Module, Query, Target, WebEntry
from dicom_exporter.config.sections import Entry
from dicom_exporter.results import Expect
from dicom_exporter.yamlfile.validation import Problems
from dicom_exporter.text import shown

_NEVER_WRITTEN_TO = (Expect.CLOSED, Expect.CONTROL)


def build_target(
    block: TargetBlock, entry: Entry, modules: Mapping[str, Module | None], problems: Problems
) -> Target | None:
    """Make a target; None, and each mistake is noted, where it makes no sense.

    A module that is wrong itself is None in `modules`.
    """
    given = block.given()
    names = tuple(given.get("modules", DEFAULT_MODULES[block.expect]))
    before = len(problems.errors)
    for index, name in enumerate(names):
        module = modules[name]
        if name in names[:index]:
            problems.add(entry.document, (*entry.path, "modules", index), f"{name} stands here twice")
        elif module is not None and module.store is not None and block.expect in _NEVER_WRITTEN_TO:
            message = f"the module {name} stores images, and nothing is written to a target with expect: {block.expect}"
            problems.add(entry.document, (*entry.path, "modules", index), message)
    for clash in _clashes([module for name in dict.fromkeys(names) if (module := modules[name]) is not None]):
        problems.add(entry.document, (*entry.path, "modules"), clash)
    version = block.address.ip_version
    if block.ip_version is not None and version not in (None, block.ip_version):
        message = f"the address is one of version {version}"
        problems.add(entry.document, (*entry.path, "ip_version"), message)
    if len(problems.errors) > before:
        return None
    given["modules"] = names
    if "labels" in given:
        given["labels"] = MappingProxyType(given["labels"])
    if "web" in given:
        given["web"] = tuple(WebEntry(page.url) for page in block.web)
    return Target(**given)


def _clashes(modules: Sequence[Module]) -> list[str]:
    """Say which modules cannot go together: those of one identity share an association and the names of queries."""
    by_identity: dict[str, list[Module]] = {}
    for module in modules:
        by_identity.setdefault(module.identity, []).append(module)
    found = [
        clash
        for group in by_identity.values()
        for clash in (_query_clash(group), _schedule_clash(group), *_setting_clashes(group))
    ]
    return [clash for clash in found if clash is not None]


def _query_clash(modules: Sequence[Module]) -> str | None:
    seen: dict[str, tuple[Module, Query]] = {}
    for module in modules:
        for name, query in module.queries.items():
            other, first = seen.setdefault(name, (module, query))
            if first != query:
                return (
                    f"the modules {other.name} and {module.name} have different queries with the name {shown(name)} for"
                    f" the identity {module.identity}: rename one"
                )
    return None


def _schedule_clash(modules: Sequence[Module]) -> str | None:
    for one, other in pairwise(modules):
        if one.every != other.every:
            return (
                f"the modules {one.name} ({_schedule(one)}) and {other.name} ({_schedule(other)}) share an association,"
                f" as both are the identity {one.identity}'s: give both the same `every`"
            )
    return None


def _schedule(module: Module) -> str:
    return "on each scrape" if module.every is None else f"every {format_duration(module.every)}"


def _setting_clashes(modules: Sequence[Module]) -> list[str]:
    read: Mapping[str, Callable[[Module], object]] = {
        "store": lambda module: module.store,
        "exposure": lambda module: module.exposure,
    }
    return [
        f"the modules {one.name} and {other.name} have different `{key}` for the identity {one.identity}: give one"
        for key, setting in read.items()
        for one, other in pairwise(module for module in modules if setting(module) is not None)
        if setting(one) != setting(other)
    ]
