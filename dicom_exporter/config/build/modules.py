"""A module's block -> a Module, and the check that the exposure ladder is probed by an unknown identity only."""

from collections.abc import Mapping
from dataclasses import fields, replace
from types import MappingProxyType

from dicom_exporter.config.build.queries import build_query
from dicom_exporter.config.environment import remember
from dicom_exporter.config.model import BUILTIN_MODULES, Exposure, Identity, Module, Query
from dicom_exporter.config.schema import ModuleBlock, given
from dicom_exporter.config.sections import Entry

_NO_QUESTIONS = frozenset({"name", "identity", "timeout", "every"})
"""Fields for who asks, and when. Every other field of a module is something to ask."""


def build_module(name: str, block: ModuleBlock, entry: Entry) -> Module | None:
    """Make the module `name`; a built-in one keeps what its block does not mention.

    Returns None, with the errors reported, if it is not valid.
    """
    base = BUILTIN_MODULES.get(name, Module(name))
    options = given(block, entry.value)
    if block.exposure is not None:
        base = replace(base, echo=False, queries=MappingProxyType({}))
        _check_proofs(block.exposure, entry)
    if (block.exposure or base.exposure) and (others := options.keys() - _NO_QUESTIONS - {"exposure"}):
        for key in sorted(others):
            message = f"the module {name} probes the exposure ladder and cannot have `{key}`: use another module"
            entry.report(message, key)
        return None
    if "queries" in options:
        queries = _queries(block, entry)
        if queries is None:
            return None
        options["queries"] = queries
    module = replace(base, **options)
    remember(module, entry.written)
    questions = [each.name for each in fields(module) if each.name not in _NO_QUESTIONS]
    if not any(getattr(module, key) for key in questions):
        entry.report(f"the module asks nothing: it needs one of {', '.join(questions)}")
    return module


def check_strangers(
    modules: Mapping[str, Module | None],
    identities: Mapping[str, Identity],
    module_entries: Mapping[str, Entry],
    identity_entries: Mapping[str, Entry],
) -> None:
    """Report each identity that probes the exposure ladder although an archive may know it."""
    for module in modules.values():
        identity = None if module is None else identities.get(module.identity)
        if module is None or module.exposure is None or identity is None:
            continue
        known_by = _known_by(identity)
        if known_by is None:
            continue
        reason = (
            f"the module {module.name} needs an identity unknown to the archive, but the identity {identity.name} has"
            f" `{known_by}`"
        )
        if module.name in module_entries:
            module_entries[module.name].report(f"{reason}: use another identity", "identity")
        else:  # the built-in module: then it is the built-in identity that was changed
            identity_entries[identity.name].report(f"{reason}: move the key to another identity", known_by)


def _known_by(identity: Identity) -> str | None:
    """The key by which an archive may know `identity`; None for a stranger."""
    keys = ("calling_ae_title", "user_identity", "http")
    return next((key for key in keys if getattr(identity, key) is not None), None)


def _check_proofs(exposure: Exposure, entry: Entry) -> None:
    for index, proof in enumerate(exposure.prove):
        if proof in exposure.prove[:index]:
            entry.report(f"{proof} is listed twice", "exposure", "prove", index)


def _queries(block: ModuleBlock, entry: Entry) -> Mapping[str, Query] | None:
    """Make the queries of a module; None, with the errors reported, if one of them is invalid."""
    built = {name: build_query(name, query, entry.inner("queries", name)) for name, query in block.queries.items()}
    queries = {name: query for name, query in built.items() if query is not None}
    return MappingProxyType(queries) if len(queries) == len(built) else None
