"""The machine and the versions of a run: without these, the figures mean nothing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path


def machine() -> Mapping[str, str]:
    """The machine, and the version of each program that is measured."""
    return {name: value for name, value in _facts() if value}


def _facts() -> Iterator[tuple[str, str]]:
    yield "processor", _first(Path("/proc/cpuinfo"), r"model name\s*:\s*(.*)")
    yield "cores", f"{len(os.sched_getaffinity(0))}: one for the measured program, the others for the servers"
    yield "memory", _first(Path("/proc/meminfo"), r"MemTotal:\s*(.*)")
    yield "load before the run", f"{os.getloadavg()[0]:.1f}"
    yield "system", f"Linux {platform.release()}"
    yield "Python", f"{platform.python_implementation()} {platform.python_version()}"
    for package in ("uvloop", "aiohttp", "pynetdicom", "pydicom", "dicom-echo"):
        yield package, _package(package)
    yield "DCMTK", _said(["echoscu", "--version"], r"v(\d\S*)")
    yield "Orthanc", _said(["/usr/sbin/Orthanc", "--version"], r"Orthanc (\S+)")
    yield "commit", _said(["git", "rev-parse", "--short", "HEAD"], r"(\S+)")


def _first(path: Path, pattern: str) -> str:
    found = re.search(pattern, path.read_text()) if path.exists() else None
    return found[1].strip() if found else ""


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _said(command: list[str], pattern: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(pattern, done.stdout)
    return found[1] if found else ""
