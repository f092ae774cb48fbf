"""DCMTK's `echoscu` and `findscu`, a process for each session, as a monitoring script calls them."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.measuring import Stopwatch, Took, Work

_IDENTITY = ["-aet", "BENCHMARK"]


def echo(work: Work) -> tuple[int, Took]:
    """C-ECHO sessions."""

    def once(number: int) -> bool:
        host, port = work.address(number)
        return _run(["echoscu", *_IDENTITY, "-aec", work.called, host, str(port)]) == 0

    with ThreadPoolExecutor(work.concurrency) as threads:
        watch = Stopwatch()
        succeeded = sum(threads.map(once, range(work.count)))
        return succeeded, watch.took()


def find(work: Work) -> tuple[int, Took]:
    """C-FINDs; returns the matches.

    It says nothing (``-q``) while the time is taken, as writing each match down would be most of the work. How many
    there are is counted in what it lists once before.
    """
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "NumberOfStudyRelatedInstances"]
    host, port = work.address(0)
    command = ["findscu", "-S", *_IDENTITY, "-aec", work.called, *keys, host, str(port)]
    listed = subprocess.run(command, capture_output=True, check=True)
    matches = (listed.stdout + listed.stderr).count(b"I: Find Response: ")
    watch = Stopwatch()
    done = sum(_run([command[0], "-q", *command[1:]]) == 0 for _ in range(work.count))
    return done * matches, watch.took()


def _run(command: Sequence[str]) -> int:
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ).returncode
