"""A configuration that is mounted into a container as a single file."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.integration, pytest.mark.skipif(sys.platform != "linux", reason="needs namespaces")]


async def test_reload_of_a_mounted_file_that_was_replaced_says_so(tmp_path: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--map-root-user", "--mount", "--propagation=private"),
        *(sys.executable, "-m", "tests.testing.mounting", str(tmp_path)),
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    (status, _), (after, text) = json.loads(out)
    assert status == 200
    assert after == 500
    assert text.startswith("config.yml: the file was replaced, but this mount of a single file shows the old one")
