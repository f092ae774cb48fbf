"""That the table of probes says nothing that is not so."""

from __future__ import annotations

from dataclasses import fields

from dicom_exporter.config.model import Target
from dicom_exporter.config.schema import ModuleBlock
from dicom_exporter.metrics.queries import QUERY_FAMILIES
from dicom_exporter.metrics.targets import EXPOSURE_FAMILIES, SESSION_FAMILIES
from dicom_exporter.probes import PROBES
from dicom_exporter.report.formats.csv import COLUMNS
from dicom_exporter.results import SessionResult

_THE_PROBERS = {
    "identity",
    "phases",
    "duration",
    "timeout",
    "last_run",
    "prove",
    "surface",
    "addresses",
    "addresses_failed",
}
"""Fields of a session that no single probe fills."""


def test_probes_names_are_unique() -> None:
    names = [probe.name for probe in PROBES]
    assert len(set(names)) == len(names)


def test_probes_fill_every_field_of_a_session() -> None:
    filled = {name for probe in PROBES for name in probe.fills}
    assert filled == {field.name for field in fields(SessionResult)} - _THE_PROBERS


def test_probes_families_are_all_those_of_sessions() -> None:
    named = {name for probe in PROBES for name in probe.families}
    families = [[family.name for family in table] for table in (SESSION_FAMILIES, QUERY_FAMILIES, EXPOSURE_FAMILIES)]
    assert named == {name for names in families for name in names}


def test_probes_columns_are_columns_of_the_report() -> None:
    assert {name for probe in PROBES for name in probe.columns} <= set(COLUMNS)


def test_probes_switches_are_keys_of_the_configuration() -> None:
    keys = {field.name for block in (ModuleBlock, Target) for field in fields(block)}
    assert {name for probe in PROBES for name in probe.switched_on_by} <= keys
