"""The blocks of a configuration -> its values: names are looked up, defaults and built-ins filled in."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from dicom_exporter.config.schema import (
    Block,
    Context,
    GlobalBlock,
    HTTPBlock,
    IdentityBlock,
    ModuleBlock,
    ProbeBlock,
    TargetBlock,
    TLSBlock,
)
from dicom_exporter.config.model import BUILTIN_IDENTITIES, BUILTIN_MODULES
from dicom_exporter.config.model import Config
from dicom_exporter.config.types import check_name
from dicom_exporter.config.build.comparisons import build_flows
from dicom_exporter.config.build.modules import build_module, check_strangers
from dicom_exporter.config.model import (
    BasicAuth,
    GlobalSettings,
    HTTPSettings,
    Identity,
    Module,
    ProbeSettings,
    Target,
    TLSSettings,
    UserIdentity,
)
from dicom_exporter.config.sections import Entry, Sections
from dicom_exporter.config.build.targets import build_target
from dicom_exporter.config.build.tls import TLSProblem, tls_settings
from dicom_exporter.yamlfile.validation import Problems
from dicom_exporter.text import shown


def build(sections: Sections, problems: Problems) -> Config:
    """Make the configuration; where `problems` came up, it lacks what they are about."""
    identity_names = BUILTIN_IDENTITIES.keys() | sections.identities.keys()
    module_names = BUILTIN_MODULES.keys() | sections.modules.keys()

    def context(entry: Entry) -> Context:
        return Context(entry.document.directory, identity_names, module_names)

    identities = dict(BUILTIN_IDENTITIES)
    for name, entry in _named(sections.identities, problems):
        identity_block = problems.validate(IdentityBlock, entry.document, entry.path, entry.value, context(entry))
        if identity_block is not None and (identity := _identity(name, identity_block, entry, problems)):
            identities[name] = identity

    modules: dict[str, Module | None] = dict(BUILTIN_MODULES)
    for name, entry in _named(sections.modules, problems):
        module_block = problems.validate(ModuleBlock, entry.document, entry.path, entry.value, context(entry))
        modules[name] = None if module_block is None else build_module(name, module_block, entry, problems)

    check_strangers(modules, identities, sections.modules, sections.identities, problems)

    targets: dict[str, Target] = {}
    taken: dict[str, Entry] = {}
    for entry in sections.targets:
        _claim_name(entry, taken, problems)
        target_block = problems.validate(TargetBlock, entry.document, entry.path, entry.value, context(entry))
        if target_block is not None and (target := build_target(target_block, entry, modules, problems)):
            targets.setdefault(target.name, target)

    flows = build_flows(sections.compare, targets, taken, modules, problems)
    return Config(
        tuple(targets.values()),
        _global(sections.globals, problems),
        MappingProxyType(identities),
        MappingProxyType({name: module for name, module in modules.items() if module is not None}),
        flows,
        _probe(sections.probe, problems),
    )


def _named(section: Mapping[str, Entry], problems: Problems) -> list[tuple[str, Entry]]:
    for name, entry in section.items():
        try:
            check_name(name)
        except ValueError as error:
            problems.add(entry.document, entry.path, str(error))
    return list(section.items())


def _global(entries: list[Entry], problems: Problems) -> GlobalSettings:
    return GlobalSettings(**_together(GlobalBlock, entries, problems))


def _probe(entries: list[Entry], problems: Problems) -> ProbeSettings:
    given = _together(ProbeBlock, entries, problems)
    return ProbeSettings(tuple(given.get("allow", ())))


def _together(model: type[Block], entries: list[Entry], problems: Problems) -> dict[str, Any]:
    """Put the blocks of several files together; a key may stand in one of them only."""
    together: dict[str, Any] = {}
    seen: dict[str, Entry] = {}
    for entry in entries:
        block = problems.validate(model, entry.document, entry.path, entry.value, Context(entry.document.directory))
        given = {} if block is None else block.given()
        for key in given.keys() & seen.keys():
            problems.add(entry.document, (*entry.path, key), f"the key stands in {seen[key].document.file}, too")
        seen |= dict.fromkeys(given, entry)
        together |= given
    return together


def _identity(name: str, block: IdentityBlock, entry: Entry, problems: Problems) -> Identity | None:
    base = BUILTIN_IDENTITIES.get(name)
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
    return Identity(
        name,
        title,
        tls,
        None if user is None else UserIdentity(user.username, user.password_file),
        None if block.http is None else _http(block.http),
    )


def _http(block: HTTPBlock) -> HTTPSettings:
    basic = block.basic_auth
    return HTTPSettings(
        None if basic is None else BasicAuth(basic.username, basic.password_file), block.bearer_token_file
    )


def _tls(block: TLSBlock) -> TLSSettings:
    return tls_settings(**block.given())


def _claim_name(entry: Entry, taken: dict[str, Entry], problems: Problems) -> None:
    name = entry.value.get("name") if isinstance(entry.value, dict) else None
    if not isinstance(name, str):
        return
    first = taken.setdefault(name, entry)
    if first is not entry:
        problems.add(
            entry.document, (*entry.path, "name"), f"{shown(name)} is the name of another target: {first.place}"
        )
