"""The file while the exporter runs, without a client."""

from __future__ import annotations

import asyncio
import traceback
from pathlib import Path

import pytest

from dicom_exporter.webconfig import LiveConfig
from dicom_exporter.yamlfile.errors import ConfigErrors
from tests.peers import make_certificates
from tests.webconfig.serving import replace
from tests.webconfig.texts import TLS, users


async def test_what_cannot_be_used_keeps_nothing_of_who_asked(tmp_path: Path) -> None:
    """An exception that is raised again and again takes the frames of each time along, and with them the requests."""
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


async def test_the_same_contents_are_the_same_configuration_and_certificate(tmp_path: Path) -> None:
    """So that neither the rate limit nor the sessions begin anew when a file is touched."""
    make_certificates(tmp_path)
    file = tmp_path / "web.yml"
    replace(file, TLS)
    live = LiveConfig(str(file))
    before = await live.current(), await live.tls()
    for name in ("web.yml", "server.pem", "server.key"):
        replace(tmp_path / name, (tmp_path / name).read_text())
    assert (await live.current(), await live.tls()) == before


async def test_all_who_ask_at_once_see_the_change(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    replace(file, users(alice="right"))
    live = LiveConfig(str(file))
    replace(file, users(bob="right"))
    configs = await asyncio.gather(*(live.current() for _ in range(50)))
    assert {tuple(config.users) for config in configs} == {(b"bob",)}


async def test_a_bad_certificate_at_the_start_is_told(tmp_path: Path) -> None:
    file = tmp_path / "web.yml"
    replace(file, TLS)
    with pytest.raises(ConfigErrors, match=r"web.yml:2: tls_server_config.cert_file: cannot read 'server.pem'"):
        LiveConfig(str(file))
