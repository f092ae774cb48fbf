"""Clients that connect and send nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from dicom_exporter.webconfig import site
from tests.testing.serving import serving

pytestmark = pytest.mark.loopback

BOUND = 5


async def test_site_silent_connections_are_bounded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(site, "_HANDSHAKE_TIMEOUT", 60.0)
    async with serving(tmp_path / "web.yml", "", max_opening=BOUND) as server:
        opened = await asyncio.gather(*(asyncio.open_connection("127.0.0.1", server.port) for _ in range(60)))
        ended = {asyncio.create_task(reader.read()) for reader, _ in opened}
        async with asyncio.timeout(30):
            while sum(task.done() for task in ended) < len(opened) - BOUND:
                await asyncio.wait([task for task in ended if not task.done()], return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.cancel()
        for _, writer in opened:
            writer.close()
