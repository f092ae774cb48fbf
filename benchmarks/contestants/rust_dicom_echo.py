"""`dicom-echo` from PyPI, written in Rust: a blocking function, with one thread for each concurrent session."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import dicom_echo

from benchmarks.measuring import Stopwatch, Took, Work


def echo(work: Work) -> tuple[int, Took]:
    """C-ECHO sessions."""
    numbers = count()

    def one_after_another() -> int:
        succeeded = 0
        while (number := next(numbers)) < work.count:
            host, port = work.address(number)
            status = dicom_echo.send(
                f"{host}:{port}", called_ae_title=work.called, calling_ae_title="BENCHMARK", message_id=1
            )
            succeeded += status == 0
        return succeeded

    with ThreadPoolExecutor(work.concurrency) as threads:
        watch = Stopwatch()
        running = [threads.submit(one_after_another) for _ in range(work.concurrency)]
        succeeded = sum(each.result() for each in running)
        return succeeded, watch.took()
