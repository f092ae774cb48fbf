"""Which modules a target may have: together, and by what is expected of it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields
from itertools import pairwise

from dicom_exporter.config.environment import changed, remember
from dicom_exporter.config.model import Module, ModuleOptions, Query, Target
from dicom_exporter.config.sections import Entry
from dicom_exporter.config.values.time import format_duration
from dicom_exporter.text import shown
from dicom_exporter.yamlfile.validation import Block


def build_target(target: Target, entry: Entry, modules: Mapping[str, Module | None]) -> Target | None:
    """Return `target`; None, with the errors reported, if its keys contradict each other.

    A module that is invalid itself is None in `modules`.
    """
    errors = list(target_errors(target, modules))
    chosen = [modules[name] for name in target.modules]
    tries = any(module is None or (module.exposure is not None and module.exposure.tls) for module in chosen)
    if target.tls_profile is not None and not tries:
        message = "none of its modules finds out what TLS it accepts: one needs `exposure: {tls: true}`"
        errors.append((("tls_profile",), message))
    for path, message in errors:
        entry.report(message, *path)
    remember(target, {path: text for path, text in entry.written.items() if path != ("name",)})  # it is in every metric
    return None if errors else target


def at_each_vantage(target: Target) -> tuple[Target, ...]:
    """`target`, or one target for each of its vantages if it has several."""
    if len(target.vantage) < 2:
        return (target,)
    return tuple(changed(target, name=f"{target.name}@{name}", vantage=(name,)) for name in target.vantage)


def target_errors(target: Target, modules: Mapping[str, Module | None]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Each contradiction between the keys of `target` and the modules that it has: the path of a key, and a message."""
    for index, name in enumerate(target.modules):
        module = modules[name]
        if name in target.modules[:index]:
            yield ("modules", index), f"{name} is listed twice"
        elif module is not None and module.writes and target.is_never_written_to:
            reason = f"nothing is written to a target with expect: {target.expect}"
            yield ("modules", index), f"the module {name} stores images, and {reason}"
        elif module is not None and module.canary is not None and module.canary.move_to is not None and target.vantage:
            yield ("modules", index), f"the module {name} has `move_to`, and no archive can connect to a vantage"
        elif module is not None and target.dicomweb is None and any(q.over_dicomweb for q in module.queries.values()):
            yield ("modules", index), f"the module {name} asks over DICOMweb, and the target has no `dicomweb`"
    known = [module for name in dict.fromkeys(target.modules) if (module := modules[name]) is not None]
    for clash in _clashes(known):
        yield ("modules",), clash
    version = target.address.ip_version
    if target.ip_version is not None and version not in (None, target.ip_version):
        yield ("ip_version",), f"the address is an IPv{version} address"
    for index, name in enumerate(target.vantage):
        if name in target.vantage[:index]:
            yield ("vantage", index), f"{name} is listed twice"
    if target.vantage and "vantage" in target.labels:
        yield ("labels", "vantage"), "the name of its vantage has this label: choose another name"
    if target.vantage and target.ip_version is not None:
        yield ("ip_version",), "not with a vantage, whose proxy looks names up and chooses an address"
    if target.vantage and "%" in target.address.host:
        yield ("address",), "an address with an interface of this machine cannot be seen from a vantage"


def _clashes(modules: Sequence[Module]) -> Iterator[str]:
    """Say which modules cannot go together: those of one identity share an association and the names of queries."""
    by_identity: dict[str, list[Module]] = {}
    for module in modules:
        by_identity.setdefault(module.identity, []).append(module)
    for group in by_identity.values():
        yield from _query_clashes(group)
        yield from _schedule_clashes(group)
        yield from _block_clashes(group)


def _query_clashes(modules: Sequence[Module]) -> Iterator[str]:
    seen: dict[str, tuple[Module, Query]] = {}
    for module in modules:
        for name, query in module.queries.items():
            other, first = seen.setdefault(name, (module, query))
            if first != query:
                yield (
                    f"the modules {other.name} and {module.name} have different queries with the name {shown(name)} for"
                    f" the identity {module.identity}: rename one"
                )
                return


def _schedule_clashes(modules: Sequence[Module]) -> Iterator[str]:
    for one, other in pairwise(modules):
        if one.every != other.every:
            yield (
                f"the modules {one.name} ({_schedule(one)}) and {other.name} ({_schedule(other)}) have the same"
                f" identity, {one.identity}, and share its association: give both the same `every`"
            )
            return


def _schedule(module: Module) -> str:
    return "on each scrape" if module.every is None else f"every {format_duration(module.every)}"


def _block_clashes(modules: Sequence[Module]) -> Iterator[str]:
    """Two modules may not have different blocks of one kind (`store`, `exposure`)."""
    for key in (option.name for option in fields(ModuleOptions)):
        having = [module for module in modules if isinstance(getattr(module, key), Block)]
        for one, other in pairwise(having):
            if getattr(one, key) != getattr(other, key):
                yield (
                    f"the modules {one.name} and {other.name} have different `{key}` for the identity {one.identity}:"
                    " use the same in both"
                )
