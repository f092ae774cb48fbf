"""`--web.config.file` on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dicom_exporter.cli.main import main
from tests.testing.peers import make_certificates
from tests.testing.running import started
from tests.testing.web_config import HASH, TLS

GOOD = "targets:\n  - {name: one, address: '127.0.0.1:104'}\n"


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory, with a configuration and certificates."""
    (tmp_path / "config.yml").write_text(GOOD)
    make_certificates(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_config_check_describes_web_configuration(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "web.yml").write_text(f"{TLS}basic_auth_users:\n  alice: {HASH}\n")
    (directory / "web.yml").chmod(0o600)
    assert main(["--config.check", "--web.config.file=web.yml"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [
        "The configuration is valid: 1 target.",
        "The web configuration is valid: TLS, 1 user, no rate limit.",
    ]
    assert err == ""


def test_config_check_prints_notes_on_web_configuration(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (directory / "web.yml").write_text(TLS + "  client_auth_type: RequireAndVerifyClientCert\n")
    assert main(["--config.check", "--web.config.file=web.yml"]) == 0
    assert "web.yml:4: tls_server_config.client_auth_type: without client_ca_file" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["--config.check"], []])
def test_mistakes_of_both_files_are_reported(
    arguments: list[str], directory: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (directory / "config.yml").write_text(GOOD.replace(":104", ""))
    (directory / "web.yml").write_text("basic_auth_users:\n  alice: hunter2\nx: 1\n")
    assert main([*arguments, "--web.config.file=web.yml"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(": ")[0] for line in err.splitlines()] == ["config.yml:2", "web.yml:2", "web.yml:3"]
    assert "hunter2" not in err


def test_missing_web_configuration_is_reported(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--config.check", "--web.config.file=nowhere.yml"]) == 2
    assert capsys.readouterr().err == "nowhere.yml: cannot read the file: No such file or directory\n"


def test_empty_web_config_file_is_none(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As with exporters in Go: the flag may come from a variable that is empty."""
    assert main(["--config.check", "--web.config.file="]) == 0
    assert "web configuration" not in capsys.readouterr().out


@pytest.mark.integration
async def test_password_hash_and_user_are_not_logged(tmp_path: Path) -> None:
    (tmp_path / "config.yml").write_text(GOOD)
    (tmp_path / "web.yml").write_text(f"basic_auth_users:\n  alice: {HASH}\n")
    flags = ("--web.listen-address=127.0.0.1:0", "--web.config.file=web.yml", "--log.level=debug", "--log.format=json")
    async with started(*flags, directory=tmp_path) as exporter:
        line = (await exporter.logged('"msg": "listening"|listening'))[0]
        assert line
        exporter.process.terminate()
        _, err = await exporter.process.communicate()
    assert exporter.process.returncode == 0
    text = err.decode()
    assert json.loads(text.splitlines()[-1])["level"] == "info"
    assert HASH[7:] not in text
    assert "alice" not in text
