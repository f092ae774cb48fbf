"""The two servers of the benchmark, each a separate process: the fast SCP, and a real Orthanc."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks.cores import server_cores, started_on
from tests.testing.peers import Orthanc, orthanc, synthetic

ROOT = Path(__file__).parents[1]
STUDIES = 500
"""In Orthanc, one image each."""


@contextmanager
def fast_scp() -> Iterator[Mapping[str, Sequence[int]]]:
    """Run the fast SCP; yields its ports by behaviour, see `scp`."""
    with started_on(server_cores()):
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.scp"], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the SCP has no standard input or output")
    try:
        ports: Mapping[str, Sequence[int]] = json.loads(process.stdout.readline())
        yield ports
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


@contextmanager
def real_orthanc(directory: Path) -> Iterator[Orthanc]:
    """Run Orthanc with `STUDIES` synthetic studies, open to all."""
    with ExitStack() as stack:
        with started_on(server_cores()):
            archive = stack.enter_context(orthanc(directory, verbose=False, DicomAlwaysAllowFind=True))
        archive.upload(synthetic.studies(STUDIES))
        time.sleep(1.0)  # it continues to index for a short time, without a signal when it is done
        yield archive


def installed(program: str) -> bool:
    """Whether a program is installed. Debian installs Orthanc outside of the default PATH of a user."""
    return any(shutil.which(program, path=path) for path in (None, "/usr/sbin", "/usr/local/sbin"))
