"""What the README says is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.config import load
from dicom_exporter.metrics.exporter import EXPORTER_FAMILIES
from dicom_exporter.metrics.flows import FLOW_FAMILIES
from dicom_exporter.metrics.ladder import EXPOSURE_FAMILIES
from dicom_exporter.metrics.queries import QUERY_FAMILIES
from dicom_exporter.metrics.targets import SESSION_FAMILIES, TARGET_FAMILIES
from dicom_exporter.results import Outcome, QueryOutcome
from tests import readme

CONFIGURATIONS = [text for text in readme.blocks("yaml") if "scrape_configs" not in text]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_its_configurations_load(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(text)
    assert load([tmp_path / "config.yml"]).targets


def test_it_has_configurations() -> None:
    assert len(CONFIGURATIONS) == 2


def test_its_table_has_every_metric_and_no_other() -> None:
    names = [
        family.name
        for table in (TARGET_FAMILIES, SESSION_FAMILIES, QUERY_FAMILIES, EXPOSURE_FAMILIES, FLOW_FAMILIES)
        for family in table
    ] + [family.name for family in EXPORTER_FAMILIES]
    first_cells = [line.split("|")[1] for line in readme.section("Metrics").splitlines() if line.startswith("| `dicom")]
    named = re.findall(r"`(dicom\w+)`", "".join(first_cells))
    assert sorted(named) == sorted(names)


def test_it_explains_every_outcome() -> None:
    for outcome in (*Outcome, *QueryOutcome):
        assert re.search(rf"\b{outcome}\b", readme.section("Metrics")), outcome


def test_it_names_the_port() -> None:
    assert set(re.findall(r":(10\d{3})\b", readme.PATH.read_text())) == {str(DEFAULT_PORT)}
