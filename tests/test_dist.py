"""What a release consists of, as far as it can be made without a package index."""

from __future__ import annotations

import tarfile
from pathlib import Path

from dicom_exporter import __version__
from dicom_exporter.cli.print import FILES
from tools.dist import build, hashes, licenses

ROOT = Path(__file__).parents[1]


def test_dist_is_the_same_each_time_and_the_sdist_has_all_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        build(ROOT, tmp_path / name, 1_700_000_000)
    made = hashes(tmp_path / "one")
    assert made == hashes(tmp_path / "two")
    top = f"prometheus_dicom_exporter-{__version__}"
    assert sorted(made) == [f"{top}-py3-none-any.whl", f"{top}.tar.gz"]
    with tarfile.open(tmp_path / "one" / f"{top}.tar.gz") as sdist:
        packed = sdist.getnames()
    needed = [file.relative_to(ROOT) for pattern in FILES.values() for file in ROOT.glob(pattern)]
    needed += [file.relative_to(ROOT) for file in (ROOT / "dicom_exporter").rglob("*.py")]
    needed += [Path("LICENSE"), Path("CHANGELOG.md"), Path("docs/dicom_exporter.1")]
    assert {f"{top}/{file}" for file in needed} - set(packed) == set()


def test_licenses_has_a_line_for_each_distribution(tmp_path: Path) -> None:
    for name, fields in {
        "one": "License-Expression: MIT",
        "two": "Classifier: License :: OSI Approved :: BSD License",
        "three": "License: Apache 2.0",
        "four": "Summary: says nothing",
    }.items():
        directory = tmp_path / f"{name}-1.0.dist-info"
        directory.mkdir()
        (directory / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: 1.0\n{fields}\n")
    assert licenses(tmp_path).splitlines() == [
        "four 1.0: unknown",
        "one 1.0: MIT",
        "three 1.0: Apache 2.0",
        "two 1.0: BSD License",
    ]
