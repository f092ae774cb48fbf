"""The blocks of `compare`, checked: two targets, and a query that both are asked in the same scrape."""

from collections.abc import Collection, Iterable, Mapping

from dicom_exporter.config.model import Compare, Module, Query, Target
from dicom_exporter.config.sections import Entry
from dicom_exporter.config.values.dicom import Level, Model
from dicom_exporter.text import did_you_mean, shown
from dicom_exporter.yamlfile.validation import validate


def build_comparisons(
    entries: Iterable[Entry],
    targets: Mapping[str, Target],
    target_names: Collection[str],
    modules: Mapping[str, Module | None],
) -> tuple[Compare, ...]:
    """Read the comparisons. Errors are reported; `target_names` also has those of invalid targets."""
    found: dict[tuple[str, str], tuple[Compare, Entry]] = {}
    for entry in entries:
        compare = validate(Compare, entry.document, entry.path, entry.value)
        if compare is None:
            continue
        _check_targets(compare, entry, target_names)
        for name in dict.fromkeys((compare.source, compare.destination)):
            if (target := targets.get(name)) is not None:
                _check_query(compare.query, target, entry, modules)
        _, first = found.setdefault((compare.source, compare.destination), (compare, entry))
        if first is not entry:  # the query is no label of the metric
            entry.report(f"these two targets are compared already: {first.position}")
    return tuple(compare for compare, _ in found.values())


def _check_targets(compare: Compare, entry: Entry, names: Collection[str]) -> None:
    for key, name in (("source", compare.source), ("destination", compare.destination)):
        if name not in names:
            entry.report(f"there is no target {shown(name)}{did_you_mean(name, names)}", key)
    if compare.source == compare.destination:
        entry.report("the destination is the source: two different targets are compared", "destination")


def _check_query(name: str, target: Target, entry: Entry, modules: Mapping[str, Module | None]) -> None:
    asked = [modules[module] for module in target.modules]
    if None in asked:
        return  # an invalid module, which is reported already, may have the query
    known = [(module, query) for module in asked if module is not None for query in module.queries.values()]
    found = [(module, query) for module, query in known if query.name == name]
    if not found:
        near = did_you_mean(name, [query.name for _, query in known])
        entry.report(f"the target {shown(target.name)} has no query {shown(name)} in its modules{near}", "query")
    for module, query in found:
        if reason := _not_comparable(module, query):
            message = f"the query {shown(name)} of the target {shown(target.name)} (module {module.name}) {reason}"
            entry.report(message, "query")


def _not_comparable(module: Module, query: Query) -> str | None:
    """Why the answer to `query` cannot be compared with another archive's of the same scrape; None if it can."""
    if (query.model, query.level) != (Model.STUDY_ROOT, Level.STUDY):
        kind = " at level ".join(part for part in (query.model, query.level) if part)
        return f"is of {kind}: only queries of study_root at level STUDY are compared"
    if query.every is not None or module.every is not None:
        return "has `every`: only answers of one scrape are compared"
    if query.over_dicomweb:
        return "has `over_dicomweb`: only answers over DICOM are compared"
    if query.only_between is not None:
        return "has `only_between`: only answers of one scrape are compared"
    return None
