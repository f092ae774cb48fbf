"""The rules for other labels than `site` and `country`, and other links."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from prometheus.build import LABELS, RULES, RUNBOOKS, built, main
from tests.testing.peers.requirements import program
from tests.testing.rules import ROOT, RULE_TESTS

OTHER = {"site": "ward", "country": "region"}


def promtool(*arguments: str) -> None:
    command = [program("promtool", "prometheus"), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_build_without_options_gives_the_rules_as_they_are() -> None:
    assert built() == {file.name: file.read_text() for file in RULES.glob("*.yml")}


@pytest.mark.parametrize("labels", [(), ("ward",), ("ward", "region"), ("ward", "region", "vendor")], ids=str)
def test_build_rules_name_the_chosen_labels_and_no_others(labels: tuple[str, ...]) -> None:
    text = "".join(
        rule["expr"] + "\n"
        for rules in built(labels).values()
        for group in yaml.safe_load(rules)["groups"]
        for rule in group["rules"]
    )
    assert not re.search(rf"\b(exported_)?({'|'.join(LABELS)})\b", text)
    assert text.count(f"group_left ({', '.join(labels)}") > 20
    for label in labels:
        assert text.count(f'exported_{label}!=""') == 1


@pytest.mark.integration
@pytest.mark.parametrize("labels", ["", "ward", "ward,region,vendor"])
def test_build_rules_are_valid(labels: str, tmp_path: Path) -> None:
    main([f"--labels={labels}", f"--output={tmp_path}"])
    promtool("check", "rules", "--lint=all", "--lint-fatal", *map(str, tmp_path.iterdir()))


@pytest.mark.integration
@pytest.mark.parametrize("file", [file for file in RULE_TESTS if file.stem != "over_days"], ids=lambda file: file.stem)
def test_build_rules_for_another_pair_pass_the_tests_with_that_pair(file: Path, tmp_path: Path) -> None:
    main([f"--labels={','.join(OTHER.values())}", f"--output={tmp_path / 'rules'}"])
    text = re.sub(rf"\b({'|'.join(OTHER)})\b(?=[:=])", lambda label: OTHER[label[1]], file.read_text())
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / file.name).write_text(text)
    promtool("test", "rules", str(tmp_path / "tests" / file.name))


def test_build_command_of_the_documentation_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (command,) = re.findall(r"python -m prometheus\.build (.*)", (ROOT / "docs" / "alerting.md").read_text())
    monkeypatch.chdir(tmp_path)
    main(shlex.split(command))
    text = (tmp_path / "rules" / "exposure.yml").read_text()
    assert "https://exporter.hospital.example/runbooks/DicomExposed\n" in text
    assert RUNBOOKS not in text
    assert "group_left (region, ward)" in text


def test_links_to_runbooks_are_changed_by_the_line_of_the_documentation(tmp_path: Path) -> None:
    (edit,) = re.findall(r"^ *(sed -i .*)$", (ROOT / "docs" / "alerting.md").read_text(), flags=re.MULTILINE)
    main([f"--output={tmp_path / 'rules'}"])
    subprocess.run(["bash", "-c", edit], cwd=tmp_path, check=True, timeout=30)
    assert {file.name: file.read_text() for file in (tmp_path / "rules").iterdir()} == built(
        exporter_url="https://exporter.hospital.example"
    )


@pytest.mark.parametrize("label", ["identity", "instance", "1st", "a b"])
def test_build_label_that_cannot_be_a_users_is_refused(
    label: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([f"--labels=ward,{label}", f"--output={tmp_path}"])
    assert stopped.value.code == 2
    assert label in capsys.readouterr().err
