from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from dicom_exporter.cli.main import main
from dicom_exporter.cli.print import FILES

ROOT = Path(__file__).parents[2]


def printed(what: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["print", what]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("what", ["schema", "example", "unit"])
def test_print_writes_the_file(what: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert printed(what, capsys) == (ROOT / FILES[what]).read_text()


def test_print_rules_is_one_file_with_all_groups(capsys: pytest.CaptureFixture[str]) -> None:
    groups = yaml.safe_load(printed("rules", capsys))["groups"]
    files = sorted(ROOT.glob(FILES["rules"]))
    assert groups == [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]


def test_print_dashboards_is_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed("dashboards", capsys).splitlines()
    assert [json.loads(line) for line in lines] == [
        json.loads(file.read_text()) for file in sorted(ROOT.glob(FILES["dashboards"]))
    ]


@pytest.mark.parametrize("what", FILES)
def test_print_into_directory_copies_each_file(what: str, tmp_path: Path) -> None:
    assert main(["print", what, f"--output={tmp_path}"]) == 0
    copied = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    assert copied == {file.name: file.read_bytes() for file in ROOT.glob(FILES[what])}


def test_print_into_missing_directory_is_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["print", "unit", f"--output={tmp_path / 'missing'}"]) == 3
    assert capsys.readouterr().err == "dicom_exporter print: cannot write: No such file or directory\n"
