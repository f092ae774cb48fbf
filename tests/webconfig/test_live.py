"""The file while the exporter runs, without a client."""

from __future__ import annotations

import asyncio
import threading
import traceback
from pathlib import Path

import pytest

import dicom_exporter.webconfig.live as live_module
from dicom_exporter.webconfig.live import LiveConfig
from dicom_exporter.yamlfile.errors import ConfigErrors
from dicom_exporter.yamlfile.snapshot import Snapshot, take
from tests.testing.peers import make_certificates
from tests.testing.serving import replace
from tests.testing.web_config import TLS, users


async def test_live_config_repeated_error_keeps_no_frames_of_callers(tmp_path: Path) -> None:
    """An exception object that is raised repeatedly collects the frames of every caller, and their requests."""
    file = tmp_path / "web.yml"
    replace(file, users(alice="right"))
    live = LiveConfig(str(file))
    replace(file, "x: y\n")
    lengths = []
    for _ in range(3):
        with pytest.raises(ConfigErrors) as raised:
            await live.current()
        lengths.append(len(traceback.extract_tb(raised.value.__traceback__)))
    assert len(set(lengths)) == 1


async def test_live_config_same_contents_keep_configuration_and_context(tmp_path: Path) -> None:
    """Neither the rate limit nor the TLS sessions are reset when only the times of a file change."""
    make_certificates(tmp_path)
    file = tmp_path / "web.yml"
    replace(file, TLS)
    live = LiveConfig(str(file))
    before = await live.current(), await live.tls()
    for name in ("web.yml", "server.pem", "server.key"):
        replace(tmp_path / name, (tmp_path / name).read_text())
    assert (await live.current(), await live.tls()) == before


async def test_live_config_concurrent_callers_all_get_the_change(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    replace(file, users(alice="right"))
    live = LiveConfig(str(file))
    replace(file, users(bob="right"))
    configs = await asyncio.gather(*(live.current() for _ in range(50)))
    assert {tuple(config.users) for config in configs} == {(b"bob",)}


@pytest.mark.parametrize("name", ["web.yml", "server.pem"])
async def test_live_config_file_that_hangs_keeps_what_was_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a network file system whose server is away."""
    monkeypatch.setattr(live_module, "MAX_WAIT", 0.01)
    monkeypatch.setattr(live_module, "HANGS_AFTER", 0.0)
    make_certificates(tmp_path)
    file = tmp_path / "web.yml"
    replace(file, TLS)
    live = LiveConfig(str(file))
    hang = threading.Event()

    def hanging(path: Path, limit: int) -> Snapshot:
        if path.name == name:
            hang.wait()
        return take(path, limit)

    monkeypatch.setattr(live_module, "take", hanging)
    before = live.in_force
    for _ in range(3):
        assert await live.current() is before
        assert await live.tls() is not None
    replace(file, TLS + "basic_auth_users: {}\n")
    hang.set()
    monkeypatch.setattr(live_module, "MAX_WAIT", 30.0)
    assert await live.current() is not before


async def test_live_config_unreadable_certificate_at_start_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    replace(file, TLS)
    with pytest.raises(
        ConfigErrors, match=r"web.yml:2: tls_server_config.cert_file: cannot read the file of this name"
    ):
        LiveConfig(str(file))
