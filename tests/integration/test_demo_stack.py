"""`make demo-stack`: the alert is shown, and Ctrl-C leaves no process and no file."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from deploy.demo_stack.settings import ROOT
from tests.testing.peers.requirements import program

pytestmark = pytest.mark.integration

PATIENCE = 120.0
"""Seconds, as documented."""


@asynccontextmanager
async def demo_stack(temporary: Path, *arguments: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The stack, with its files in `temporary`; stopped at the end, if it still runs."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "deploy.demo_stack", *arguments),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


def running_in(directory: Path) -> list[str]:
    """The command lines of all processes that work below `directory`."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and (entry / "cwd").readlink().is_relative_to(directory):
                found.append((entry / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue  # it is over, or is somebody else's
    return found


async def said(process: asyncio.subprocess.Process, pattern: str) -> list[str]:
    """Its output, up to the line that matches `pattern`."""
    assert process.stdout is not None
    lines = []
    async with asyncio.timeout(PATIENCE):
        while line := (await process.stdout.readline()).decode():
            lines.append(line)
            if re.search(pattern, line):
                return lines
    raise AssertionError(f"no {pattern!r} in:\n{''.join(lines)}")


def peers_are_installed() -> None:
    program("prometheus", "prometheus")
    program("prometheus-alertmanager", "prometheus-alertmanager")


async def nothing_is_left(process: asyncio.subprocess.Process, temporary: Path) -> str:
    """The rest of its output, once it has ended; no process and no file of it must be left."""
    async with asyncio.timeout(PATIENCE):
        rest, errors = await process.communicate()
    assert (process.returncode, errors.decode()) == (0, "")
    assert running_in(temporary) == []
    assert os.listdir(temporary) == []  # noqa: PTH208 - no other way to list is allowed in a coroutine
    return (rest or b"").decode()


async def test_stack_page_arrives_and_ctrl_c_stops_all(tmp_path: Path) -> None:
    peers_are_installed()
    async with demo_stack(tmp_path) as process:
        lines = await said(process, "CRITICAL .*demo-open")
        assert "Prometheus" in "".join(lines)
        more = "".join(await said(process, "runbooks/DicomPatientDataListed"))
        assert "target demo-open   level 5   site demo-north" in more
        assert len(running_in(tmp_path)) == 3
        process.send_signal(signal.SIGINT)
        assert "demo-control" not in await nothing_is_left(process, tmp_path)


async def test_stack_sigterm_at_start_stops_all(tmp_path: Path) -> None:
    peers_are_installed()
    async with demo_stack(tmp_path) as process:
        await said(process, "Press Ctrl-C to stop")
        process.send_signal(signal.SIGTERM)
        await nothing_is_left(process, tmp_path)


async def test_stack_stops_when_stdout_is_closed(tmp_path: Path) -> None:
    peers_are_installed()
    reader, writer = os.pipe()
    os.close(reader)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "deploy.demo_stack"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=writer,
        stderr=asyncio.subprocess.PIPE,
    )
    os.close(writer)
    await nothing_is_left(process, tmp_path)


async def test_stack_missing_program_names_package(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    async with demo_stack(tmp_path, PATH=str(tmp_path / "bin")) as process:
        async with asyncio.timeout(PATIENCE):
            out, errors = await process.communicate()
        assert process.returncode == 3
        assert out == b""
        assert "apt-get install prometheus prometheus-alertmanager" in errors.decode()


async def test_stack_stops_when_a_process_ends(tmp_path: Path) -> None:
    broken = tmp_path / "bin"
    broken.mkdir()
    for name in ("prometheus", "prometheus-alertmanager"):
        (broken / name).write_text("#!/bin/sh\necho it is broken\nexit 7\n")
        (broken / name).chmod(0o755)
    (tmp_path / "tmp").mkdir()
    async with demo_stack(tmp_path / "tmp", PATH=f"{broken}:{os.environ['PATH']}") as process:
        async with asyncio.timeout(PATIENCE):
            _, errors = await process.communicate()
        assert process.returncode == 3
        assert "ended with exit code 7:\nit is broken" in errors.decode()
        assert running_in(tmp_path / "tmp") == []


async def test_stack_invalid_number_of_targets_is_refused(tmp_path: Path) -> None:
    async with demo_stack(tmp_path, "--targets=2") as process:
        _, errors = await process.communicate()
        assert process.returncode == 2
        assert "'2' is not a number of 3 or more" in errors.decode()
