"""A query's block -> a Query: what the model, the level and the attributes have to do with each other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from dicom_exporter.config.values.dicom import why_not_counted, why_not_matched
from dicom_exporter.config.schema import QueryBlock
from dicom_exporter.config.model import BUILTIN_QUERIES
from dicom_exporter.yamlfile.errors import KeyPath
from dicom_exporter.config.values.dicom import parse_match_value
from dicom_exporter.config.model import Level, MatchValue, Model, Query
from dicom_exporter.text import did_you_mean, shown

Report = Callable[[KeyPath, str], None]
"""Notes a mistake: where in the block, and the message."""


def build_query(name: str, block: QueryBlock | None, report: Report) -> Query | None:
    """Make the query `name`; a built-in one needs no block.

    None, and each mistake is reported, where it makes no sense.
    """
    found_wrong = False

    def wrong(path: KeyPath, message: str) -> None:
        nonlocal found_wrong
        found_wrong = True
        report(path, message)

    given: dict[str, Any] = {} if block is None else block.given()
    base = BUILTIN_QUERIES.get(name)
    if base is None:
        base = _own_query(name, given, wrong)
    else:
        _keep_builtin(base, given, wrong)
    if base is None:
        return None
    if "match" in given:
        given["match"] = _match(base, given["match"], wrong)
    if "count_by" in given:
        given["count_by"] = _count_by(base, given["count_by"], wrong)
    return None if found_wrong else replace(base, **given)


def _own_query(name: str, given: Mapping[str, Any], wrong: Report) -> Query | None:
    """Give a query with nothing but the model and the level of `given`."""
    model: Model | None = given.get("model")
    level: Level | None = given.get("level")
    if model is None:
        near = did_you_mean(name, BUILTIN_QUERIES)
        wrong((), f"'model' is missing: {shown(name)} is not a built-in query{near}")
        return None
    if model is Model.WORKLIST:
        if level is not None:
            wrong(("level",), "the worklist has no levels: leave the key out")
        return Query(name, model, None)
    if level is None:
        wrong((), "'level' is missing")
        return None
    if level is Level.PATIENT and model is not Model.PATIENT_ROOT:
        wrong(("level",), f"{model} has no level {level}; {Model.PATIENT_ROOT} has")
    return Query(name, model, level)


def _keep_builtin(base: Query, given: Mapping[str, Any], wrong: Report) -> None:
    for key in ("model", "level"):
        fixed = getattr(base, key)
        if key in given and given[key] is not fixed:
            reason = (
                f"the built-in query {shown(base.name)} has the {key} {fixed}"
                if fixed
                else "the worklist has no levels"
            )
            wrong((key,), f"{reason}: give another query another name")


def _match(query: Query, match: Mapping[str, list[str]], wrong: Report) -> Mapping[str, MatchValue]:
    values: dict[str, MatchValue] = {}
    for keyword, texts in match.items():
        if reason := why_not_matched(keyword, query.model, query.level):
            wrong(("match", keyword), reason)
            continue
        try:
            values[keyword] = parse_match_value(keyword, texts)
        except ValueError as error:
            wrong(("match", keyword), str(error))
    return MappingProxyType(values)


def _count_by(query: Query, keywords: list[str], wrong: Report) -> tuple[str, ...]:
    for index, keyword in enumerate(keywords):
        if reason := why_not_counted(keyword, query.model, query.level):
            wrong(("count_by", index), reason)
        elif keyword in keywords[:index]:
            wrong(("count_by", index), f"{keyword} stands here twice")
    return tuple(keywords)
