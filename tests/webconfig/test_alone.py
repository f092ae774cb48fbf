"""The package is one that another exporter could take."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from dicom_exporter import webconfig
from tests.webconfig.texts import users


def test_it_runs_under_another_name_and_without_the_program_around_it(tmp_path: Path) -> None:
    shutil.copytree(Path(webconfig.__file__).parent, tmp_path / "lifted")
    (tmp_path / "web.yml").write_text(users(alice="secret"))
    program = (
        "import sys\n"
        "sys.modules['dicom_exporter'] = None  # whoever imports it gets an ImportError\n"
        "import lifted\n"
        "sys.stdout.write(lifted.described(lifted.load('web.yml')))\n"
    )
    run = [sys.executable, "-c", program]
    ended = subprocess.run(run, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.stdout == "plain HTTP, 1 user, no rate limit"
