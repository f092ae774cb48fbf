"""The sections of a configuration -> a Config."""

from collections.abc import Iterable
from types import MappingProxyType
from typing import TypeVar

from dicom_exporter.config.build.comparisons import build_comparisons
from dicom_exporter.config.build.modules import build_module, check_strangers
from dicom_exporter.config.build.targets import at_each_vantage, build_target
from dicom_exporter.config.build.tls import tls_settings
from dicom_exporter.config.environment import remember
from dicom_exporter.config.model import (
    BUILTIN_IDENTITIES,
    BUILTIN_MODULES,
    Config,
    GlobalSettings,
    Identity,
    Module,
    ProbeSettings,
    Target,
    Vantage,
)
from dicom_exporter.config.schema import IdentityBlock, ModuleBlock, given
from dicom_exporter.config.sections import Entry, Sections
from dicom_exporter.config.types import Context, check_name
from dicom_exporter.text import shown
from dicom_exporter.yamlfile.errors import KeyPath
from dicom_exporter.yamlfile.pem import PEMError
from dicom_exporter.yamlfile.validation import Block, validate

B = TypeVar("B", bound=Block)


def build(sections: Sections) -> Config:
    """Make the configuration. Errors are reported to the documents; what they are about is left out."""
    identity_names = BUILTIN_IDENTITIES.keys() | sections.identities.keys()
    module_names = BUILTIN_MODULES.keys() | sections.modules.keys()

    def read(block: type[B], entry: Entry) -> B | None:
        context = Context(entry.document.directory, identity_names, module_names, sections.vantages.keys())
        return validate(block, entry.document, entry.path, entry.value, context)

    _check_names([*sections.identities.items(), *sections.modules.items(), *sections.vantages.items()])
    identities = dict(BUILTIN_IDENTITIES)
    for name, entry in sections.identities.items():
        identity_block = read(IdentityBlock, entry)
        if identity_block is not None and (identity := _identity(name, identity_block, entry)):
            identities[name] = identity

    modules: dict[str, Module | None] = dict(BUILTIN_MODULES)
    for name, entry in sections.modules.items():
        module_block = read(ModuleBlock, entry)
        modules[name] = None if module_block is None else build_module(name, module_block, entry)

    check_strangers(modules, identities, sections.modules, sections.identities)

    vantages = {name: read(Vantage, entry) for name, entry in sections.vantages.items()}
    for name, vantage in vantages.items():
        if vantage is not None:
            remember(vantage, sections.vantages[name].written)

    targets: dict[str, Target] = {}
    taken: dict[str, Entry] = {}
    for entry in sections.targets:
        _claim_name(entry.value.get("name") if isinstance(entry.value, dict) else None, entry, taken)
        target = read(Target, entry)
        if target is None or not build_target(target, entry, modules):
            continue
        for each in at_each_vantage(target):
            if each is not target:
                _claim_name(each.name, entry, taken)
            targets.setdefault(each.name, each)

    return Config(
        tuple(targets.values()),
        _together(GlobalSettings, [(entry, read(GlobalSettings, entry)) for entry in sections.globals]),
        MappingProxyType(identities),
        MappingProxyType({name: module for name, module in modules.items() if module is not None}),
        build_comparisons(sections.compare, targets, taken, modules),
        _together(ProbeSettings, [(entry, read(ProbeSettings, entry)) for entry in sections.probe]),
        MappingProxyType({name: vantage for name, vantage in vantages.items() if vantage is not None}),
    )


def _check_names(entries: Iterable[tuple[str, Entry]]) -> None:
    for name, entry in entries:
        try:
            check_name(name)
        except ValueError as error:
            entry.report(str(error))


def _together(settings: type[B], blocks: Iterable[tuple[Entry, B | None]]) -> B:
    """Put the blocks of several files together; a key may be in one of them only."""
    together: dict[str, object] = {}
    seen: dict[str, Entry] = {}
    written: dict[KeyPath, str] = {}
    for entry, block in blocks:
        keys = {} if block is None else given(block, entry.value)
        for key in keys.keys() & seen.keys():
            entry.report(f"the key is also in {seen[key].document.file}", key)
        seen |= dict.fromkeys(keys, entry)
        together |= keys
        written |= entry.written
    made = settings(**together)
    remember(made, written)
    return made


def _identity(name: str, block: IdentityBlock, entry: Entry) -> Identity | None:
    base = BUILTIN_IDENTITIES.get(name)
    if base is None and block.calling_ae_title is None:
        # a random title, like that of `stranger`, would be refused, and an archive should know this identity
        entry.report("'calling_ae_title' is missing")
        return None
    title = block.calling_ae_title or (base.calling_ae_title if base else None)
    try:
        tls = None if block.tls is None else tls_settings(**vars(block.tls))
    except PEMError as error:
        entry.report(str(error), "tls", error.key)
        return None
    identity = Identity(name, title, tls, block.user_identity, block.http)
    remember(identity, entry.written)
    return identity


def _claim_name(name: object, entry: Entry, taken: dict[str, Entry]) -> None:
    if not isinstance(name, str):
        return
    first = taken.setdefault(name, entry)
    if first is not entry:
        entry.report(f"{shown(name)} is the name of another target: {first.position}", "name")
