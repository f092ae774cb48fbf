"""sd_notify(3), to a socket as systemd opens it."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from dicom_exporter.server.systemd import READY, notify, reloading

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
