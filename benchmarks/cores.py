"""CPU pinning: the measured program has one core and the servers have the others, so that they do not interfere."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def client_cores() -> set[int]:
    """The core of the measured program."""
    return {min(os.sched_getaffinity(0))}


def server_cores() -> set[int]:
    """The cores of the servers: all other cores, or the same one if there is only one."""
    every = os.sched_getaffinity(0)
    return every - client_cores() or every


@contextmanager
def started_on(cores: set[int]) -> Iterator[None]:
    """Processes that are started in the block run on `cores` until they end."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def client_core_busy() -> Iterator[None]:
    """The core of the measured program is shared with a process that never waits."""
    with started_on(client_cores()):
        process = subprocess.Popen([sys.executable, "-c", "while True: pass"], stdin=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()
