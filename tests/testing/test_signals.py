"""The rule of tests/conftest.py: what a test starts does not ignore SIGINT, though the tests run in the background."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

CHILD = "import signal; print(signal.getsignal(signal.SIGINT) is signal.SIG_IGN)"
TESTS = f"import tests.conftest, subprocess, sys; subprocess.run([sys.executable, '-c', {CHILD!r}])"


@pytest.mark.parametrize(("code", "ignored"), [(CHILD, True), (TESTS, False)], ids=["without", "with"])
def test_child_of_background_job_ignores_sigint(code: str, ignored: bool) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done.stdout == f"{ignored}\n"
