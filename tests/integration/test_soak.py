"""A short soak test: `make soak` for half a minute."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.soak.weather import FAKETIME
from tests.testing.peers.requirements import missing

pytestmark = pytest.mark.integration


async def test_soak_of_half_a_minute_passes(tmp_path: Path) -> None:
    """The exporter answers every request, and reports nothing that is false, under all of this load."""
    if not FAKETIME:
        missing("libfaketime is not installed", "libfaketime")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.soak", "--minutes=0.4", "--targets=100", "--interval=2", "--timeout=3"),
        *("--beat=8", "--port=21105", "--most-unknown=1", f"--directory={tmp_path}"),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
