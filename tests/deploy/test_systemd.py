"""The systemd unit, checked by systemd's own tools, which need no running service manager."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from dicom_exporter import DEFAULT_PORT
from dicom_exporter.cli.serve import Options, make_parser
from tests.testing.peers.requirements import program

UNIT = Path(__file__).parents[2] / "deploy" / "systemd" / "dicom_exporter.service"
MOST_EXPOSED = 20
"""In tenths: the highest allowed result of `systemd-analyze security`, whose scale is 0 to 10."""


def _analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [program("systemd-analyze", "systemd"), "--no-pager", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


def test_unit_passes_systemd_security_threshold() -> None:
    done = _analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(UNIT))
    assert done.returncode == 0, done.stdout + done.stderr


def test_unit_without_hardening_fails_threshold(tmp_path: Path) -> None:
    bare = tmp_path / UNIT.name
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert _analyze("security", "--offline=yes", f"--threshold={MOST_EXPOSED}", str(bare)).returncode != 0


def test_unit_directives_are_known_to_systemd(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name  # with a program that is there, and without the page that may not be installed here
    text = re.sub(r"^Documentation=.*\n", "", UNIT.read_text(), flags=re.M)
    unit.write_text(text.replace("/opt/dicom_exporter/bin/dicom_exporter", "/bin/true"))
    done = _analyze("verify", str(unit))
    assert (done.returncode, done.stderr) == (0, "")


def test_unit_command_line_is_valid() -> None:
    (command,) = re.findall(r"^ExecStart=\S+ (.*)$", UNIT.read_text(), re.M)
    assert command == "--config.file=/etc/dicom_exporter/config.yml"


def test_unit_with_a_socket_is_known_to_systemd(tmp_path: Path) -> None:
    added = tmp_path / f"{UNIT.name}.d"
    added.mkdir()
    for name, directory in ((UNIT.name, tmp_path), ("dicom_exporter.socket", tmp_path), ("socket.conf", added)):
        text = re.sub(r"^Documentation=.*\n", "", (UNIT.parent / name).read_text(), flags=re.M)
        (directory / name).write_text(text.replace("/opt/dicom_exporter/bin/dicom_exporter", "/bin/true"))
    for unit in (UNIT.name, "dicom_exporter.socket"):
        done = _analyze("verify", str(tmp_path / unit))
        assert (done.returncode, done.stderr) == (0, "")


def test_unit_with_a_socket_has_the_same_port_and_a_valid_command_line() -> None:
    assert f"ListenStream={DEFAULT_PORT}\n" in (UNIT.parent / "dicom_exporter.socket").read_text()
    (command,) = re.findall(r"^ExecStart=\S+ (.*)$", (UNIT.parent / "socket.conf").read_text(), re.M)
    options = make_parser().parse_args(command.split(), Options())
    assert options.web_systemd_socket
    assert options.config_file == ["/etc/dicom_exporter/config.yml"]
