"""The completion scripts: bash is run; the others must name every command and flag."""

from __future__ import annotations

import subprocess

import pytest

from dicom_exporter.cli.completion import SHELLS, subparsers
from dicom_exporter.cli.main import main, whole_parser

COMPLETE = """\
source /dev/stdin <<'SCRIPT'
{script}
SCRIPT
words=({words})
COMP_WORDS=("${{words[@]}}") COMP_CWORD=$(({count} - 1))
function=$(complete -p dicom_exporter | sed 's/.*-F \\([^ ]*\\).*/\\1/')
"$function" dicom_exporter "${{words[-1]}}" "${{words[-2]}}" 2>/dev/null
echo "${{COMPREPLY[*]}}"
"""


def script(shell: str, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (["re"], "report"),
        (["report", "--out"], "--output"),
        (["report", "--format", "m"], "markdown"),
        (["probe", "--exp"], "--exposure"),
        (["--web.telemetry"], "--web.telemetry-path"),
        (["completion", "z"], "zsh"),
    ],
)
def test_bash_completion_completes_word(words: list[str], completed: str, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["dicom_exporter", *words]
    text = COMPLETE.format(script=script("bash", capsys), words=" ".join(typed), count=len(typed))
    said = subprocess.run(["bash", "-c", text], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == [completed]


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_script_has_every_command_and_flag(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = script(shell, capsys)
    whole = whole_parser()
    commands = subparsers(whole)
    assert {"demo", "probe", "report", "completion"} <= commands.keys()
    for name in commands:
        assert name in text
    for parser in (whole, *commands.values()):
        for flag in parser._option_string_actions:
            assert flag.lstrip("-") in text
