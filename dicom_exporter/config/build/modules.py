"""A module's block -> a Module: what it asks, and that a stranger's module asks nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from dicom_exporter.config.schema import ExposureBlock, ModuleBlock, QueryBlock, StoreBlock
from dicom_exporter.config.model import BUILTIN_MODULES
from dicom_exporter.yamlfile.errors import KeyPath
from dicom_exporter.config.build.queries import build_query
from dicom_exporter.config.model import Exposure, Identity, Module, Query, Store
from dicom_exporter.config.sections import Entry
from dicom_exporter.yamlfile.validation import Problems

_OTHER_QUESTIONS = ("echo", "queries", "store")


def build_module(name: str, block: ModuleBlock, entry: Entry, problems: Problems) -> Module | None:
    """Make the module `name`; what the block of a built-in one does not say stays as it was.

    None, and each mistake is noted, where it makes no sense.
    """
    base = BUILTIN_MODULES.get(name, Module(name))
    given = block.given()
    if block.exposure is not None:
        base = replace(base, echo=False, queries=MappingProxyType({}))
        given["exposure"] = _exposure(block.exposure, entry, problems)
    if (block.exposure or base.exposure) and (others := [key for key in _OTHER_QUESTIONS if key in given]):
        for key in others:
            message = f"the module {name} climbs the exposure ladder and asks nothing else: put it in another module"
            problems.add(entry.document, (*entry.path, key), message)
        return None
    if "queries" in given:
        queries = _queries(given["queries"], entry, problems)
        if queries is None:
            return None
        given["queries"] = queries
    if "store" in given:
        given["store"] = _store(block.store)
    module = replace(base, **given)
    if not (module.echo or module.queries or module.store or module.exposure):
        message = "the module asks nothing: it has no echo, no queries, no store and no exposure"
        problems.add(entry.document, entry.path, message)
    return module


def check_strangers(
    modules: Mapping[str, Module | None],
    identities: Mapping[str, Identity],
    module_entries: Mapping[str, Entry],
    identity_entries: Mapping[str, Entry],
    problems: Problems,
) -> None:
    """See to it that whoever climbs the exposure ladder is somebody whom nobody knows."""
    for module in modules.values():
        identity = None if module is None else identities.get(module.identity)
        if module is None or module.exposure is None or identity is None:
            continue
        known_by = _known_by(identity)
        if known_by is None:
            continue
        message = f"the module {module.name} is a stranger's, and the identity {identity.name} has `{known_by}`:"
        entry = module_entries.get(module.name)
        if entry is not None:
            path = (*entry.path, "identity")
            problems.add(entry.document, path, f"{message} that it gets in would prove nothing")
        else:  # the built-in module; then it is the built-in identity that was changed
            entry = identity_entries[identity.name]
            path = (*entry.path, known_by)
            problems.add(entry.document, path, f"{message} give an identity of another name what makes it known")


def _known_by(identity: Identity) -> str | None:
    """The key of what tells an archive who `identity` is; None for a stranger."""
    given = {
        "calling_ae_title": identity.calling_ae_title,
        "user_identity": identity.user_identity,
        "http": identity.http,
    }
    return next((key for key, value in given.items() if value is not None), None)


def _exposure(block: ExposureBlock, entry: Entry, problems: Problems) -> Exposure:
    for index, proof in enumerate(block.prove):
        if proof in block.prove[:index]:
            problems.add(entry.document, (*entry.path, "exposure", "prove", index), f"{proof} stands here twice")
    return Exposure(block.max_matches, "identity" in block.prove, "download" in block.prove)


def _store(block: StoreBlock | None) -> Store:
    return Store() if block is None else Store(**block.given())


def _queries(blocks: Mapping[str, QueryBlock | None], entry: Entry, problems: Problems) -> Mapping[str, Query] | None:
    def build_one(name: str, block: QueryBlock | None) -> Query | None:
        def report(path: KeyPath, message: str) -> None:
            problems.add(entry.document, (*entry.path, "queries", name, *path), message)

        return build_query(name, block, report)

    built = {name: build_one(name, block) for name, block in blocks.items()}
    queries = {name: query for name, query in built.items() if query is not None}
    return MappingProxyType(queries) if len(queries) == len(built) else None
