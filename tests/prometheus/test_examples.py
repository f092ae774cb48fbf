"""The example configurations in `prometheus/`, as promtool reads them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.testing.peers.requirements import program

DIRECTORY = Path(__file__).parents[2] / "prometheus"
EXAMPLES = sorted(path.name for path in DIRECTORY.glob("prometheus*.yml"))

pytestmark = pytest.mark.integration


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_pass_promtool(name: str, tmp_path: Path) -> None:
    shutil.copytree(DIRECTORY, tmp_path / "prometheus")
    command = [program("promtool", "prometheus"), "check", "config", "--lint-fatal", f"prometheus/{name}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_examples_show_each_way_to_scrape() -> None:
    assert EXAMPLES == ["prometheus-sd.yml", "prometheus-sharded.yml", "prometheus.yml"]
