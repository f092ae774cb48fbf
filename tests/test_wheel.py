"""The contents of the wheel, as pip builds it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

from dicom_exporter.cli.print import FILES

ROOT = Path(__file__).parents[1]
SOURCES = (
    "dicom_exporter",
    "docs",
    "prometheus",
    "grafana",
    "deploy",
    "config.example.yml",
    "LICENSE",
    "MANIFEST.in",
    "README.md",
    "pyproject.toml",
    "setup.py",
)
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"


def test_wheel_has_templates_and_static_files(tmp_path: Path) -> None:
    tree, out = tmp_path / "tree", tmp_path / "out"
    for name in SOURCES:
        source, copy = ROOT / name, tree / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, copy)
    (tree / "docs" / "runbooks").mkdir(parents=True, exist_ok=True)
    (tree / "docs" / "runbooks" / "SomeAlert.md").write_text("# Some alert\n")
    out.mkdir()
    subprocess.run([sys.executable, "-c", BUILD, out], cwd=tree, check=True, capture_output=True)
    (wheel,) = out.glob("*.whl")
    with ZipFile(wheel) as opened:
        packed = set(opened.namelist())
    package = tree / "dicom_exporter"
    wanted = {str(file.relative_to(tree)) for file in package.rglob("*") if file.is_file()}
    runbooks = {f"dicom_exporter/runbooks/{file.name}" for file in (tree / "docs" / "runbooks").glob("*.md")}
    files = [file.relative_to(ROOT) for what in FILES if what != "schema" for file in ROOT.glob(FILES[what])]
    shared = {f"dicom_exporter/share/{file}" for file in files}
    assert len(shared) > 8
    assert (wanted | runbooks | shared) - packed == set()
