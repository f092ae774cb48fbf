"""sd_notify(3), to a socket as systemd opens it; sockets as systemd passes them to a process."""

from __future__ import annotations

import os
import socket
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from dicom_exporter.server.listening import CannotListen
from dicom_exporter.server.systemd import READY, notify, passed_sockets, reloading
from tests.testing.running import passing

pytestmark = pytest.mark.loopback


@pytest.mark.parametrize("abstract", [False, True])
def test_notify_sends_state(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"\0dicom_exporter-{os.getpid()}" if abstract else str(tmp_path / "notify")
    with closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as systemd:
        systemd.bind(name)
        monkeypatch.setenv("NOTIFY_SOCKET", name.replace("\0", "@"))
        notify(READY)
        notify(reloading())
        assert systemd.recv(100) == b"READY=1"
        state, since = systemd.recv(100).decode().split("\n")
        assert state == "RELOADING=1"
        assert since.removeprefix("MONOTONIC_USEC=").isdigit()


@pytest.mark.parametrize("address", ["", "vsock:2:1", "/nowhere/notify"])
def test_notify_without_systemd_does_nothing(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NOTIFY_SOCKET", address)
    notify(READY)


@pytest.mark.parametrize("pid", ["", "1"])
def test_passed_sockets_without_systemd_is_an_error(pid: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN_PID", pid)
    monkeypatch.setenv("LISTEN_FDS", "1")
    with pytest.raises(CannotListen, match="systemd has passed no socket"):
        passed_sockets()
    assert "LISTEN_FDS" not in os.environ


@pytest.mark.parametrize("kind", ["stream", "datagram", "unix", "file"])
def test_passed_socket_that_cannot_be_listened_on_is_an_error(kind: str, tmp_path: Path) -> None:
    code = (
        "from dicom_exporter.server.systemd import *\n"
        "from dicom_exporter.server.listening import CannotListen\n"
        "try: passed_sockets()\n"
        "except CannotListen as error: print(error)"
    )
    with (
        socket.socket() as stream,
        socket.socket(type=socket.SOCK_DGRAM) as datagram,
        socket.socket(socket.AF_UNIX) as unix,
        (tmp_path / "file").open("w") as file,
    ):
        unix.bind(str(tmp_path / "unix"))
        unix.listen()
        numbers = {
            "stream": stream.fileno(),
            "datagram": datagram.fileno(),
            "unix": unix.fileno(),
            "file": file.fileno(),
        }
        passed = numbers[kind]
        command = passing([passed], "-c", code)
        done = subprocess.run(command, pass_fds=[passed], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("file descriptor 3 of systemd is not a ")
