"""The blocks of a configuration -> its values: names are looked up, defaults and built-ins filled in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from dicom_exporter.config import builtins
from dicom_exporter.config.blocks import (
    Context,
    GlobalBlock,
    IdentityBlock,
    ModuleBlock,
    QueryBlock,
    TargetBlock,
    TLSBlock,
)
from dicom_exporter.config.config import Config
from dicom_exporter.config.errors import KeyPath
from dicom_exporter.config.fields import check_name
from dicom_exporter.config.queries import build_query
from dicom_exporter.config.settings import (
    GlobalSettings,
    Identity,
    Module,
    Query,
    Target,
    TLSSettings,
    UserIdentity,
)
from dicom_exporter.config.sources import Entry, Sections
from dicom_exporter.config.tls import TLSProblem, tls_settings
from dicom_exporter.config.validation import Problems
from dicom_exporter.config.wording import shown


def build(sections: Sections, problems: Problems) -> Config:
    """Make the configuration; where `problems` came up, it lacks what they are about."""
    identity_names = builtins.IDENTITIES.keys() | sections.identities.keys()
    module_names = builtins.MODULES.keys() | sections.modules.keys()

    def context(entry: Entry) -> Context:
        return Context(entry.document.directory, identity_names, module_names)

    identities = dict(builtins.IDENTITIES)
    for name, entry in _named(sections.identities, problems):
        identity_block = problems.validate(IdentityBlock, entry.document, entry.path, entry.value, context(entry))
        if identity_block is not None and (identity := _identity(name, identity_block, entry, problems)):
            identities[name] = identity

    modules: dict[str, Module | None] = dict(builtins.MODULES)
    for name, entry in _named(sections.modules, problems):
        module_block = problems.validate(ModuleBlock, entry.document, entry.path, entry.value, context(entry))
        modules[name] = None if module_block is None else _module(name, module_block, entry, problems)

    targets: dict[str, Target] = {}
    taken: dict[str, Entry] = {}
    for entry in sections.targets:
        _claim_name(entry, taken, problems)
        target_block = problems.validate(TargetBlock, entry.document, entry.path, entry.value, context(entry))
        if target_block is not None and (target := _target(target_block, entry, modules, problems)):
            targets.setdefault(target.name, target)

    return Config(
        tuple(targets.values()),
        _global(sections.globals, problems),
        MappingProxyType(identities),
        MappingProxyType({name: module for name, module in modules.items() if module is not None}),
    )


def _named(section: Mapping[str, Entry], problems: Problems) -> list[tuple[str, Entry]]:
    for name, entry in section.items():
        try:
            check_name(name)
        except ValueError as error:
            problems.add(entry.document, entry.path, str(error))
    return list(section.items())


def _global(entries: list[Entry], problems: Problems) -> GlobalSettings:
    """Put the `global` blocks of several files together; a key may stand in one of them only."""
    settings = GlobalSettings()
    seen: dict[str, Entry] = {}
    for entry in entries:
        block = problems.validate(
            GlobalBlock, entry.document, entry.path, entry.value, Context(entry.document.directory)
        )
        given = {} if block is None else block.given()
        for key in given.keys() & seen.keys():
            problems.add(entry.document, (*entry.path, key), f"the key stands in {seen[key].document.file}, too")
        seen |= dict.fromkeys(given, entry)
        settings = replace(settings, **given)
    return settings


def _identity(name: str, block: IdentityBlock, entry: Entry, problems: Problems) -> Identity | None:
    base = builtins.IDENTITIES.get(name)
    if base is None and block.calling_ae_title is None:
        # a random title, as `stranger` has, would have every archive refuse an identity that is meant to be known
        problems.add(entry.document, entry.path, "'calling_ae_title' is missing")
        return None
    title = block.calling_ae_title or (base.calling_ae_title if base else None)
    user = block.user_identity
    try:
        tls = None if block.tls is None else _tls(block.tls)
    except TLSProblem as problem:
        problems.add(entry.document, (*entry.path, "tls", problem.key), str(problem))
        return None
    return Identity(name, title, tls, None if user is None else UserIdentity(user.username, user.password_file))


def _tls(block: TLSBlock) -> TLSSettings:
    return tls_settings(**block.given())


def _module(name: str, block: ModuleBlock, entry: Entry, problems: Problems) -> Module | None:
    base = builtins.MODULES.get(name, Module(name))
    given = block.given()
    if base.exposure and (others := given.keys() & {"echo", "queries"}):
        for key in sorted(others):
            message = f"the module {name} asks what it needs itself; a module with the identity stranger can ask more"
            problems.add(entry.document, (*entry.path, key), message)
        return None
    if "queries" in given:
        queries = _queries(given["queries"], entry, problems)
        if queries is None:
            return None
        given["queries"] = queries
    module = replace(base, **given)
    if not (module.echo or module.queries or module.exposure):
        problems.add(entry.document, entry.path, "the module asks nothing: it has no echo and no queries")
    return module


def _queries(blocks: Mapping[str, QueryBlock | None], entry: Entry, problems: Problems) -> Mapping[str, Query] | None:
    def build_one(name: str, block: QueryBlock | None) -> Query | None:
        def report(path: KeyPath, message: str) -> None:
            problems.add(entry.document, (*entry.path, "queries", name, *path), message)

        return build_query(name, block, report)

    built = {name: build_one(name, block) for name, block in blocks.items()}
    queries = {name: query for name, query in built.items() if query is not None}
    return MappingProxyType(queries) if len(queries) == len(built) else None


def _claim_name(entry: Entry, taken: dict[str, Entry], problems: Problems) -> None:
    name = entry.value.get("name") if isinstance(entry.value, dict) else None
    if not isinstance(name, str):
        return
    first = taken.setdefault(name, entry)
    if first is not entry:
        problems.add(
            entry.document, (*entry.path, "name"), f"{shown(name)} is the name of another target: {first.place}"
        )


def _target(
    block: TargetBlock, entry: Entry, modules: Mapping[str, Module | None], problems: Problems
) -> Target | None:
    given = block.given()
    names = tuple(given.get("modules", builtins.DEFAULT_MODULES[block.expect]))
    before = len(problems.errors)
    for index, name in enumerate(names):
        if name in names[:index]:
            problems.add(entry.document, (*entry.path, "modules", index), f"{name} stands here twice")
    if clash := _clash([module for name in dict.fromkeys(names) if (module := modules[name]) is not None]):
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
    return Target(**given)


def _clash(modules: list[Module]) -> str | None:
    """Say which two modules cannot go together: those of one identity share an association and the names of queries."""
    seen: dict[tuple[str, str], tuple[Module, Query]] = {}
    for module in modules:
        for name, query in module.queries.items():
            other, first = seen.setdefault((module.identity, name), (module, query))
            if first != query:
                return (
                    f"the modules {other.name} and {module.name} have different queries with the name {shown(name)} for"
                    f" the identity {module.identity}: rename one"
                )
    return None
