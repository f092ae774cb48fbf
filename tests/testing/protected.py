"""The exporter as a process behind a `--web.config.file`, and curl as its client."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.testing.exporting import configure
from tests.testing.peers.requirements import program
from tests.testing.running import PATIENCE, Running, started
from tests.testing.serving import replace

FREE = "--web.listen-address=127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class Exporter:
    """A running exporter with a web configuration file."""

    running: Running
    port: int
    directory: Path

    @property
    def file(self) -> Path:
        return self.directory / "web.yml"

    async def curl(self, *flags: str, path: str = "/-/healthy", scheme: str = "https") -> tuple[int, str]:
        """The exit code of curl, and the response with its headers."""
        url = f"{scheme}://localhost:{self.port}{path}"
        curl = [program("curl", "curl"), "--silent", "--include", "--max-time", "30", *flags, url]
        return await run(curl, self.directory)

    async def status(self, *flags: str, path: str = "/-/healthy", scheme: str = "https") -> int:
        """The status of the response. There must be one."""
        code, text = await self.curl(*flags, path=path, scheme=scheme)
        assert code == 0
        return int(text.split()[1])


async def run(command: Sequence[str], directory: Path, said: bytes | None = None) -> tuple[int, str]:
    """Run `command` with `said` on its standard input: its exit code, and what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(said), PATIENCE)
    assert process.returncode is not None
    return process.returncode, out.decode()


@asynccontextmanager
async def exporter(directory: Path, text: str) -> AsyncIterator[Exporter]:
    """Run the exporter with `text` as its web.yml. At the end it must stop on SIGTERM with exit code 0."""
    configure(directory, [{"name": "one", "address": "127.0.0.1:1"}])
    replace(directory / "web.yml", text)
    async with started(FREE, "--web.config.file=web.yml", directory=directory) as running:
        port = int((await running.logged(r"msg=listening address=127.0.0.1:(\d+) "))[1])
        yield Exporter(running, port, directory)
        running.process.send_signal(signal.SIGTERM)
        assert await running.ended() == 0
