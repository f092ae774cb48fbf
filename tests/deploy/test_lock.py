"""The packages of the container image: all that pyproject.toml asks for, each by its version and hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
_LOCKED = re.compile(r"^(\S+)==([^\s;]+)( ; .*)? \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.M)


def test_lock_has_a_version_that_pyproject_allows_of_each_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    versions = {name: version for name, version, _, _ in _LOCKED.findall(_lock())}
    for wanted in map(Requirement, [*project["project"]["dependencies"], *project["build-system"]["requires"]]):
        assert wanted.specifier.contains(versions.get(wanted.name.lower(), "missing")), f"{wanted}: run `make lock`"


def test_lock_names_nothing_without_a_hash() -> None:
    assert not _LOCKED.sub("", _lock()).strip()


def _lock() -> str:
    return (ROOT / "deploy" / "container" / "requirements.txt").read_text()
