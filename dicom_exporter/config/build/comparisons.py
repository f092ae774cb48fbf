"""The blocks of `compare` -> flows to watch: two targets, and a query that both answer in the same scrape."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from dicom_exporter.config.schema import CompareBlock, Context
from dicom_exporter.config.model import Compare, Level, Model, Module, Query, Target
from dicom_exporter.config.sections import Entry
from dicom_exporter.yamlfile.validation import Problems
from dicom_exporter.text import did_you_mean, shown


def build_flows(
    entries: Iterable[Entry],
    targets: Mapping[str, Target],
    target_names: Collection[str],
    modules: Mapping[str, Module | None],
    problems: Problems,
) -> tuple[Compare, ...]:
    """Make the comparisons; each mistake is noted. `target_names` has those of wrong targets, too."""
    flows: dict[tuple[str, str], tuple[Compare, Entry]] = {}
    for entry in entries:
        block = problems.validate(
            CompareBlock, entry.document, entry.path, entry.value, Context(entry.document.directory)
        )
        if block is None:
            continue
        compare = Compare(block.source, block.destination, block.query)
        _check_targets(compare, entry, target_names, problems)
        for name in dict.fromkeys((compare.source, compare.destination)):
            if (target := targets.get(name)) is not None:
                _check_query(compare.query, target, entry, modules, problems)
        _, first = flows.setdefault((compare.source, compare.destination), (compare, entry))
        if first is not entry:  # the query is no label of the metric
            problems.add(entry.document, entry.path, f"these two targets are compared already: {first.place}")
    return tuple(compare for compare, _ in flows.values())


def _check_targets(compare: Compare, entry: Entry, names: Collection[str], problems: Problems) -> None:
    for key, name in (("source", compare.source), ("destination", compare.destination)):
        if name not in names:
            message = f"there is no target {shown(name)}{did_you_mean(name, names)}"
            problems.add(entry.document, (*entry.path, key), message)
    if compare.source == compare.destination:
        message = "the destination is the source: two different targets are compared"
        problems.add(entry.document, (*entry.path, "destination"), message)


def _check_query(
    name: str, target: Target, entry: Entry, modules: Mapping[str, Module | None], problems: Problems
) -> None:
    asked = [modules[module] for module in target.modules]
    if None in asked:
        return  # a wrong module may have the query, and is told of already
    known = [(module, query) for module in asked if module is not None for query in module.queries.values()]
    found = [(module, query) for module, query in known if query.name == name]
    if not found:
        near = did_you_mean(name, [query.name for _, query in known])
        message = f"the target {shown(target.name)} has no query {shown(name)} in its modules{near}"
        problems.add(entry.document, (*entry.path, "query"), message)
    for module, query in found:
        if reason := _not_comparable(module, query):
            message = f"the query {shown(name)} of the target {shown(target.name)} (module {module.name}) {reason}"
            problems.add(entry.document, (*entry.path, "query"), message)


def _not_comparable(module: Module, query: Query) -> str | None:
    """Why the answer to `query` cannot be compared with another archive's of the same scrape; None where it can."""
    if (query.model, query.level) != (Model.STUDY_ROOT, Level.STUDY):
        kind = " at level ".join(part for part in (query.model, query.level) if part)
        return f"is of {kind}: only queries of study_root at level STUDY are compared"
    if query.every is not None or module.every is not None:
        return "has `every`: only answers of one scrape are compared"
    if query.only_between is not None:
        return "has `only_between`: only answers of one scrape are compared"
    return None
