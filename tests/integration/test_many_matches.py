"""A million matches: all counted, and none of them kept."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.testing.exporting import exporter

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
MATCHES = 1_000_000
GROWTH = 16 * 1024
"""KiB that the exporter may grow at most; the matches have 150 bytes each, and would take ten times as much."""


@asynccontextmanager
async def flooding() -> AsyncIterator[int]:
    """The port of a server with `MATCHES` studies."""
    server = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.testing.flood",
        str(MATCHES),
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        yield int(await server.stdout.readline())
    finally:
        server.stdin.close()
        await server.wait()


def peak_memory(pid: int) -> int:
    """The peak memory of a process, in KiB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1])


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from Linux's /proc")
async def test_query_million_matches_are_bounded_in_memory(tmp_path: Path) -> None:
    modules = {
        "few": {"timeout": "60s", "queries": {"studies": {"max_matches": 1000}}},
        "all": {"timeout": "60s", "queries": {"studies": {"max_matches": 2 * MATCHES}}},
    }
    async with flooding() as port:
        target = {"name": "flood", "address": f"127.0.0.1:{port}", "modules": ["all"]}
        async with exporter(tmp_path, [target], modules=modules) as exporting:
            few = await exporting.get("/probe?target=flood&module=few")
            assert few.value("dicom_studies_visible") == 1000
            before = peak_memory(exporting.running.process.pid)
            shown = await exporting.get("/probe?target=flood")
            assert shown.value("dicom_studies_visible") == MATCHES
            assert shown.value("dicom_images_visible") == 2 * MATCHES
            assert shown.value("dicom_query_complete") == 1
            grown = peak_memory(exporting.running.process.pid) - before
            seconds = shown.value("dicom_query_duration_seconds") or 0
            sys.stdout.write(f"{MATCHES / seconds:,.0f} matches/s, {grown} KiB more\n")  # shown by pytest -s
            assert grown < GROWTH
