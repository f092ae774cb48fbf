"""Programs that a test needs and that may not be installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_ALSO_IN = ("/usr/sbin", "/usr/local/sbin", "/usr/lib/dcmtk")  # Debian puts daemons where a user's PATH does not look


def program(name: str, package: str) -> str:
    """The path of a program; if it is missing, skips the test, or fails it if REQUIRE_PEERS is 1."""
    found = shutil.which(name) or shutil.which(name, path=os.pathsep.join(_ALSO_IN))
    if found is None:
        missing(f"{name} is not installed", package)
    return found


def file(path: Path, package: str) -> Path:
    """A file that a package brings, with the same consequences."""
    if not path.exists():
        missing(f"{path} does not exist", package)
    return path


def missing(what: str, package: str) -> NoReturn:
    """Skip the test, or fail it, because of a missing `package` of Debian's."""
    message = f"{what}: apt-get install {package}"
    if os.environ.get("REQUIRE_PEERS") == "1":
        pytest.fail(message, pytrace=False)
    pytest.skip(message)
