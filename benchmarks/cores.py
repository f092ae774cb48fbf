"""CPU pinning: the measured program has one core and the servers have the others, so that they do not interfere."""

from __future__ import annotations

import os
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
