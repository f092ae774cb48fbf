"""What the README says is true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.cli.completion import subparsers
from dicom_exporter.cli.main import main, whole_parser
from dicom_exporter.config import Expect, load
from dicom_exporter.verdict.texts import LEVELS
from tests.testing import readme
from tools.reference import ROOT, metrics

TEXT = readme.PATH.read_text()
CONFIGURATIONS = [text for text in readme.blocks("yaml") if "scrape_configs" not in text]


@pytest.mark.parametrize("text", CONFIGURATIONS)
def test_readme_configurations_load(text: str, tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(text)
    assert load([tmp_path / "config.yml"]).targets


def test_readme_has_configurations() -> None:
    assert len(CONFIGURATIONS) == 2


def test_readme_metrics_exist() -> None:
    named = set(re.findall(r"\bdicom(?:web)?_[a-z_]+\b", TEXT)) - {"dicom_exporter"}
    assert len(named) > 5
    assert named <= set(metrics.names())


def test_readme_flags_and_commands_exist() -> None:
    whole = whole_parser()
    commands = subparsers(whole)
    parsers = (whole, *commands.values())
    flags = {flag for parser in parsers for flag in parser._option_string_actions}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z.-]*[a-z]", TEXT)) <= flags
    assert set(re.findall(r"dicom_exporter ([a-z]+)\b", TEXT)) <= set(commands) | {"report", "probe"}


def test_readme_make_targets_exist() -> None:
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M)
    assert set(re.findall(r"(?:^|`)make ([a-z-]+)", TEXT, re.M)) <= set(targets)


def test_readme_has_every_level_and_expectation() -> None:
    section = " ".join(readme.section("Down inside, exposed outside").split())
    for level, (name, _) in LEVELS.items():
        assert f"{level} {name}" in section
    for expect in Expect:
        assert f"`{expect}`" in section


def test_readme_mistakes_have_these_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yml").write_text("targets:\n  - name: a\n    adress: 'b:1'\n    expect: close\n")
    assert main(["--config.check"]) == 2
    said = capsys.readouterr().err
    for line in re.findall(r"^config\.yml:\d+: .*$", TEXT, re.M):
        assert line in said


def test_readme_has_the_default_port() -> None:
    assert set(re.findall(r":(10\d{3})\b", TEXT)) == {str(DEFAULT_PORT)}
