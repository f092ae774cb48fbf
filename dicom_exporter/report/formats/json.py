"""The report for a program. docs/report.md describes the fields; `FORMAT` changes when one changes its meaning."""

from __future__ import annotations

import dataclasses
import json
from datetime import UTC
from typing import Any

from dicom_exporter.report.counts import Count
from dicom_exporter.report.groups import Group
from dicom_exporter.report.report import Report
from dicom_exporter.report.rows import Row

FORMAT = 1


def as_json(report: Report) -> str:
    """One JSON object, indented. null: not asked. A count of null: it was asked, and could not be told."""
    document = {
        "format": FORMAT,
        "time": report.begun.astimezone(UTC).isoformat(timespec="seconds"),
        "host": report.host,
        "configuration": list(report.configuration),
        "version": report.version,
        "by": report.by,
        "targets": [_target(row) for row in report.rows],
        "groups": [_group(group) for group in report.groups],
        "total": _group(report.total),
    }
    return json.dumps(document, indent=2) + "\n"


def _target(row: Row) -> dict[str, Any]:
    return {
        "name": row.target.name,
        "address": str(row.target.address),
        "called_ae_title": row.target.called_ae_title,
        "expect": row.target.expect.value,
        "labels": dict(row.target.labels),
        "standing": row.standing,
        "findings": [{"kind": finding.kind.value, "text": finding.text} for finding in row.findings],
        "echo_outcome": row.echo.value if row.echo is not None else None,
        "reachable": row.reachable,
        "open_to_strangers": row.open_to_strangers,
        "levels": None if row.levels is None else dict(row.levels),
        "level_allowed": row.allowed,
        "strangers": _counts(row),
        "ours": {"studies": _count(row.own_studies), "images": _count(row.own_images)},
        "checks": None if row.checks is None else dict(row.checks),
        "peer": {"product": row.product, "version": row.version} if row.product else None,
    }


def _group(group: Group) -> dict[str, Any]:
    plain = {
        field.name: value
        for field in dataclasses.fields(group)
        if not isinstance(value := getattr(group, field.name), Count)
    }
    ours = {"studies": _count(group.own_studies), "images": _count(group.own_images)}
    return {**plain, "strangers": _counts(group), "ours": ours}


def _counts(one: Row | Group) -> dict[str, Any]:
    return {"studies": _count(one.studies), "patients": _count(one.patients), "images": _count(one.images)}


def _count(count: Count) -> dict[str, Any] | None:
    return {"count": count.number, "complete": count.complete} if count.asked else None
