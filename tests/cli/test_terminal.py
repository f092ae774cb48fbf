"""What is shown on a terminal while a command runs, and not in a pipe."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.testing import hostile
from tests.testing.exporting import configure
from tests.testing.hostile import honest
from tests.testing.running import PATIENCE

pytestmark = pytest.mark.integration


async def watched(
    *arguments: str, directory: Path, until: re.Pattern[bytes], then: asyncio.Event, **environment: str
) -> tuple[int, bytes, bytes]:
    """Run a command whose stderr is a terminal; set `then` once `until` is on it. Exit code, stdout, the terminal."""
    screen, stderr = pty.openpty()
    os.set_blocking(screen, False)
    changed: Mapping[str, str] = {**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "dicom_exporter",
        *arguments,
        cwd=directory,
        env=changed,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
    )
    os.close(stderr)
    shown = bytearray()
    loop = asyncio.get_running_loop()

    def read() -> None:
        try:
            data = os.read(screen, 65536)
        except OSError:  # Linux says so when the other side has ended
            data = b""
        if not data:
            loop.remove_reader(screen)
        shown.extend(data)
        if until.search(shown):
            then.set()

    loop.add_reader(screen, read)
    try:
        async with asyncio.timeout(PATIENCE):
            out, _ = await process.communicate()
    finally:
        loop.remove_reader(screen)
        os.close(screen)
        if process.returncode is None:
            process.kill()
    assert process.returncode is not None
    return process.returncode, out, bytes(shown)


async def answers_when(seen: asyncio.Event) -> hostile.Behaviour:
    """An archive that answers the C-ECHO once the terminal shows something."""

    async def behaviour(peer: hostile.Peer) -> None:
        await honest.associate(peer)
        request = await peer.message()
        await seen.wait()
        await honest.answer(peer, request)
        await honest.serve(peer, 3, 2)

    return behaviour


async def test_running_phase_is_shown_on_terminal(tmp_path: Path) -> None:
    seen = asyncio.Event()
    running = re.compile(rb"associate +[0-9.]+ ms.*echo +[0-9.]+ s", re.S)
    async with hostile.server(await answers_when(seen)) as server:
        code, out, screen = await watched("probe", server.address, directory=tmp_path, until=running, then=seen)
    assert code == 0
    assert running.search(screen)
    assert b"3 studies" in out
    assert b"\x1b" not in out  # stdout is a pipe, and stays plain


async def test_report_shows_progress_on_terminal(tmp_path: Path) -> None:
    seen = asyncio.Event()
    async with hostile.server(await answers_when(seen)) as server:
        configure(tmp_path, [{"name": "slow", "address": server.address}])
        progress = re.compile(rb"0/1")
        code, out, screen = await watched("report", directory=tmp_path, until=progress, then=seen)
    assert code == 0
    assert progress.search(screen)
    assert b"\x1b" not in out


async def test_terminal_no_color_prints_no_colours(tmp_path: Path) -> None:
    seen = asyncio.Event()
    async with hostile.server(await answers_when(seen)) as server:
        _, _, screen = await watched(
            "probe", server.address, directory=tmp_path, until=re.compile(rb"echo"), then=seen, NO_COLOR="1"
        )
    assert not re.search(rb"\x1b\[[0-9;]*3[0-7]m", screen)
