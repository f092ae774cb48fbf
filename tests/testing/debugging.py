"""The exporter as a process that logs at the level debug, and everything that its commands print."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientTimeout

from tests.testing.peers.process import Process, process


def start_exporter(
    stack: AsyncExitStack, directory: Path, config: Mapping[str, Any], *program: str
) -> tuple[Process, str]:
    """Run the exporter with `config` until `stack` ends. Returns its process, whose log is all it writes, and URL."""
    (directory / "config.yml").write_text(json.dumps(config))
    argv = [*(program or ("-m", "dicom_exporter")), "--web.listen-address=127.0.0.1:0", "--log.level=debug"]
    running = stack.enter_context(process([sys.executable, *argv], directory, "exporter"))
    return running, "http://" + running.wait_for_log(r"msg=listening address=(\S+)")[1]


async def output_of(directory: Path, *arguments: str) -> str:
    """Everything that a command of the exporter prints."""
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "dicom_exporter", *arguments),
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    return (await command.communicate())[0].decode()


def client(url: str) -> ClientSession:
    """An HTTP client of the exporter at `url`."""
    return ClientSession(url, timeout=ClientTimeout(total=60))
