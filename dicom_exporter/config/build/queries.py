"""A query's block -> a Query: the model, the level and the attributes have to fit together."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from dicom_exporter.config.model import BUILTIN_QUERIES, Query
from dicom_exporter.config.schema import QueryBlock, given
from dicom_exporter.config.sections import Entry
from dicom_exporter.config.values.dicom import (
    MODALITIES,
    Level,
    MatchValue,
    Model,
    parse_match_value,
    why_not_counted,
    why_not_matched,
)
from dicom_exporter.config.values.time import RelativeDate
from dicom_exporter.text import did_you_mean, shown


def build_query(name: str, block: QueryBlock | None, entry: Entry) -> Query | None:
    """Make the query `name`; a built-in one needs no block.

    Returns None, with the errors reported, if it is not valid.
    """
    errors_before = len(entry.document.errors)
    options = {} if block is None else given(block, entry.value)
    base = BUILTIN_QUERIES.get(name)
    if base is None:
        base = _own_query(name, options, entry)
    else:
        _check_builtin(base, options, entry)
    if base is None:
        return None
    if "match" in options:
        options["match"] = _match(base, options["match"], entry)
    _check_count_by(base, options.get("count_by", ()), entry)
    if "expect_within" in options:
        options["expect_within"] = MappingProxyType(options["expect_within"])
    query = replace(base, **options)
    _check_freshness(query, entry)
    return None if len(entry.document.errors) > errors_before else query


def _own_query(name: str, options: Mapping[str, Any], entry: Entry) -> Query | None:
    """Make a query with only the model and the level of `options`."""
    model: Model | None = options.get("model")
    level: Level | None = options.get("level")
    if model is None:
        near = did_you_mean(name, BUILTIN_QUERIES)
        entry.report(f"'model' is missing: {shown(name)} is not a built-in query{near}")
        return None
    if model is Model.WORKLIST:
        if level is not None:
            entry.report("the worklist has no levels: leave the key out", "level")
        return Query(name, model, None)
    if level is None:
        entry.report("'level' is missing")
        return None
    if level is Level.PATIENT and model is not Model.PATIENT_ROOT:
        entry.report(f"{model} has no level {level}; {Model.PATIENT_ROOT} has", "level")
    return Query(name, model, level)


def _check_builtin(base: Query, options: Mapping[str, Any], entry: Entry) -> None:
    for key in ("model", "level"):
        fixed = getattr(base, key)
        if key in options and options[key] is not fixed:
            reason = f"the built-in query {shown(base.name)} has the {key} {fixed}"
            if fixed is None:
                reason = "the worklist has no levels"
            entry.report(f"{reason}: give another query another name", key)


def _match(query: Query, match: Mapping[str, Sequence[str]], entry: Entry) -> Mapping[str, MatchValue]:
    values: dict[str, MatchValue] = {}
    for keyword, texts in match.items():
        if reason := why_not_matched(keyword, query.model, query.level):
            entry.report(reason, "match", keyword)
            continue
        try:
            values[keyword] = parse_match_value(keyword, texts)
        except ValueError as error:
            entry.report(str(error), "match", keyword)
    return MappingProxyType(values)


def _check_count_by(query: Query, keywords: Sequence[str], entry: Entry) -> None:
    for index, keyword in enumerate(keywords):
        if reason := why_not_counted(keyword, query.model, query.level):
            entry.report(reason, "count_by", index)
        elif keyword in keywords[:index]:
            entry.report(f"{keyword} is listed twice", "count_by", index)


def _check_freshness(query: Query, entry: Entry) -> None:
    """Report what leaves it open how old the newest study is."""
    expected = query.expect_within
    if expected is None:
        for key in ("working_hours", "holidays", "over_dicomweb"):
            if getattr(query, key):
                entry.report("needs `expect_within`", key)
        return
    date = query.match.get("StudyDate")
    if query.level is not Level.STUDY:
        entry.report("only studies have an age: it needs the level STUDY", "expect_within")
    elif "StudyTime" in query.match or not (date is None or (isinstance(date, RelativeDate) and date.last == 0)):
        entry.report("the newest studies have to match: StudyDate is today or 'last 7d', without StudyTime", "match")
    if len(query.count_by) > 1:
        entry.report("with `expect_within`, a query counts by one attribute", "count_by")
    for name in expected:
        if name == "default":
            continue
        if not query.count_by:
            entry.report("needs `count_by`: without it there is only `default`", "expect_within", name)
        elif query.count_by[0] == "ModalitiesInStudy" and name not in MODALITIES:
            entry.report(
                f"{shown(name)} is not a modality of the standard{did_you_mean(name, MODALITIES)}",
                "expect_within",
                name,
            )
