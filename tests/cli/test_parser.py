"""What the command line accepts, and its messages for what it does not accept."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from pathlib import Path

import pytest

from dicom_exporter import __version__
from dicom_exporter.cli.main import main
from dicom_exporter.enums import Outcome, QueryOutcome
from dicom_exporter.verdict.texts import OUTCOMES, QUERY_OUTCOMES

GOOD = "targets:\n  - {name: one, address: '127.0.0.1:104'}\n"
BAD = "targets:\n  - {name: one, address: '127.0.0.1'}\n  - {name: two, address: '127.0.0.1:104', expect: close}\n"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config.fil=x"], "unknown argument --config.fil (did you mean --config.file?)"),
        (["--config.f", "x"], "unknown argument --config.f"),
        (["--config.file"], "argument --config.file: expected one argument"),
        (["x"], "unknown argument x"),
        (["--config.check", "demo"], "a command comes first: dicom_exporter demo"),
        (["--web.listen-address=10104"], "'10104' is not an address like :10104"),
        (["--web.listen-address", "::1:9"], "an IPv6 address must be in brackets"),
        (["--web.telemetry-path=metrics"], "'metrics' is not a path like /metrics"),
        (["--web.telemetry-path=/-/healthy"], "'/-/healthy' is taken"),
        (["--web.telemetry-path=/probe"], "'/probe' is taken"),
        (["--web.telemetry-path=/{x}"], "'/{x}' is not a path"),
        (["--web.telemetry-path=/sd"], "'/sd' is taken"),
        (["--web.external-url=exporter.example:10104"], "it begins with http:// or https://"),
        (["--web.external-url="], "is not a URL like https://monitoring.hospital.example/dicom/"),
        (["--web.external-url=https://user:secret@exporter.example/"], "the external URL must not contain credentials"),
        (["--web.dashboard-url=grafana.example/{target}"], "is not a URL like https://grafana.hospital.example/d/"),
        (["--web.dashboard-url=javascript:x{target}"], "is not a URL like"),
        (["--web.dashboard-url=https://grafana.example/d/x"], "var-target={target}"),
        (["--web.telemetry-path=/targets/metrics"], "'/targets/metrics' is taken"),
        (["--history.limit=0"], "'0' is not a number from 1 to 99999"),
        (["--history.limit=many"], "'many' is not a number"),
        (["--timeout-offset=1"], "it has no unit"),
        (["--timeout-offset=-1s"], "cannot be negative"),
        (["--timeout-offset=soon"], "'soon' is not a duration"),
        (["--log.level=loud"], "invalid choice: 'loud'"),
        (["--log.format=xml"], "invalid choice: 'xml'"),
        (["demo", "--config.file=x"], "unknown argument --config.file"),
        (["help", "reprot"], "unknown argument reprot (did you mean report?)"),
        (["prob"], "unknown argument prob (did you mean probe?)"),
        (["probe"], "arguments are required: HOST:PORT"),
        (["probe", "pacs.example"], "'pacs.example' has no port"),
        (["probe", "127.0.0.1:104", "--called-ae", "X" * 17], "at most 16"),
        (["probe", "127.0.0.1:104", "--calling-ae="], "cannot be empty"),
        (["report", "--format=pdf"], "invalid choice: 'pdf'"),
        (["report", "--bye", "x"], "unknown argument --bye (did you mean --by?)"),
        (["report", "--since=30d"], "--since needs --prometheus"),
        (["report", "--prometheus=localhost"], "'localhost' is not a URL like http://localhost:9090"),
        (["report", "--prometheus=http://127.0.0.1:1", "--since=2999-01-01"], "'2999-01-01' is not in the past"),
        (["report", "--prometheus=http://127.0.0.1:1", "--until=30"], "'30' is not a time like 2026-01-31T12:00Z"),
        (["report", "--prometheus=http://127.0.0.1:1", "--since=a month"], "'a month' is not a duration"),
        (["report", "--prometheus=http://127.0.0.1:1", "--step=1500ms"], "'1500ms' is not whole seconds"),
        (["completion"], "arguments are required: SHELL"),
        (["completion", "csh"], "invalid choice: 'csh'"),
        (["probe", "127.0.0.1:104", "--exposures"], "unknown argument --exposures"),
    ],
)
def test_bad_usage_is_two_lines_with_mistake_and_help(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert said in first
    assert second.startswith("Try 'dicom_exporter")
    assert second.endswith("--help'.")


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["help"], ["demo", "--help"], ["probe", "-h"], ["help", "report"], ["completion", "--help"]],
)
def test_help_prints_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 0
    assert "usage: dicom_exporter" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["", "demo", "probe", "report", "print"])
def test_help_fits_a_narrow_terminal_and_breaks_no_word(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = {}
    for columns in ("60", "500"):
        monkeypatch.setenv("COLUMNS", columns)
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        shown = capsys.readouterr().out.partition("\n\n")[2]
        assert max(map(len, shown.splitlines())) <= int(columns)
        words[columns] = shown.split()
    assert words["60"] == words["500"]


def test_version_prints_program_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"dicom_exporter {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [["--version"], ["--help"], ["probe", "--help"], ["report", "--help"], ["completion", "zsh"]]
)
def test_help_and_completion_import_no_heavy_module(arguments: list[str]) -> None:
    code = (
        "import atexit, sys\n"
        "heavy = {'aiohttp', 'pydantic', 'pynetdicom', 'jinja2', 'cryptography', 'rich'}\n"
        "atexit.register(lambda: print(sorted(heavy & sys.modules.keys()), file=sys.stderr))\n"
        "from dicom_exporter.cli.main import main\n"
        f"main({arguments!r})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_configuration_check_imports_no_server(directory: Path) -> None:
    (directory / "one.yml").write_text(GOOD)
    code = (
        "import atexit, sys\n"
        "heavy = {'aiohttp', 'pydicom', 'pynetdicom', 'numpy', 'jinja2', 'cryptography', 'rich'}\n"
        "atexit.register(lambda: print(sorted(heavy & sys.modules.keys()), file=sys.stderr))\n"
        "from dicom_exporter.cli.main import main\n"
        "main(['--config.check', '--config.file=one.yml'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ["--config.file=one.yml", "--config.check"],
        ["--config.file", "one.yml", "--config.check"],
        ["--config.check", "--config.file=*.yml"],
        ["--config.check", "--timeout-offset=0s", "--config.file=one.yml"],
        ["--config.check", "--timeout-offset=500ms", "--config.file=one.yml"],
    ],
)
def test_config_check_of_valid_configuration(
    arguments: list[str], directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "one.yml").write_text(GOOD)
    assert main(arguments) == 0
    assert capsys.readouterr() == ("The configuration is valid: 1 target.\n", "")


def test_log_level_warn_is_warning(directory: Path) -> None:
    (directory / "one.yml").write_text(GOOD)
    assert main(["--config.check", "--config.file=one.yml", "--log.level=warn"]) == 0
    assert logging.getLogger().level == logging.WARNING


def test_config_check_warns_of_a_copied_target(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = "{name: %s, address: pacs.example:104, called_ae_title: PACS}"
    (directory / "one.yml").write_text(f"targets: [{target % 'a'}, {target % 'b'}]")
    assert main(["--config.check", "--config.file=one.yml"]) == 0
    warning = "warning: targets with the same address pacs.example:104 and called AE title PACS: a, b\n"
    assert capsys.readouterr() == ("The configuration is valid: 2 targets.\n", warning)


def test_config_check_of_several_files(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "one.yml").write_text(GOOD)
    (directory / "two.yml").write_text(GOOD.replace("one", "two"))
    assert main(["--config.check", "--config.file=one.yml", "--config.file=two.yml"]) == 0
    assert "2 targets" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--config.check"], []])
def test_invalid_configuration_is_one_line_for_each_mistake(
    arguments: list[str], directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "config.yml").write_text(BAD)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    first, second = err.splitlines()
    assert first.startswith("config.yml:2: targets[0].address: ")
    assert second.startswith("config.yml:3: targets[1].expect: 'close' is not one of ")


def test_invalid_configuration_is_told_in_the_format_of_the_log(
    directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "config.yml").write_text(BAD)
    assert main(["--log.format=json"]) == 2
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["level"], second["level"]) == ("error", "error")
    assert first["msg"].startswith("config.yml:2: targets[0].address: ")


def test_missing_configuration_names_flag_and_demo(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("config.yml: cannot read the file")
    assert "--config.file=FILE" in second
    assert "dicom_exporter demo" in second


def test_environment_variables_are_expanded_only_with_flag(
    directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PACS", "127.0.0.1:104")
    (directory / "config.yml").write_text("targets:\n  - {name: one, address: '${PACS}'}\n")
    assert main(["--config.check"]) == 2
    assert main(["--config.check", "--config.expand-env"]) == 0


def test_config_check_outcome_texts_are_complete() -> None:
    assert OUTCOMES.keys() == set(Outcome)
    assert QUERY_OUTCOMES.keys() == set(QueryOutcome)
