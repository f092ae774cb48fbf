"""DCMTK's `echoscu` and `findscu`, one process for each session, as in a monitoring script."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from benchmarks.measuring import Stopwatch, Took, Work

_IDENTITY = ["-aet", "BENCHMARK"]
_LISTED = b"(Pending)"
_PIECE = 1 << 20


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
    """C-FINDs; returns the number of matches, counted in the output, because findscu does not count them."""
    watch = Stopwatch()
    matches = sum(_listed(work) for _ in range(work.count))
    return matches, watch.took()


def find_quietly(work: Work) -> tuple[int, Took]:
    """C-FINDs without output (``-q``), which cannot be counted; the difference to `find` is the cost of the output.

    Returns the number of matches of one run with output, which is not timed.
    """
    matches = _listed(work)
    watch = Stopwatch()
    done = sum(_run(_findscu(work, "-q")) == 0 for _ in range(work.count))
    return done * matches, watch.took()


def _findscu(work: Work, *options: str) -> list[str]:
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", "StudyInstanceUID", "-k", "NumberOfStudyRelatedInstances"]
    host, port = work.address(0)
    return ["findscu", *options, "-S", *_IDENTITY, "-aec", work.called, *keys, host, str(port)]


def _listed(work: Work) -> int:
    matches = 0
    kept = b""
    with subprocess.Popen(
        _findscu(work), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        if process.stdout is None:
            raise RuntimeError("findscu has no standard output")
        while piece := process.stdout.read(_PIECE):
            text = kept + piece
            matches += text.count(_LISTED)
            kept = text[-len(_LISTED) + 1 :]  # too short to contain a match that was already counted
    return matches


def _run(command: Sequence[str]) -> int:
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return done.returncode
