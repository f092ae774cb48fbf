"""The exporter as a process."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 30.0
"""Seconds; reached only on a very busy machine."""


@dataclass
class Running:
    """A process, and its log line by line."""

    process: asyncio.subprocess.Process

    async def logged(self, pattern: str) -> re.Match[str]:
        """The next line on stderr that matches `pattern`."""
        assert self.process.stderr is not None
        lines = []
        async with asyncio.timeout(PATIENCE):
            while line := (await self.process.stderr.readline()).decode():
                if found := re.search(pattern, line):
                    return found
                lines.append(line)
        raise AssertionError(f"it ended without {pattern!r}:\n{''.join(lines)}")

    async def said(self) -> str:
        """The next line on stdout."""
        assert self.process.stdout is not None
        async with asyncio.timeout(PATIENCE):
            return (await self.process.stdout.readline()).decode()

    async def url(self) -> str:
        """The URL that it listens on."""
        return f"http://{(await self.logged('msg=listening address=(.*)'))[1]}"

    async def ended(self) -> int:
        """Its exit code, once it has ended."""
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


def passing(descriptors: Sequence[int], *arguments: str) -> list[str]:
    """The command of a Python with `arguments` to which systemd passes these sockets, as sd_listen_fds(3) says."""
    code = (
        "import os, sys\n"
        "numbers = [os.dup(int(number)) for number in sys.argv[1].split(',')]\n"
        "for place, number in enumerate(numbers, 3): os.set_inheritable(os.dup2(number, place), True)\n"
        "os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(numbers)))\n"
        "os.execv(sys.executable, [sys.executable, *sys.argv[2:]])"
    )
    return [sys.executable, "-c", code, ",".join(map(str, descriptors)), *arguments]


@asynccontextmanager
async def started(*arguments: str, directory: Path, sockets: Sequence[socket.socket] = ()) -> AsyncIterator[Running]:
    """`dicom_exporter` with `arguments`; killed at the end if it is still running. `sockets`: systemd passes them."""
    passed = [sock.fileno() for sock in sockets]
    command = ["-m", "dicom_exporter", *arguments]
    process = await asyncio.create_subprocess_exec(
        *(passing(passed, *command) if passed else [sys.executable, *command]),
        cwd=directory,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        pass_fds=passed,
        env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},  # as a user has it
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()
